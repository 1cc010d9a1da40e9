//! The start of a server: opens a site's directory and its log, and replays the log.
//!
//! Opens the newest valid snapshot and the newest valid overlay, then replays the log from the
//! lower SCN of graph and profiles. Nothing is served before all of this is complete, with two
//! exceptions. A relay that is out of reach is followed once it is back. Profiles and search that
//! cannot be opened, from this snapshot or an earlier one, are not served.
//!
//! Imports from `compaction`, `config`, `core_database`, `ingest`, `log_source`, `views` and the
//! top of the crate.

mod error;
mod snapshot;
mod stage;

use crate::{
    compaction::{self, Compaction, Compactor, SharedWriter},
    config::{Config, Databus},
    ingest::{
        Follower, GraphApplier, IngestError, LIVE_NAME, LiveFolder, ProfilesApplier,
        ProfilesCommitter,
        applier::Applier,
        progress::{Part, PartProgress, Progress, Reached},
        replacing_what_panics, windows_of,
    },
    limits::{Limits, RELAY_SILENCE_MAX},
    list_streams::ListStreams,
    log_source::{self, LogSource},
    read_context::Graphs,
    site::Site,
    views::view_cache::Views,
    workers::{Priority, Workers},
};
use cloud_engine::{Recovered, read_histories, read_overlay};
use cloud_files::FolderLock;
use cloud_model::{LogId, Scn};
use cloud_search::ProfileStore;
use cloud_serving::metrics::Calls;
use databus::rpc::LogServer;
pub use error::StartError;
use snapshot::{Snapshot, Snapshots};
pub(crate) use stage::{Stage, StartStage};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// A site that has caught up with its log, and the threads that follow the log from there.
pub(crate) struct Started {
    pub(crate) site: Arc<Site>,
    pub(crate) writer: SharedWriter,
    pub(crate) follower: JoinHandle<Result<(), IngestError>>,
    /// The thread that commits profiles; absent where they could not be opened.
    pub(crate) committer: Option<JoinHandle<Result<(), IngestError>>>,
    pub(crate) compactor: JoinHandle<()>,
    pub(crate) stop_ingest: CancellationToken,
    pub(crate) folder: PathBuf,
    pub(crate) log_id: LogId,
    pub(crate) lock: Arc<FolderLock>,
}

/// The parts of the site that exist before it is opened: those of its listeners.
pub(crate) struct Operation {
    pub(crate) calls: Arc<Calls>,
    pub(crate) stopping: CancellationToken,
    pub(crate) warnings: Vec<String>,
}

/// Opens everything, and waits until the log's head is reached, if it is known. All but the last
/// step runs on a blocking thread.
pub(crate) async fn start(
    config: Config,
    operation: Operation,
    shown: StartStage,
) -> Result<Started, StartError> {
    let runtime = Handle::current();
    let shows = shown.clone();
    let opened = tokio::task::spawn_blocking(move || open(config, operation, &shows, runtime));
    let (opened, head) = opened.await.map_err(|error| StartError::Replay {
        reason: error.to_string(),
    })??;
    let begun = Instant::now();
    shown.set(Stage::Replay {
        progress: Arc::clone(&opened.site.progress),
        head,
    });
    if caught_up(&opened.site.progress, head, RELAY_SILENCE_MAX).await? {
        log_stage("replay", begun, format_args!("to SCN {head}"));
    } else {
        tracing::warn!(
            head = head.get(),
            "starting without the end of the log: its relay has gone away"
        );
    }
    Ok(opened)
}

/// Opens everything and starts the threads. Returns the log's head as well: windows beyond it are
/// followed, but not waited for.
fn open(
    config: Config,
    operation: Operation,
    shown: &StartStage,
    runtime: Handle,
) -> Result<(Started, Scn), StartError> {
    let Config {
        snapshot: folder,
        databus,
        take_source,
        graph_memory,
        limits,
        ..
    } = config;
    let log_folder = match &databus {
        Databus::Embedded(folder) => Some(folder.clone()),
        Databus::Relay(_) => None,
    };
    check_folder(&folder)?;
    let lock = Arc::new(FolderLock::take(&folder)?);
    compaction::remove_leftovers(&folder).map_err(|source| StartError::Io {
        path: folder.clone(),
        source,
    })?;

    let begun = Instant::now();
    let mut snapshots = Snapshots::of(&folder)?;
    let newest = snapshots.newest()?;
    log_stage("snapshot", begun, format_args!("{newest}"));

    let begun = Instant::now();
    shown.set(Stage::Log);
    let live = folder.join(LIVE_NAME);
    let followed = || followed_log(&live);
    let log = log_source::open(
        databus,
        &newest.manifest,
        &limits,
        runtime.clone(),
        followed,
        |reason| shown.set(Stage::Relay(reason.to_owned())),
    )?;
    let log_id = log.log_id();
    let head = log.is_head_known().then(|| log.head());
    match head {
        Some(head) => log_stage("log", begun, format_args!("{log_id} to SCN {head}")),
        None => log_stage(
            "log",
            begun,
            format_args!("{log_id}, which is out of reach"),
        ),
    }

    let begun = Instant::now();
    shown.set(Stage::Profiles);
    let opened = snapshots.open_with(newest, log.oldest_after_scn(), |path, manifest| {
        replacing_what_panics(&live, || ProfileStore::open(path, manifest, &live, log_id))
    });
    let (
        Snapshot {
            path,
            manifest,
            base,
        },
        opened,
    ) = opened;

    let overlay_begun = Instant::now();
    shown.set(Stage::Overlay);
    let Recovered {
        writer,
        scn,
        sources,
        points,
        refused,
    } = read_overlay(&folder, &base, &manifest, log_id)?;
    for error in refused {
        tracing::warn!(%error, "an overlay is not used: the log holds what it says");
    }
    not_beyond("the overlay", scn, head)?;
    log_stage("overlay", overlay_begun, format_args!("SCN {scn}"));

    let profiles_scn = match &opened {
        Ok((profiles, _)) => profiles.applied_scn(),
        Err(_) => manifest.profiles_scn(),
    };
    let reached = Reached {
        graph: PartProgress::at(scn),
        profiles: PartProgress::at(profiles_scn),
        ..Reached::default()
    };
    let progress = Arc::new(Progress::new(log_id, reached, sources, &limits));
    let in_snapshot = read_histories(&path, &manifest).unwrap_or_else(|error| {
        tracing::warn!(
            %error,
            "points of before the snapshot are compared by the log's id alone"
        );
        Vec::new()
    });
    for point in in_snapshot
        .into_iter()
        .chain([manifest.point()])
        .chain(points)
    {
        progress.note(point);
    }
    let opened = match opened {
        Ok((profiles, profile_writer)) => {
            for damage in profile_writer.replaced() {
                tracing::warn!(%damage, "a damaged live store was replaced");
            }
            not_beyond("profiles", profiles_scn, head)?;
            let point = profile_writer.applied();
            if progress.point(profiles_scn).differs(&point) {
                let reason = format!(
                    "profiles and search hold other windows up to SCN {profiles_scn} than the \
                     graph: remove {} to have them rebuilt from the snapshot and the log",
                    live.display()
                );
                progress.fail(Part::Profiles, &reason);
                None
            } else {
                progress.note(point);
                let at = format_args!("SCN {profiles_scn}");
                log_stage("profiles and search", begun, at);
                Some((profiles, profile_writer))
            }
        }
        Err(error) => {
            let reason = format!("profiles and search: {error}");
            progress.fail(Part::Profiles, &reason);
            None
        }
    };
    let (after, windows) = windows_of(&*log, &progress)?;
    // Profiles have failed if they need windows that the log no longer holds.
    let opened = opened.filter(|_| progress.check(Part::Profiles).is_ok());
    let current = writer.current().clone();
    let compaction = Arc::new(Compaction::new(&folder, &writer, manifest, &limits)?);
    let writer: SharedWriter = Arc::new(Mutex::new(writer));
    let stop_ingest = CancellationToken::new();
    let mut appliers: Vec<Box<dyn Applier>> = vec![Box::new(GraphApplier {
        writer: Arc::clone(&writer),
        compaction: Arc::clone(&compaction),
        progress: Arc::clone(&progress),
    })];
    let (profiles, committer) = match opened {
        Some((profiles, profile_writer)) => {
            let live = LiveFolder {
                site: folder.clone(),
                lineage: base.lineage(),
                log_id,
                lock: Arc::clone(&lock),
            };
            let (committer, queue) = ProfilesCommitter::new(
                profiles.clone(),
                profile_writer,
                live,
                Arc::clone(&progress),
                stop_ingest.clone(),
                &limits,
            );
            appliers.push(Box::new(ProfilesApplier {
                current: current.clone(),
                progress: Arc::clone(&progress),
                queue,
            }));
            (Some(profiles), Some(committer))
        }
        None => (None, None),
    };
    let follower = Follower {
        source: Arc::clone(&log),
        windows,
        after,
        appliers,
        compaction: Arc::clone(&compaction),
        progress: Arc::clone(&progress),
        pass: progress.begin_pass(&stop_ingest),
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
    let batches = Workers::new(
        "batches of profiles",
        Priority::Background,
        limits.search_threads,
        limits.queued_requests_max,
    )?;
    let views = Arc::new(Views::new(&limits));
    let compactor = Compactor {
        compaction: Arc::clone(&compaction),
        writer: Arc::clone(&writer),
        profiles: profiles.clone(),
        progress: Arc::clone(&progress),
        views: Arc::clone(&views),
        site: folder.clone(),
        log_id,
        stop: stop_ingest.clone(),
        lock: Arc::clone(&lock),
        graph_memory,
        limits: limits.clone(),
        interval: compaction::interval(&limits),
        behind: compaction::behind()?,
    };
    let threads = |source| StartError::Io {
        path: "threads".into(),
        source,
    };
    let committer = committer.map(ProfilesCommitter::spawn);
    let committer = committer.transpose().map_err(threads)?;
    let compactor = compactor.spawn(runtime.clone()).map_err(threads)?;
    let follower = follower.spawn(runtime).map_err(threads)?;
    let Operation {
        calls,
        stopping,
        warnings,
    } = operation;
    let site = Site {
        folder: folder.clone(),
        log_folder,
        capture: OnceLock::new(),
        backup: Arc::default(),
        views,
        list_streams: ListStreams::new(&limits),
        heavy,
        search,
        batches,
        log_server: log_server(&*log, &limits, &stopping, &progress, take_source),
        log,
        stopping,
        started: Instant::now(),
        calls,
        warnings,
        limits,
        graphs: Graphs::new(current),
        compaction,
        profiles,
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
    // Without a known head, the server serves at once.
    Ok((started, head.unwrap_or(Scn::BEGINNING)))
}

fn check_folder(folder: &Path) -> Result<(), StartError> {
    let problem = match fs::metadata(folder) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "is not a directory".to_owned(),
        Err(error) => error.to_string(),
    };
    let path = folder.to_owned();
    Err(StartError::NoSite { path, problem })
}

/// Returns the id of the log that was followed before, if the live profiles hold it.
fn followed_log(live: &Path) -> Option<LogId> {
    let followed = replacing_what_panics(live, || Ok(ProfileStore::followed_log(live)?));
    followed.unwrap_or_else(|error| {
        tracing::warn!(%error, "the live profiles do not say which log was followed");
        None
    })
}

/// Returns the server of the log's calls, if this process owns the log.
fn log_server(
    log: &dyn LogSource,
    limits: &Limits,
    stopping: &CancellationToken,
    progress: &Arc<Progress>,
    sources: Vec<String>,
) -> Option<Arc<LogServer>> {
    let log = log.owned()?.clone();
    let follows = Arc::clone(progress);
    let trouble = move || follows.reached().stopped.map(|reason| reason.to_string());
    let server = LogServer::new(log, limits.streams(), stopping.clone(), trouble);
    Some(Arc::new(server.taking(sources)))
}

/// Returns an error if `scn` is above a known `head`.
fn not_beyond(what: &'static str, scn: Scn, head: Option<Scn>) -> Result<(), StartError> {
    match head {
        Some(head) if scn > head => Err(StartError::LogLost { what, scn, head }),
        _ => Ok(()),
    }
}

/// Waits until every part that is served stands at `head`, and returns whether it does. If the
/// relay goes out of reach meanwhile, this waits for it for `timeout` at most. Then the server
/// answers without it, as it does when the relay goes out of reach later.
async fn caught_up(progress: &Progress, head: Scn, timeout: Duration) -> Result<bool, StartError> {
    let mut watch = progress.watch();
    let ended = |_| StartError::Replay {
        reason: "ended early".to_owned(),
    };
    let is_there = |part: &PartProgress| !part.is_served() || part.scn >= head;
    let has_ended = |reached: &Reached| {
        reached.stopped.is_some() || (is_there(&reached.graph) && is_there(&reached.profiles))
    };
    loop {
        let looked = watch.wait_for(|reached| has_ended(reached) || reached.out_of_reach.is_some());
        let reached = looked.await.map_err(ended)?.clone();
        if let Some(reason) = reached.stopped {
            let reason = reason.to_string();
            return Err(StartError::Replay { reason });
        }
        if has_ended(&reached) {
            return Ok(true);
        }
        let again = watch.wait_for(|reached| has_ended(reached) || reached.out_of_reach.is_none());
        match tokio::time::timeout(timeout, again).await {
            Ok(looked) => drop(looked.map_err(ended)?),
            Err(_) => return Ok(false),
        }
    }
}

/// Logs a line for a stage of the start, with its duration.
fn log_stage(name: &str, begun: Instant, what: std::fmt::Arguments<'_>) {
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(milliseconds, "{name}: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_source::OutOfReach;

    const HEAD: Scn = Scn::new(5);

    fn out_of_reach() -> Option<OutOfReach> {
        Some(OutOfReach {
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
        let waits = caught_up(&progress, HEAD, Duration::from_secs(600));
        let moves = async {
            progress.set_out_of_reach(out_of_reach());
            tokio::task::yield_now().await;
            progress.set_out_of_reach(None);
            progress.graph_reached(HEAD, None);
            tokio::task::yield_now().await;
            progress.profiles_reached(HEAD);
        };
        assert!(tokio::join!(waits, moves).0.unwrap());
    }

    #[tokio::test]
    async fn a_relay_that_goes_away_for_long_does_not_hold_a_start() {
        let progress = progress();
        progress.graph_reached(Scn::new(3), None);
        progress.set_out_of_reach(out_of_reach());
        let waits = caught_up(&progress, HEAD, Duration::from_millis(20));
        assert!(!waits.await.unwrap());
    }

    #[tokio::test]
    async fn a_replay_that_fails_fails_the_start() {
        let progress = progress();
        progress.stop_following("another site's log");
        let waits = caught_up(&progress, HEAD, Duration::from_secs(600));
        assert!(
            waits
                .await
                .unwrap_err()
                .to_string()
                .contains("another site's log")
        );
    }

    #[tokio::test]
    async fn a_part_that_has_failed_does_not_hold_a_start() {
        let progress = progress();
        progress.fail(Part::Profiles, "the index is damaged");
        progress.graph_reached(HEAD, None);
        let waits = caught_up(&progress, HEAD, Duration::from_secs(600));
        assert!(waits.await.unwrap());
    }
}
