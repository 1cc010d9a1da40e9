//! Tracks how far each part of the server has followed the log, and lets reads wait for an SCN.
//!
//! The graph and the profiles advance separately. Degrees never wait for the search index, and are
//! answered even if it has failed. A read that carries `at_least` waits here for the part that it
//! reads from.

use crate::{
    ingest::lag::{Lag, LagWatch},
    limits::Limits,
    log_source::OutOfReach,
    rpc::refusal::Refusal,
};
use cloud_model::{History, LogId, LogPoint, Scn, SourceMark};
use cloud_proto::databus::v1::{AsOf, AtLeast, at_least::Point};
use cloud_serving as serving;
use cloud_serving::Deadline;
use databus::{
    Histories,
    rpc::{other_history, other_log},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// A part of the server: windows are applied to it, and reads are answered from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Graph,
    /// Profiles and the search index, which commit together.
    Profiles,
}

/// The progress of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartProgress {
    /// The SCN up to which its windows are applied.
    pub(crate) scn: Scn,
    /// Why the part cannot advance until the next start, while others may.
    pub(crate) failed: Option<Arc<str>>,
    /// Why the part is rebuilt from the log. It is served again once it has caught up.
    pub(crate) rebuilt_for: Option<Arc<str>>,
    /// Why the part cannot advance now.
    pub(crate) held_up: Option<Arc<str>>,
}

/// The progress of every part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) graph: PartProgress,
    pub(crate) profiles: PartProgress,
    /// Why the log is no longer followed.
    pub(crate) stopped: Option<Arc<str>>,
    pub(crate) out_of_reach: Option<OutOfReach>,
}

impl Default for PartProgress {
    fn default() -> Self {
        Self::at(Scn::BEGINNING)
    }
}

impl PartProgress {
    pub(crate) fn at(scn: Scn) -> Self {
        Self {
            scn,
            failed: None,
            rebuilt_for: None,
            held_up: None,
        }
    }

    /// Returns why the part is not served, if that is so.
    pub(crate) fn not_served(&self) -> Option<&Arc<str>> {
        self.failed.as_ref().or(self.rebuilt_for.as_ref())
    }

    pub(crate) fn is_served(&self) -> bool {
        self.not_served().is_none()
    }
}

impl Reached {
    pub(crate) fn part(&self, part: Part) -> &PartProgress {
        match part {
            Part::Graph => &self.graph,
            Part::Profiles => &self.profiles,
        }
    }

    fn part_mut(&mut self, part: Part) -> &mut PartProgress {
        match part {
            Part::Graph => &mut self.graph,
            Part::Profiles => &mut self.profiles,
        }
    }

    /// Returns why a part is not served, or why no part advances any more, if that is so.
    pub(crate) fn ended(&self, part: Part) -> Option<&Arc<str>> {
        self.stopped.as_ref().or(self.part(part).not_served())
    }
}

/// The numbers of windows and changes that were read from the log since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) windows: u64,
    pub(crate) changes: u64,
    /// The changes of existing members only, of which a member does not exist.
    pub(crate) not_existing: u64,
}

/// The progress along the log, the lag, and the reads that wait.
#[derive(Debug)]
pub(crate) struct Progress {
    log_id: String,
    reached: watch::Sender<Reached>,
    /// The histories of the newest windows. A window's is noted before an answer can be exact as of
    /// it.
    histories: Histories,
    sources: Mutex<BTreeMap<String, SourceMark>>,
    lag: LagWatch,
    windows: AtomicU64,
    changes: AtomicU64,
    /// The changes of existing members only, of which a member does not exist.
    not_existing: AtomicU64,
    /// Ends the follower's current pass through the log.
    pass: Mutex<CancellationToken>,
    waiters: Semaphore,
    waiters_max: usize,
    wait_max: Duration,
}

impl Progress {
    pub(crate) fn new(
        log_id: LogId,
        reached: Reached,
        sources: Vec<SourceMark>,
        limits: &Limits,
    ) -> Self {
        Self {
            log_id: log_id.to_string(),
            reached: watch::Sender::new(reached),
            histories: Histories::default(),
            sources: Mutex::new(
                sources
                    .into_iter()
                    .map(|mark| (mark.source_id.clone(), mark))
                    .collect(),
            ),
            lag: LagWatch::default(),
            windows: AtomicU64::default(),
            changes: AtomicU64::default(),
            not_existing: AtomicU64::default(),
            pass: Mutex::default(),
            waiters: Semaphore::new(limits.waiters_max),
            waiters_max: limits.waiters_max,
            wait_max: Duration::from_millis(limits.wait_ms_max),
        }
    }

    /// Counts a window with this number of changes as read from the log.
    pub(crate) fn followed(&self, changes: usize) {
        self.windows.fetch_add(1, Ordering::Relaxed);
        self.changes.fetch_add(changes as u64, Ordering::Relaxed);
    }

    /// Counts changes of existing members only, of which a member does not exist.
    pub(crate) fn passed_over(&self, changes: u64) {
        self.not_existing.fetch_add(changes, Ordering::Relaxed);
    }

    pub(crate) fn followed_counts(&self) -> Followed {
        Followed {
            windows: self.windows.load(Ordering::Relaxed),
            changes: self.changes.load(Ordering::Relaxed),
            not_existing: self.not_existing.load(Ordering::Relaxed),
        }
    }

    /// Records the history at a point. Called by the thread that starts the server, then by the
    /// follower.
    pub(crate) fn note(&self, point: LogPoint) {
        self.histories.note(point);
    }

    /// Returns the point at an SCN, with its history if it is among the newest.
    pub(crate) fn point(&self, scn: Scn) -> LogPoint {
        self.histories.point(scn)
    }

    /// Returns the points up to an SCN whose history is at hand, ascending. The follower notes a
    /// window before it is applied, so there may be a later one.
    pub(crate) fn points_to(&self, scn: Scn) -> Vec<LogPoint> {
        let mut points = self.histories.list();
        points.retain(|point| point.scn <= scn);
        points
    }

    /// Records that the graph has reached `scn`. `mark` is the offset of the window's source, if it
    /// has one.
    pub(crate) fn graph_reached(&self, scn: Scn, mark: Option<SourceMark>) {
        if let Some(mark) = mark {
            self.sources().insert(mark.source_id.clone(), mark);
        }
        self.reached.send_modify(|reached| reached.graph.scn = scn);
    }

    /// Records the SCN that the profiles have reached.
    pub(crate) fn profiles_reached(&self, scn: Scn) {
        self.reached
            .send_if_modified(|reached| std::mem::replace(&mut reached.profiles.scn, scn) != scn);
    }

    /// Records why a part cannot advance now; `None` if it can again. When profiles can, the
    /// follower begins a new pass: it reads the windows again that they have left in the log.
    pub(crate) fn hold_up(&self, part: Part, reason: Option<&str>) {
        let mut has_ended = false;
        self.reached.send_modify(|reached| {
            let held_up = &mut reached.part_mut(part).held_up;
            has_ended = part == Part::Profiles && held_up.is_some() && reason.is_none();
            *held_up = reason.map(Arc::from);
        });
        if has_ended {
            self.pass().cancel();
        }
    }

    /// Begins the follower's next pass through the log, and returns the token that ends it.
    pub(crate) fn begin_pass(&self, stop: &CancellationToken) -> CancellationToken {
        let pass = stop.child_token();
        *self.pass() = pass.clone();
        pass
    }

    /// Records why the log cannot be read now; `None` if it can again.
    pub(crate) fn set_out_of_reach(&self, out_of_reach: Option<OutOfReach>) {
        self.reached.send_if_modified(|reached| {
            let is_new = reached.out_of_reach != out_of_reach;
            reached.out_of_reach = out_of_reach;
            is_new
        });
    }

    /// Returns the lags of the graph and the profiles behind the log's head, as far as the calls so
    /// far can tell.
    pub(crate) fn lag(&self, head: Scn) -> [Lag; 2] {
        self.lag.look(&self.reached(), head, Instant::now())
    }

    /// Records that a part cannot advance until the next start. Its first reason is kept.
    pub(crate) fn fail(&self, part: Part, reason: &str) {
        let is_first = self.reached.send_if_modified(|reached| {
            let failed = &mut reached.part_mut(part).failed;
            let is_first = failed.is_none();
            failed.get_or_insert_with(|| reason.into());
            is_first
        });
        if is_first {
            tracing::error!(%reason, part = part.name(), "a part no longer follows the log");
        }
    }

    /// Records that a part is not served while it is rebuilt; a later reason replaces the one
    /// before.
    pub(crate) fn begin_rebuild(&self, part: Part, reason: &str) {
        tracing::error!(%reason, part = part.name(), "a part is rebuilt");
        self.reached
            .send_modify(|reached| reached.part_mut(part).rebuilt_for = Some(reason.into()));
    }

    /// Records the SCN at which the rebuild of the profiles begins. The follower then begins a new
    /// pass: it reads the windows after that SCN.
    pub(crate) fn rebuild_from(&self, scn: Scn) {
        self.profiles_reached(scn);
        self.pass().cancel();
    }

    /// Records that a part which was rebuilt is served again.
    pub(crate) fn end_rebuild(&self, part: Part) {
        let was_rebuilt = self
            .reached
            .send_if_modified(|reached| reached.part_mut(part).rebuilt_for.take().is_some());
        if was_rebuilt {
            tracing::info!(
                part = part.name(),
                "a part was rebuilt, and is served again"
            );
        }
    }

    /// Returns whether a part has failed until the next start.
    pub(crate) fn has_failed(&self, part: Part) -> bool {
        self.reached.borrow().part(part).failed.is_some()
    }

    /// Returns the SCN that the profiles have reached, and whether windows may stay in the log
    /// until they are read again.
    pub(crate) fn profiles_wait(&self) -> (Scn, bool) {
        let profiles = &self.reached.borrow().profiles;
        let waits = profiles.held_up.is_some() || !profiles.is_served();
        (profiles.scn, waits)
    }

    /// Appends a text to the reason of a part that has failed: what the operator is to do now.
    pub(crate) fn add_to_failure(&self, part: Part, text: &str) {
        self.reached.send_modify(|reached| {
            if let Some(reason) = &mut reached.part_mut(part).failed {
                *reason = format!("{reason}; {text}").into();
            }
        });
    }

    /// Records that no part can advance. The first reason is kept.
    pub(crate) fn stop_following(&self, reason: &str) {
        self.reached.send_if_modified(|reached| {
            let is_first = reached.stopped.is_none();
            reached.stopped.get_or_insert_with(|| reason.into());
            is_first
        });
    }

    /// Returns an error if this part itself is not served.
    pub(crate) fn check(&self, part: Part) -> Result<(), serving::Refusal> {
        match self.reached.borrow().part(part).not_served() {
            Some(reason) => Err(serving::Refusal::not_serving(reason)),
            None => Ok(()),
        }
    }

    pub(crate) fn reached(&self) -> Reached {
        self.reached.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Reached> {
        self.reached.subscribe()
    }

    /// Returns the id of the log that is followed.
    pub(crate) fn log_id(&self) -> &str {
        &self.log_id
    }

    /// Returns `scn` in the form that answers carry.
    pub(crate) fn as_of(&self, scn: Scn) -> AsOf {
        self.as_of_point(self.point(scn))
    }

    /// Returns a point of the log in the form that answers carry.
    pub(crate) fn as_of_point(&self, point: LogPoint) -> AsOf {
        AsOf {
            log_id: self.log_id.clone(),
            scn: point.scn.get(),
            history: History::number(point.history),
        }
    }

    /// Returns the last offset of each source that the graph holds.
    pub(crate) fn source_marks(&self) -> Vec<SourceMark> {
        self.sources().values().cloned().collect()
    }

    /// Returns the last offset of one source that the graph holds.
    pub(crate) fn source_mark(&self, source_id: &str) -> Option<SourceMark> {
        self.sources().get(source_id).cloned()
    }

    /// Returns whether reads wait for a point now.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiters.available_permits() < self.waiters_max
    }

    /// Waits until `part` has reached `at_least`. Returns at once if it has, or if `at_least` is
    /// `None`.
    pub(crate) async fn wait(
        &self,
        at_least: Option<AtLeast>,
        part: Part,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        let Some(AtLeast { point }) = at_least else {
            return Ok(());
        };
        let point = point.ok_or_else(|| Refusal::field("at_least", "names no point"))?;
        if let Point::AsOf(as_of) = &point
            && as_of.log_id != self.log_id
        {
            return Err(other_log(&self.log_id, &as_of.log_id).into());
        }
        if let Point::Source(source) = &point
            && source.source_id.is_empty()
            && self.sources().len() > 1
        {
            return Err(Refusal::field(
                "at_least.source.source_id",
                format!("is empty, and the log has {} sources", self.sources().len()),
            ));
        }
        self.wait_for(&point, part, deadline).await?;
        match &point {
            Point::AsOf(as_of) => self.check_history(as_of),
            Point::Source(_) => Ok(()),
        }
    }

    /// Returns an error if the point has another history than the log has there. A history that is
    /// no longer at hand is not compared.
    fn check_history(&self, as_of: &AsOf) -> Result<(), Refusal> {
        let asked = LogPoint {
            scn: Scn::new(as_of.scn),
            history: History::new(as_of.history),
        };
        let ours = self.point(asked.scn);
        if ours.differs(&asked) {
            return Err(other_history(&self.log_id, ours, asked).into());
        }
        Ok(())
    }

    /// Waits until `part` has reached an SCN. Returns at once if it has.
    pub(crate) async fn reach(
        &self,
        scn: Scn,
        part: Part,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        if self.reached.borrow().part(part).scn >= scn {
            return Ok(());
        }
        let point = Point::AsOf(self.as_of(scn));
        self.wait_for(&point, part, deadline).await
    }

    async fn wait_for(&self, point: &Point, part: Part, deadline: Deadline) -> Result<(), Refusal> {
        // A source's mark moves with every window. The first one that carries the point is kept,
        // so that a part behind the graph has a fixed SCN to reach.
        let mut scn = None;
        let mut has = |reached: &Reached| {
            scn = scn.or_else(|| self.scn_of(point));
            scn.is_some_and(|scn| scn <= reached.part(part).scn)
        };
        if has(&self.reached.borrow()) {
            return Ok(());
        }
        let limit = self.waiters_max as u64;
        let busy = |_| Refusal::busy("waits for at_least", limit);
        let _place = self.waiters.try_acquire().map_err(busy)?;
        let begun = Instant::now();
        let end = deadline.at().min(begun + self.wait_max);
        let mut watch = self.watch();
        let reached = watch.wait_for(|reached| reached.ended(part).is_some() || has(reached));
        let outcome = match tokio::time::timeout_at(end.into(), reached).await {
            Ok(Ok(reached)) => Some(reached.clone()),
            Ok(Err(_)) | Err(_) => None,
        };
        let ended = outcome.as_ref().and_then(|reached| reached.ended(part));
        match (&outcome, ended) {
            (Some(reached), _) if has(reached) => Ok(()),
            (_, Some(reason)) => Err(serving::Refusal::not_serving(reason).into()),
            _ if deadline.passed() => Err(serving::Refusal::deadline().into()),
            _ => Err(Refusal::not_reached(
                self.reached.borrow().part(part).scn,
                u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            )),
        }
    }

    /// Returns the SCN of a window that carries the point, and all windows before it; `None` while
    /// the graph holds no such window.
    fn scn_of(&self, point: &Point) -> Option<Scn> {
        match point {
            Point::AsOf(as_of) => Some(Scn::new(as_of.scn)),
            Point::Source(source) => {
                let sources = self.sources();
                let mark = match source.source_id.as_str() {
                    "" if sources.len() > 1 => None,
                    "" => sources.values().next(),
                    source_id => sources.get(source_id),
                };
                mark.filter(|mark| mark.offset >= source.offset)
                    .map(|mark| mark.scn)
            }
        }
    }

    fn pass(&self) -> MutexGuard<'_, CancellationToken> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> MutexGuard<'_, BTreeMap<String, SourceMark>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Returns the part's name in the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Profiles => "profiles",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::SourceOffset;

    fn progress(waiters_max: usize) -> Progress {
        let limits = Limits {
            waiters_max,
            wait_ms_max: 20,
            ..Limits::DEFAULT
        };
        Progress::new(LogId::default(), Reached::default(), Vec::new(), &limits)
    }

    fn scn(scn: u64) -> Option<AtLeast> {
        Some(AtLeast {
            point: Some(Point::AsOf(AsOf {
                log_id: LogId::default().to_string(),
                scn,
                history: 0,
            })),
        })
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[tokio::test]
    async fn a_read_goes_on_when_its_part_is_there() {
        let progress = progress(1);
        let waits = async { progress.wait(scn(5), Part::Profiles, soon()).await };
        let moves = async {
            progress.graph_reached(Scn::new(5), None);
            tokio::task::yield_now().await;
            progress.profiles_reached(Scn::new(5));
        };
        assert_eq!(tokio::join!(waits, moves).0, Ok(()));
        assert_eq!(progress.wait(None, Part::Graph, soon()).await, Ok(()));
        assert_eq!(progress.wait(scn(5), Part::Graph, soon()).await, Ok(()));
    }

    #[tokio::test]
    async fn a_source_offset_is_reached_with_its_window() {
        let progress = progress(1);
        let point = |offset| {
            Point::Source(SourceOffset {
                source_id: "pg".into(),
                offset,
            })
        };
        let mark = SourceMark {
            source_id: "pg".into(),
            offset: 70,
            scn: Scn::new(3),
        };
        progress.graph_reached(Scn::new(3), Some(mark));
        assert_eq!(progress.scn_of(&point(1)), Some(Scn::new(3)));
        assert_eq!(progress.scn_of(&point(70)), Some(Scn::new(3)));
        assert_eq!(progress.scn_of(&point(71)), None);
    }

    /// The source's mark moves on with every poll of the wait.
    #[tokio::test]
    async fn a_source_offset_is_reached_while_its_source_goes_on() {
        let progress = progress(1);
        let publish = |scn: u64| {
            let mark = SourceMark {
                source_id: "pg".into(),
                offset: 10 * scn,
                scn: Scn::new(scn),
            };
            progress.graph_reached(Scn::new(scn), Some(mark));
        };
        for source_id in ["pg", ""] {
            publish(7);
            progress.profiles_reached(Scn::new(6));
            let point = Point::Source(SourceOffset {
                source_id: source_id.into(),
                offset: 70,
            });
            let at_least = Some(AtLeast { point: Some(point) });
            let waits = async { progress.wait(at_least, Part::Profiles, soon()).await };
            let moves = async {
                for scn in 8..20 {
                    publish(scn);
                    tokio::task::yield_now().await;
                    progress.profiles_reached(Scn::new(scn - 1));
                }
            };
            assert_eq!(tokio::join!(waits, moves).0, Ok(()));
        }
    }

    #[tokio::test]
    async fn an_empty_source_names_the_only_one() {
        let progress = progress(1);
        let at_least = || {
            let source = SourceOffset {
                source_id: String::new(),
                offset: 1,
            };
            Some(AtLeast {
                point: Some(Point::Source(source)),
            })
        };
        let refusal = progress.wait(at_least(), Part::Graph, soon()).await;
        assert!(refusal.unwrap_err().is("NOT_REACHED"));
        for (scn, source_id) in [(1, "pg"), (2, "orders")] {
            let mark = SourceMark {
                source_id: source_id.into(),
                offset: 5,
                scn: Scn::new(scn),
            };
            progress.graph_reached(Scn::new(scn), Some(mark));
            let waited = progress.wait(at_least(), Part::Graph, soon()).await;
            let field = waited
                .err()
                .and_then(|refusal| refusal.wrong_field().map(str::to_owned));
            let expected = (scn == 2).then(|| "at_least.source.source_id".to_owned());
            assert_eq!(field, expected);
            // A wait that began with one source does not take another source's offset.
            let found = progress.scn_of(&at_least().unwrap().point.unwrap());
            assert_eq!(found, (scn == 1).then(|| Scn::new(scn)));
        }
    }

    #[tokio::test]
    async fn a_wait_that_runs_out_says_what_was_reached() {
        let progress = progress(1);
        progress.graph_reached(Scn::new(4), None);
        let refusal = progress.wait(scn(5), Part::Graph, soon()).await;
        let refusal = refusal.unwrap_err();
        assert!(refusal.is("NOT_REACHED"), "{refusal:?}");
        assert_eq!(refusal.figure("scn"), Some("4"));
        let refusal = progress
            .wait(scn(5), Part::Graph, Deadline::after(Duration::ZERO))
            .await;
        assert_eq!(refusal, Err(serving::Refusal::deadline().into()));
    }

    #[tokio::test]
    async fn another_log_and_no_point_are_refused() {
        let progress = progress(1);
        let other = AtLeast {
            point: Some(Point::AsOf(AsOf {
                log_id: "other".into(),
                scn: 0,
                history: 0,
            })),
        };
        let refusal = progress.wait(Some(other), Part::Graph, soon()).await;
        assert!(refusal.unwrap_err().is("OTHER_LOG"));
        let refusal = progress
            .wait(Some(AtLeast { point: None }), Part::Graph, soon())
            .await;
        assert_eq!(refusal.unwrap_err().wrong_field(), Some("at_least"));
    }

    #[tokio::test]
    async fn waiters_are_bounded_and_a_failure_wakes_them() {
        let progress = progress(0);
        let refusal = progress.wait(scn(1), Part::Graph, soon()).await;
        let refusal = refusal.unwrap_err();
        assert!(refusal.is("BUSY"), "{refusal:?}");
        assert_eq!(refusal.figure("limit"), Some("0"));
        let progress = self::progress(1);
        progress.stop_following("the log is damaged");
        let refusal = progress.wait(scn(1), Part::Graph, soon()).await;
        assert!(refusal.unwrap_err().is("NOT_SERVING"));
    }

    #[test]
    fn the_end_of_a_hold_up_ends_the_followers_pass() {
        let progress = progress(1);
        let stop = CancellationToken::new();
        let pass = progress.begin_pass(&stop);
        progress.hold_up(Part::Profiles, None);
        progress.hold_up(Part::Profiles, Some("no room"));
        assert!(!pass.is_cancelled());
        progress.hold_up(Part::Profiles, None);
        assert!(pass.is_cancelled());
        let next = progress.begin_pass(&stop);
        assert!(!next.is_cancelled());
        stop.cancel();
        assert!(next.is_cancelled());
    }

    #[tokio::test]
    async fn a_part_that_fails_refuses_its_own_reads_alone() {
        let progress = progress(1);
        progress.graph_reached(Scn::new(2), None);
        progress.fail(Part::Profiles, "the index is damaged");
        progress.fail(Part::Profiles, "a later reason");
        assert_eq!(progress.check(Part::Graph), Ok(()));
        assert_eq!(progress.wait(scn(2), Part::Graph, soon()).await, Ok(()));
        let refused = serving::Refusal::not_serving("the index is damaged");
        assert_eq!(progress.check(Part::Profiles), Err(refused.clone()));
        let waited = progress.wait(scn(2), Part::Profiles, soon()).await;
        assert_eq!(waited, Err(refused.into()));
    }
}
