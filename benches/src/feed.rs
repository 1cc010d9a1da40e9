//! Publishes changes at a fixed rate while something else is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cloud_proto::databus::v1::Change;
use tokio::task::JoinHandle;

use crate::channels::Channels;
use crate::outcome::Outcome;
use crate::publisher::window;

/// The interval at which due windows are sent.
const TICK: Duration = Duration::from_millis(2);
/// The least share of its rate at which a feed must be acknowledged; below it, the intended load
/// did not exist.
const SHARE_MIN: f64 = 0.9;

/// A publisher that runs until it is stopped.
#[derive(Debug)]
pub struct Feed {
    rate: f64,
    start: Instant,
    stopped: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    sender: JoinHandle<Outcome<()>>,
    answers: JoinHandle<Outcome<()>>,
}

impl Feed {
    /// Publishes `rate` changes per second in windows of `window_changes`. `change` returns each
    /// change from its number.
    pub async fn start(
        channels: &Channels,
        rate: f64,
        window_changes: u64,
        mut change: impl FnMut(u64) -> Change + Send + 'static,
    ) -> Outcome<Self> {
        let (windows, mut answers) = channels.admin(1).publisher().await?;
        let (stopped, acknowledged) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let start = Instant::now();
        let is_stopped = stopped.clone();
        let sender = tokio::spawn(async move {
            let mut tick = tokio::time::interval(TICK);
            let mut sent = 0;
            while !is_stopped.load(Ordering::Relaxed) {
                tick.tick().await;
                let is_due = |sent: u64| (sent as f64) < start.elapsed().as_secs_f64() * rate;
                while is_due(sent) && !is_stopped.load(Ordering::Relaxed) {
                    let changes = (sent..sent + window_changes).map(&mut change).collect();
                    windows.send(window(changes)).await?;
                    sent += window_changes;
                }
            }
            Ok(())
        });
        let count = acknowledged.clone();
        let answers = tokio::spawn(async move {
            while answers.next().await?.is_some() {
                count.fetch_add(window_changes, Ordering::Relaxed);
            }
            Ok(())
        });
        Ok(Self {
            rate,
            start,
            stopped,
            acknowledged,
            sender,
            answers,
        })
    }

    /// Stops the publisher, and returns the acknowledged changes per second. Fails if they are
    /// fewer than nine tenths of the rate.
    pub async fn stop(self) -> Outcome<f64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.sender.await??;
        self.answers.await??;
        let rate =
            self.acknowledged.load(Ordering::Relaxed) as f64 / self.start.elapsed().as_secs_f64();
        if rate < self.rate * SHARE_MIN {
            return Err(format!(
                "only {rate:.0} of {} changes/s were acknowledged",
                self.rate
            )
            .into());
        }
        Ok(rate)
    }
}
