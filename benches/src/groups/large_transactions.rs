//! Measures the memory of capture, and of the server that owns the log, while one transaction
//! changes as many rows as a site has members.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cloud_client::Admin;

use crate::{
    core_database::{Capture, CoreDatabase},
    figures::{Figure, Figures},
    outcome::Outcome,
    server::Server,
    setting::Setting,
    unit::{Unit, grouped},
};

/// The share of the members that the first transaction connects.
const CONNECTED: f64 = 10.0 / 22.0;
/// The most that a process may take above idle.
const MOST: f64 = (256 << 20) as f64;
const SAMPLE_EVERY: Duration = Duration::from_millis(200);
/// The part of a server's own memory that is neither graph, overlay nor views, as its status names
/// it.
const REST: &str = "other own";

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        let members = setting.options().members;
        let rows = (members as f64 * CONNECTED) as u64;
        let database = CoreDatabase::start(members, 1).await?;
        database.build().await?;
        let server = Server::start(database.folder(), &[])?;
        let capture = database.capture(&server)?;
        let insert = format!(
            "INSERT INTO links SELECT n, n + {members} / 2, now() FROM generate_series(1, {rows}) n"
        );
        let what = format!("one INSERT of {} connections", grouped(rows));
        transaction(&database, &server, &capture, figures, &what, &insert).await?;
        let update = "UPDATE people SET headline = 'The same for everyone'";
        let what = format!("one UPDATE of {} members", grouped(members));
        transaction(&database, &server, &capture, figures, &what, update).await
    })
}

/// The memory of both processes, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    capture: u64,
    /// The server's own memory without graph, overlay and views.
    server: u64,
}

async fn transaction(
    database: &CoreDatabase,
    server: &Server,
    capture: &Capture,
    figures: &mut Figures,
    what: &str,
    statement: &str,
) -> Outcome<()> {
    let end = database.position().await;
    database.caught_up(server, &end).await?;
    let idle = sample(server, capture).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let change = async {
        database.postgres.execute(statement).await;
        let end = database.position().await;
        let caught_up = database.caught_up(server, &end).await;
        is_over.store(true, Ordering::Relaxed);
        caught_up
    };
    let watch = async {
        let mut peak = idle;
        while !is_over.load(Ordering::Relaxed) {
            let now = sample(server, capture).await?;
            peak.capture = peak.capture.max(now.capture);
            peak.server = peak.server.max(now.server);
            tokio::time::sleep(SAMPLE_EVERY).await;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(peak)
    };
    let (caught_up, peak) = tokio::join!(change, watch);
    let (caught_up, peak) = (caught_up?, peak?);
    let above = |name: &str, peak: u64, idle: u64| {
        let note = format!(
            "{} at its peak; in the log {} after the commit",
            Unit::Bytes.show(peak as f64),
            Unit::Seconds.show(caught_up.as_secs_f64())
        );
        Figure::new(
            format!("{what}: memory of {name} above idle"),
            Unit::Bytes,
            peak.saturating_sub(idle) as f64,
        )
        .at_most(MOST)
        .note(note)
    };
    figures.push(above("capture", peak.capture, idle.capture));
    let name = "log and server, without graph, overlay and views,";
    figures.push(above(name, peak.server, idle.server));
    Ok(())
}

async fn sample(server: &Server, capture: &Capture) -> Outcome<Sample> {
    let status = Admin::connect(server.admin()).await?.status().await?;
    let rest = status.memory.iter().find(|part| part.part == REST);
    Ok(Sample {
        capture: capture.resident()?.anonymous,
        server: rest.ok_or("the server states no memory")?.bytes,
    })
}
