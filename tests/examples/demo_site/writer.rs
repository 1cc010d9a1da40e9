//! The application: it writes to its database, and knows no graph server.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{sync::oneshot, task::JoinHandle, time::interval};
use tokio_postgres::NoTls;

/// An application that writes until it is stopped.
pub(crate) struct Writer {
    committed: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl Writer {
    /// Starts an application with this number of transactions in a second, at most.
    pub(crate) fn start(address: &str, members: u32, rate: u32) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let committed = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&committed);
        let address = address.to_owned();
        let task = tokio::spawn(async move {
            let (client, connection) = tokio_postgres::connect(&address, NoTls).await?;
            tokio::spawn(connection);
            let mut random = ChaCha8Rng::seed_from_u64(1);
            let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
            loop {
                tokio::select! {
                    _ = &mut stopped => return Ok(()),
                    _ = ticks.tick() => {}
                }
                let statement = statement(&mut random, members);
                client.batch_execute(&statement).await?;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self {
            committed,
            stop,
            task,
        }
    }

    /// Returns the number of transactions so far.
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }

    /// Ends the application.
    pub(crate) async fn stop(self) -> Result<(), Box<dyn Error>> {
        // It fails only if the application has ended, which the task says.
        let _ = self.stop.send(());
        Ok(self.task.await??)
    }
}

/// Returns what one member does. The first 100 members do nothing: they are for the page.
fn statement(random: &mut ChaCha8Rng, members: u32) -> String {
    let mut member = || random.random_range(101..=members.max(102));
    let (one, two) = (member(), member());
    match random.random_range(0..6) {
        0 => format!("INSERT INTO posts (user_id, body) VALUES ({one}, 'Hello')"),
        1 => format!("UPDATE users SET city = 'Graz' WHERE id = {one}"),
        2 => format!("DELETE FROM friendships WHERE user_id = {one} AND friend_id > {two}"),
        3 => format!("UPDATE experiences SET ended_on = now() WHERE user_id = {one}"),
        _ => format!(
            "INSERT INTO friendships SELECT {}, {}, 'accepted', now() WHERE {one} <> {two}
             ON CONFLICT DO NOTHING",
            one.min(two),
            one.max(two)
        ),
    }
}
