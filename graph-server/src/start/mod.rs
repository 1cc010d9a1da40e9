//! From a directory and a log to everything that a server answers from.
//!
//! Newest valid snapshot, newest valid overlay, then the log from where the older of graph and profiles stands.
//! Nothing is served before all of it is there; but for a relay that is out of reach, whose log is missing until it is back.

mod error;
mod snapshot;

use crate::log_source::opening::OpenedLog;
use crate::{
    compaction::{self, Compaction, Compactor, SharedWriter},
    config::Config,
    ingest::{
        Follower, IngestError, PeopleCommitter,
        progress::{Progress, Reached},
    },
    limits::RELAY_SILENCE_MAX,
    read_context::Graphs,
    site::Site,
    views::view_cache::Views,
    workers::{Priority, Workers},
};
use cloud_engine::{Recovered, read_overlay};
use cloud_model::{LogId, Scn};
use cloud_search::People;
use cloud_serving::{FolderLock, metrics::Calls};
pub use error::StartError;
use snapshot::Snapshot;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// A site that has caught up with its log, and the threads that keep it so.
pub(crate) struct Started {
    pub(crate) site: Arc<Site>,
    pub(crate) writer: SharedWriter,
    pub(crate) follower: JoinHandle<Result<(), IngestError>>,
    pub(crate) committer: JoinHandle<Result<(), IngestError>>,
    pub(crate) compactor: JoinHandle<()>,
    pub(crate) stop_ingest: CancellationToken,
    pub(crate) folder: PathBuf,
    pub(crate) log_id: LogId,
    pub(crate) lock: Arc<FolderLock>,
}

/// Opens everything and waits until the log's head is reached, if it is known. Blocks, but for the last step.
pub(crate) async fn start(config: Config) -> Result<Started, StartError> {
    let runtime = Handle::current();
    let opened = tokio::task::spawn_blocking(move || open(config, runtime));
    let (opened, head) = opened.await.map_err(|error| StartError::Replay {
        reason: error.to_string(),
    })??;
    let begun = Instant::now();
    if caught_up(&opened.site.progress, head, RELAY_SILENCE_MAX).await? {
        stage("replay", begun, format_args!("to SCN {head}"));
    } else {
        tracing::warn!(
            head = head.get(),
            "starting without the end of the log: its relay has gone away"
        );
    }
    Ok(opened)
}

/// Answers where the log's head was, too: what comes later is followed, not waited for.
fn open(config: Config, runtime: Handle) -> Result<(Started, Scn), StartError> {
    let Config {
        snapshot: folder,
        databus,
        slow_request_ms,
        limits,
        ..
    } = config;
    let lock = Arc::new(FolderLock::take(&folder)?);
    compaction::remove_leftovers(&folder).map_err(|source| StartError::Io {
        path: folder.clone(),
        source,
    })?;

    let begun = Instant::now();
    let Snapshot {
        path,
        manifest,
        base,
    } = Snapshot::newest(&folder)?;
    stage(
        "snapshot",
        begun,
        format_args!("{}, {} members", path.display(), manifest.members),
    );

    let begun = Instant::now();
    let live = folder.join(LIVE_NAME);
    let followed = || Ok(People::followed_log(&live)?);
    let log = OpenedLog::open(databus, &manifest, &limits, followed)?;
    let log_id = log.log_id();
    let head = log.head();
    match head {
        Some(head) => stage("log", begun, format_args!("{log_id} to SCN {head}")),
        None => stage("log", begun, format_args!("{log_id}, which is not heard")),
    }

    let begun = Instant::now();
    let Recovered {
        writer,
        scn,
        sources,
        refused,
    } = read_overlay(&folder, &base, &manifest, log_id)?;
    for error in refused {
        tracing::warn!(%error, "an overlay is not used: the log holds what it says");
    }
    not_beyond("the overlay", scn, head)?;
    stage("overlay", begun, format_args!("SCN {scn}"));

    let begun = Instant::now();
    let (people, people_writer) = People::open(&path, &manifest, &live, log_id)?;
    if let Some(error) = people_writer.replaced_index() {
        tracing::warn!(%error, "the live index is made anew from the live profiles");
    }
    let people_scn = people.applied_scn();
    not_beyond("profiles", people_scn, head)?;
    stage(
        "profiles and search",
        begun,
        format_args!("SCN {people_scn}"),
    );

    let reached = Reached {
        graph: scn,
        people: people_scn,
        ..Reached::default()
    };
    let progress = Arc::new(Progress::new(log_id, reached, sources, &limits));
    let windows = log.windows_after([scn, people_scn], &progress)?;
    let current = writer.current().clone();
    let compaction = Arc::new(Compaction::new(&folder, &writer, manifest, &limits)?);
    let writer: SharedWriter = Arc::new(Mutex::new(writer));
    let stop_ingest = CancellationToken::new();
    let (committer, people_queue) = PeopleCommitter::new(
        people.clone(),
        people_writer,
        Arc::clone(&progress),
        stop_ingest.clone(),
        &limits,
    );
    let follower = Follower {
        writer: Arc::clone(&writer),
        current: current.clone(),
        compaction: Arc::clone(&compaction),
        windows,
        people: people_queue,
        people_scn,
        progress: Arc::clone(&progress),
        stop: stop_ingest.clone(),
    };
    let heavy = Workers::new(
        "heavy requests",
        Priority::Background,
        limits.heavy_threads,
        limits.queued_requests_max,
    )?;
    let search = Workers::new(
        "searches",
        Priority::Equal,
        limits.search_threads,
        limits.queued_requests_max,
    )?;
    let views = Arc::new(Views::new(&limits));
    let compactor = Compactor {
        compaction: Arc::clone(&compaction),
        writer: Arc::clone(&writer),
        people: people.clone(),
        progress: Arc::clone(&progress),
        views: Arc::clone(&views),
        site: folder.clone(),
        log_id,
        stop: stop_ingest.clone(),
        _lock: Arc::clone(&lock),
        snapshots_kept: limits.snapshots_kept,
        interval: compaction::interval(&limits),
        behind: compaction::behind()?,
    };
    let threads = |source| StartError::Io {
        path: "threads".into(),
        source,
    };
    let committer = committer.spawn().map_err(threads)?;
    let compactor = compactor.spawn(runtime.clone()).map_err(threads)?;
    let follower = follower.spawn(runtime).map_err(threads)?;
    let stopping = CancellationToken::new();
    let site = Site {
        views,
        heavy,
        search,
        log: log.served(limits.streams(), &stopping, &progress),
        stopping,
        started: Instant::now(),
        calls: Arc::new(Calls::new()?),
        slow_request: (slow_request_ms > 0).then(|| Duration::from_millis(slow_request_ms)),
        limits,
        graphs: Graphs::new(current),
        compaction,
        people,
        progress,
    };
    let started = Started {
        site: Arc::new(site),
        writer,
        follower,
        committer,
        compactor,
        stop_ingest,
        folder,
        log_id,
        lock,
    };
    // What is there is served when nobody can say what is missing.
    Ok((started, head.unwrap_or_default()))
}

/// Where profiles and search keep what changed since the snapshot.
const LIVE_NAME: &str = "live";

fn not_beyond(what: &'static str, scn: Scn, head: Option<Scn>) -> Result<(), StartError> {
    match head {
        Some(head) if scn > head => Err(StartError::LogLost { what, scn, head }),
        _ => Ok(()),
    }
}

/// Waits until the server stands at `head`, and answers whether it does. A relay that has gone away since is waited for as long as
/// `patience`; then the server answers without it, as it does when the relay goes away later.
async fn caught_up(progress: &Progress, head: Scn, patience: Duration) -> Result<bool, StartError> {
    let mut watch = progress.watch();
    let ended = |_| StartError::Replay {
        reason: "ended early".to_owned(),
    };
    let has_ended =
        |reached: &Reached| reached.failed.is_some() || reached.graph.min(reached.people) >= head;
    loop {
        let heard = watch.wait_for(|reached| has_ended(reached) || reached.unheard.is_some());
        let reached = heard.await.map_err(ended)?.clone();
        if let Some(reason) = reached.failed {
            let reason = reason.to_string();
            return Err(StartError::Replay { reason });
        }
        if has_ended(&reached) {
            return Ok(true);
        }
        let again = watch.wait_for(|reached| has_ended(reached) || reached.unheard.is_none());
        match tokio::time::timeout(patience, again).await {
            Ok(heard) => drop(heard.map_err(ended)?),
            Err(_) => return Ok(false),
        }
    }
}

/// One line for each stage.
fn stage(name: &str, begun: Instant, what: std::fmt::Arguments<'_>) {
    tracing::info!(
        seconds = format_args!("{:.3}", begun.elapsed().as_secs_f64()),
        "{name}: {what}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ingest::progress::Unheard, limits::Limits};

    fn unheard() -> Option<Unheard> {
        Some(Unheard {
            reason: "it ended the subscription".into(),
            since: Instant::now(),
        })
    }

    fn progress() -> Progress {
        Progress::new(
            LogId::default(),
            Reached::default(),
            Vec::new(),
            &Limits::default(),
        )
    }

    #[tokio::test]
    async fn a_start_ends_at_the_head() {
        let progress = progress();
        let waits = caught_up(&progress, Scn::new(5), Duration::from_secs(600));
        let moves = async {
            progress.log_unheard(unheard());
            tokio::task::yield_now().await;
            progress.log_unheard(None);
            progress.graph_reached(Scn::new(5), None);
            tokio::task::yield_now().await;
            progress.people_reached(Scn::new(5));
        };
        assert!(tokio::join!(waits, moves).0.unwrap());
    }

    #[tokio::test]
    async fn a_relay_that_goes_away_for_long_does_not_hold_a_start() {
        let progress = progress();
        progress.graph_reached(Scn::new(3), None);
        progress.log_unheard(unheard());
        let waits = caught_up(&progress, Scn::new(5), Duration::from_millis(20));
        assert!(!waits.await.unwrap());
    }

    #[tokio::test]
    async fn a_replay_that_fails_fails_the_start() {
        let progress = progress();
        progress.failed("another site's log");
        let waits = caught_up(&progress, Scn::new(5), Duration::from_secs(600));
        assert!(
            waits
                .await
                .unwrap_err()
                .to_string()
                .contains("another site's log")
        );
    }
}
