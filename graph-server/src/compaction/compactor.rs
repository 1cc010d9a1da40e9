//! The thread that folds the overlay into a new base, piece by piece.
//!
//! The pieces run on a thread of low priority (see [`Priority::Background`]): while readers keep
//! the cores busy, a compaction proceeds slowly. Bench group `compaction` measures what readers
//! still notice. When the follower waits for the new base, the pieces run on the compactor's own
//! thread, which has the priority of all others. (A thread that has lowered its own priority may
//! not raise it again.)

use super::{
    Compaction, Residence, Running, SharedWriter, is_changed,
    kept::{self, Needed},
    lock,
    snapshot_writer::{Place, SnapshotError, SnapshotWriter},
};
use crate::{
    config::GraphMemory,
    ingest::progress::{Part, Progress},
    limits::{
        COMPACTION_RETRY_INTERVAL, COMPACTION_TICK, Limits, PROFILES_WAIT_MAX,
        VERSION_RETIRE_INTERVAL,
    },
    views::view_cache::Views,
    workers::{Priority, give_way},
};
use cloud_engine::{Base, Manifest, ResidentCopy, Version};
use cloud_files::FolderLock;
use cloud_model::{LineageId, LogId, Scn};
use cloud_search::ProfileStore;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// The number of views rebuilt in one piece: mostly some milliseconds of work.
const VIEWS_AT_ONCE: usize = 8;

/// The compactor thread: its inputs and its loop.
pub(crate) struct Compactor {
    pub(crate) compaction: Arc<Compaction>,
    pub(crate) writer: SharedWriter,
    /// The profiles; absent where they could not be opened.
    pub(crate) profiles: Option<ProfileStore>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) views: Arc<Views>,
    pub(crate) site: PathBuf,
    pub(crate) log_id: LogId,
    pub(crate) stop: CancellationToken,
    /// The time between two periodic compactions; `None` if only requests and the overlay's growth
    /// start one.
    pub(crate) interval: Option<Duration>,
    /// Where the graph is to be read.
    pub(crate) graph_memory: GraphMemory,
    pub(crate) limits: Limits,
    /// A pool of one thread, of low priority.
    pub(crate) behind: ThreadPool,
    /// The site's lock, held as long as this thread may write.
    pub(crate) lock: Arc<FolderLock>,
}

/// Builds the pool for [`Compactor::behind`].
pub(crate) fn behind() -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(1)
        .thread_name(|_| "compaction".to_owned())
        .start_handler(|_| Priority::Background.apply("compaction"))
        .build()
}

/// Returns the time between two periodic compactions; `None` if the limit is 0, which disables
/// them.
pub(crate) fn interval(limits: &Limits) -> Option<Duration> {
    let milliseconds = limits.snapshot_interval_ms;
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

impl Compactor {
    /// Starts the thread. `runtime` is used to wait for profiles.
    pub(crate) fn spawn(self, runtime: Handle) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name("compactor".to_owned())
            .spawn(move || self.run(&runtime))
    }

    fn run(self, runtime: &Handle) {
        let mut last = Instant::now();
        let mut is_settled = false;
        while !self.stop.is_cancelled() {
            if !self.is_called_for(last) {
                if !is_settled {
                    is_settled = self.settle(last);
                }
                self.compaction.wait_for_call(COMPACTION_TICK);
                continue;
            }
            last = Instant::now();
            match self.compact(runtime) {
                Ok(()) => is_settled = false,
                Err(SnapshotError::Stopped) => break,
                Err(error) => {
                    self.failed(&error);
                    self.pause(COMPACTION_RETRY_INTERVAL);
                }
            }
        }
    }

    /// Returns whether a compaction is to begin. `last` is the time when the last one began, or
    /// when the server started.
    fn is_called_for(&self, last: Instant) -> bool {
        let compaction = &self.compaction;
        let version = compaction.current.version();
        let asked = Scn::new(compaction.asked.load(Ordering::Relaxed)) > version.base_scn();
        let periodic = self
            .interval
            .is_some_and(|interval| last.elapsed() >= interval);
        is_changed(&version) && (asked || periodic || compaction.is_due() || compaction.is_full())
    }

    /// Sleeps for `time`, or until the server stops. Does not use the runtime's timer: the runtime
    /// may end before this thread does.
    fn pause(&self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time && !self.stop.is_cancelled() {
            std::thread::sleep(COMPACTION_TICK.min(time.saturating_sub(begun.elapsed())));
        }
    }

    fn compact(&self, runtime: &Handle) -> Result<(), SnapshotError> {
        let begun = Instant::now();
        let (graph, sources) = {
            let mut writer = lock(&self.writer);
            let graph = writer.begin_fold();
            self.compaction.overlay_is_of(&writer);
            // The marks belong to the same SCN as the graph: they change only while the writer is
            // locked.
            (graph, self.progress.source_marks())
        };
        let scn = graph.scn();
        let place = Place {
            log_id: self.log_id,
            sources,
            points: self.progress.points_to(scn),
        };
        tracing::info!(scn = scn.get(), "compaction begins");
        self.running(Some((scn, 0, graph.node_bound())));
        let snapshot = self.compaction.status().snapshot;
        let made = self.write(runtime, graph, &snapshot, place);
        self.running(None);
        let (manifest, base) = match made {
            Ok(made) => made,
            Err(error) => {
                let mut writer = lock(&self.writer);
                writer.abandon_fold();
                self.compaction.overlay_is_of(&writer);
                return Err(error);
            }
        };
        let before = {
            let mut writer = lock(&self.writer);
            let before = writer.swap(base);
            self.compaction.overlay_is_of(&writer);
            before
        };
        let time = begun.elapsed();
        self.compaction.status.send_modify(|status| {
            status.snapshot = Arc::new(manifest);
            status.completed += 1;
            status.residence = Residence::Mapped("the base is new".into());
            status.last_time = Some(time);
            status.last_failure = None;
        });
        tracing::info!(
            scn = scn.get(),
            milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            "compaction ends"
        );
        self.retire(before);
        if let Err(error) = self.keep_newest(snapshot.generation, scn, snapshot.lineage_id) {
            tracing::error!(
                %error,
                "older snapshots cannot be removed; the next compaction retries"
            );
            self.compaction
                .status
                .send_modify(|status| status.last_failure = Some(error.to_string().into()));
        }
        Ok(())
    }

    /// Copies the base into memory, if that is configured and there is room. Returns whether the
    /// base stands where it is to stay: not if a compaction is called for meanwhile, which replaces
    /// the base.
    fn settle(&self, last: Instant) -> bool {
        let copied = match self.begin_copy() {
            Ok(Some(copy)) => self.copy(copy, last),
            Ok(None) => Some(Ok(())),
            Err(reason) => Some(Err(reason)),
        };
        let is_settled = copied.is_some();
        self.reside(match copied {
            None => Residence::Mapped("a compaction makes a new base".into()),
            Some(Ok(())) => Residence::Resident,
            Some(Err(reason)) => {
                tracing::info!(%reason, "the graph stays mapped");
                Residence::Mapped(reason.into())
            }
        });
        is_settled
    }

    /// Returns a copy to be made; `None` if the base is in memory already, or the reason why it
    /// stays mapped.
    fn begin_copy(&self) -> Result<Option<ResidentCopy>, String> {
        let version = self.compaction.current.version();
        let in_use = self.compaction.overlay_bytes() + self.views.counts().bytes;
        Residence::plan(self.graph_memory, &self.limits, version.base(), in_use)?;
        let begun = ResidentCopy::begin(version.base());
        begun.map_err(|error| format!("there is no memory for a copy: {error}"))
    }

    /// Makes the copy, and goes over to it. `None` if a compaction is called for, or the server
    /// stops.
    fn copy(&self, mut copy: ResidentCopy, last: Instant) -> Option<Result<(), String>> {
        let begun = Instant::now();
        loop {
            let (copied, all) = copy.progress();
            self.reside(Residence::Copying(copied, all));
            if self.stop.is_cancelled() || self.is_called_for(last) {
                return None;
            }
            let step = Instant::now();
            if !self.piece(|| copy.step()) {
                break;
            }
            self.rest(step.elapsed());
        }
        let (_, bytes) = copy.progress();
        let base = match self.piece(|| copy.finish()) {
            Ok(base) => Arc::new(base),
            Err(error) => {
                tracing::error!(%error, "the copy of the graph is not used");
                return Some(Err(error.to_string()));
            }
        };
        let before = lock(&self.writer).move_to(base);
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(bytes, milliseconds, "the graph is resident");
        self.retire(before);
        Some(Ok(()))
    }

    fn reside(&self, residence: Residence) {
        // Returns false so that no receiver is woken: none waits for this field.
        self.compaction.status.send_if_modified(|status| {
            status.residence = residence;
            false
        });
    }

    /// Removes snapshots that are no longer kept, now that the one at `scn` is in use.
    fn keep_newest(
        &self,
        generation: u64,
        scn: Scn,
        lineage: LineageId,
    ) -> Result<(), SnapshotError> {
        let in_use = (generation, scn);
        // Removing a snapshot drops gigabytes of the page cache, which takes the system a third of
        // a second.
        self.piece(|| {
            kept::remove_others(&self.site, in_use, lineage, self.limits.snapshots_kept)
        })?;
        let needed = kept::needed(&self.site, lineage)?;
        self.compaction.status.send_modify(|status| {
            status.needed = needed.unwrap_or_else(|| Needed::of(&status.snapshot));
        });
        Ok(())
    }

    /// Writes the snapshot, opens it, and rebuilds the cached views on it, so that no reader pays
    /// for the change to the new base.
    fn write(
        &self,
        runtime: &Handle,
        graph: cloud_engine::Graph,
        before: &Manifest,
        place: Place,
    ) -> Result<(Manifest, Arc<Base>), SnapshotError> {
        let scn = graph.scn();
        self.check_in_place()?;
        let served = self.profiles().is_some();
        let mut snapshot =
            self.piece(|| SnapshotWriter::create(&self.site, graph, before, served, place))?;
        loop {
            let begun = Instant::now();
            if !self.piece(|| snapshot.step())? {
                break;
            }
            self.rest(begun.elapsed());
            self.goes_on()?;
            let (written, nodes) = snapshot.progress();
            self.running(Some((scn, written, nodes)));
        }
        self.wait_for_profiles(runtime, scn);
        self.goes_on()?;
        let profiles = self.profiles().map(ProfileStore::published);
        self.check_in_place()?;
        let (path, manifest) = self.piece(|| snapshot.finish(profiles.as_deref()))?;
        self.goes_on()?;
        let base = self.piece(|| open(&path, &manifest))?;
        for viewers in self.views.below(scn).chunks(VIEWS_AT_ONCE) {
            self.goes_on()?;
            self.piece(|| {
                let graph = self.compaction.current.graph();
                for &viewer in viewers {
                    self.views.bring_up(viewer, &graph);
                    give_way();
                }
            });
        }
        Ok((manifest, Arc::new(base)))
    }

    /// Returns an error if the site's folder is no longer the one that this server has locked: the
    /// snapshot would go to a folder that another server may own.
    fn check_in_place(&self) -> Result<(), SnapshotError> {
        let checked = self.lock.folder().check_in_place();
        checked.map_err(SnapshotError::io(&self.site))
    }

    /// Returns the profiles, unless they have failed or are rebuilt.
    fn profiles(&self) -> Option<&ProfileStore> {
        let serve = self.progress.check(Part::Profiles).is_ok();
        self.profiles.as_ref().filter(|_| serve)
    }

    /// Waits until profiles are committed up to the graph's SCN: they are mostly some 100 ms
    /// behind. If they cannot advance now, or not within [`PROFILES_WAIT_MAX`], the snapshot takes
    /// them as they are. A start then reads the log after their SCN.
    fn wait_for_profiles(&self, runtime: &Handle, scn: Scn) {
        let mut watch = self.progress.watch();
        let there = watch.wait_for(|reached| {
            let profiles = &reached.profiles;
            let comes_no_further =
                reached.ended(Part::Profiles).is_some() || profiles.held_up.is_some();
            profiles.scn >= scn || comes_no_further
        });
        let waited = async {
            let there = tokio::time::timeout(PROFILES_WAIT_MAX, there);
            self.stop.run_until_cancelled(there).await.is_some()
        };
        runtime.block_on(waited);
    }

    /// Runs a piece of work on the thread of low priority, or on this one while the follower waits.
    fn piece<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        if self.compaction.is_waited_for.load(Ordering::Relaxed) {
            work()
        } else {
            self.behind.install(work)
        }
    }

    /// Sleeps as long as the last step took, unless the follower waits: rows are folded with half a
    /// core. A machine with every core busy answers late, whatever the priorities. (Bench: "the
    /// same p99 during a compaction".)
    fn rest(&self, step: Duration) {
        if !self.compaction.is_waited_for.load(Ordering::Relaxed) {
            std::thread::sleep(step);
        }
    }

    /// Returns an error if the server stops.
    fn goes_on(&self) -> Result<(), SnapshotError> {
        if self.stop.is_cancelled() {
            Err(SnapshotError::Stopped)
        } else {
            Ok(())
        }
    }

    /// Waits until no reader holds the version, then drops it here: dropping it takes time, and no
    /// request is to pay for it.
    fn retire(&self, version: Arc<Version>) {
        while Arc::strong_count(&version) > 1 && !self.stop.is_cancelled() {
            self.pause(VERSION_RETIRE_INTERVAL);
        }
        self.piece(|| drop(version));
    }

    fn running(&self, running: Option<(Scn, u32, u32)>) {
        // Returns false so that no receiver is woken: none waits for this field.
        self.compaction.status.send_if_modified(|status| {
            status.running = running.map(|(scn, nodes_written, nodes)| Running {
                scn,
                nodes_written,
                nodes,
            });
            false
        });
    }

    fn failed(&self, error: &SnapshotError) {
        tracing::error!(%error, "a compaction failed; it is tried again");
        self.compaction.status.send_modify(|status| {
            status.failed += 1;
            status.last_failure = Some(error.to_string().into());
        });
    }
}

/// Opens the snapshot that was just written. If it cannot be read, it is removed, so that the next
/// start does not find it.
fn open(path: &Path, manifest: &Manifest) -> Result<Base, SnapshotError> {
    Base::open(path, manifest).or_else(|error| {
        kept::remove(path)?;
        Err(error.into())
    })
}
