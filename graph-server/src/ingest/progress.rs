//! How far the server has come along the log, and waiting for it to come further.
//!
//! The graph and the profiles move apart: degrees never wait for the search index. A read that carries `at_least` waits
//! here for the side that it reads from.

use crate::{
    ingest::lag::{Lag, LagWatch},
    limits::Limits,
    rpc::refusal::Refusal,
};
use cloud_model::{LogId, Scn, SourceMark};
use cloud_proto::databus::v1::{AsOf, AtLeast, at_least::Point};
use cloud_serving as serving;
use cloud_serving::Deadline;
use databus::rpc::other_log;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, watch};

/// What a read is answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Graph,
    People,
}

/// How far each side is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) graph: Scn,
    pub(crate) people: Scn,
    /// Why neither will come further.
    pub(crate) failed: Option<Arc<str>>,
    /// Why the graph does not come further now.
    pub(crate) graph_held_up: Option<Arc<str>>,
    /// Why the people do not come further now.
    pub(crate) people_held_up: Option<Arc<str>>,
    /// Why nothing is heard of the log now.
    pub(crate) unheard: Option<Unheard>,
}

/// The log is out of reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unheard {
    pub(crate) reason: Arc<str>,
    /// It was heard until then.
    pub(crate) since: Instant,
}

impl Reached {
    pub(crate) fn at(&self, side: Side) -> Scn {
        match side {
            Side::Graph => self.graph,
            Side::People => self.people,
        }
    }
}

/// What was read from the log since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) windows: u64,
    pub(crate) changes: u64,
}

/// How far the server has come along its log.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The log's name, as answers state it.
    log_id: String,
    reached: watch::Sender<Reached>,
    sources: Mutex<BTreeMap<String, SourceMark>>,
    lag: LagWatch,
    windows: AtomicU64,
    changes: AtomicU64,
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
            sources: Mutex::new(
                sources
                    .into_iter()
                    .map(|mark| (mark.source_id.clone(), mark))
                    .collect(),
            ),
            lag: LagWatch::default(),
            windows: AtomicU64::default(),
            changes: AtomicU64::default(),
            waiters: Semaphore::new(limits.waiters_max),
            waiters_max: limits.waiters_max,
            wait_max: Duration::from_millis(limits.wait_ms_max),
        }
    }

    /// A window with so many changes was read from the log.
    pub(crate) fn followed(&self, changes: usize) {
        self.windows.fetch_add(1, Ordering::Relaxed);
        self.changes.fetch_add(changes as u64, Ordering::Relaxed);
    }

    pub(crate) fn followed_counts(&self) -> Followed {
        Followed {
            windows: self.windows.load(Ordering::Relaxed),
            changes: self.changes.load(Ordering::Relaxed),
        }
    }

    /// The graph is at `scn`; `mark` says which source the window came from, if any.
    pub(crate) fn graph_reached(&self, scn: Scn, mark: Option<SourceMark>) {
        if let Some(mark) = mark {
            self.sources().insert(mark.source_id.clone(), mark);
        }
        self.reached.send_modify(|reached| reached.graph = scn);
    }

    pub(crate) fn people_reached(&self, scn: Scn) {
        self.reached
            .send_if_modified(|reached| std::mem::replace(&mut reached.people, scn) != scn);
    }

    /// The people do not come further, for this reason, until they reach the next SCN.
    pub(crate) fn people_held_up(&self, reason: Option<&str>) {
        self.reached
            .send_modify(|reached| reached.people_held_up = reason.map(Arc::from));
    }

    /// Nothing is heard of the log, for this reason; or it is heard. Answers whether this is new.
    pub(crate) fn log_unheard(&self, unheard: Option<Unheard>) -> bool {
        self.reached.send_if_modified(|reached| {
            let changed = reached.unheard != unheard;
            reached.unheard = unheard;
            changed
        })
    }

    /// The graph does not come further, for this reason, until it is told that it does.
    pub(crate) fn graph_held_up(&self, reason: Option<&str>) {
        self.reached
            .send_modify(|reached| reached.graph_held_up = reason.map(Arc::from));
    }

    /// How far graph and people are behind the log's head, as far as is known from one look to the next.
    pub(crate) fn lag(&self, head: Scn) -> [Lag; 2] {
        self.lag.look(&self.reached(), head, Instant::now())
    }

    /// Neither side will come further.
    pub(crate) fn failed(&self, reason: &str) {
        self.reached.send_if_modified(|reached| {
            let first = reached.failed.is_none();
            if first {
                reached.failed = Some(reason.into());
            }
            first
        });
    }

    pub(crate) fn reached(&self) -> Reached {
        self.reached.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Reached> {
        self.reached.subscribe()
    }

    /// `scn` as answers state it.
    pub(crate) fn as_of(&self, scn: Scn) -> AsOf {
        AsOf {
            log_id: self.log_id.clone(),
            scn: scn.get(),
        }
    }

    /// The last offset of each source that the graph holds.
    pub(crate) fn source_marks(&self) -> Vec<SourceMark> {
        self.sources().values().cloned().collect()
    }

    /// The last window of a source that the graph holds.
    pub(crate) fn source_mark(&self, source_id: &str) -> Option<SourceMark> {
        self.sources().get(source_id).cloned()
    }

    /// Waits until `side` has reached `at_least`; at once when it has, or when nothing is asked for.
    pub(crate) async fn wait(
        &self,
        at_least: Option<AtLeast>,
        side: Side,
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
        self.wait_for(&point, side, deadline).await
    }

    /// Waits until `side` has reached an SCN; at once when it has.
    pub(crate) async fn reach(
        &self,
        scn: Scn,
        side: Side,
        deadline: Deadline,
    ) -> Result<(), Refusal> {
        if self.reached.borrow().at(side) >= scn {
            return Ok(());
        }
        let point = Point::AsOf(self.as_of(scn));
        self.wait_for(&point, side, deadline).await
    }

    async fn wait_for(&self, point: &Point, side: Side, deadline: Deadline) -> Result<(), Refusal> {
        if self.has(point, side, &self.reached.borrow()) {
            return Ok(());
        }
        let limit = self.waiters_max as u64;
        let busy = |_| Refusal::busy("waits for at_least", limit);
        let _place = self.waiters.try_acquire().map_err(busy)?;
        let begun = Instant::now();
        let end = deadline.at().min(begun + self.wait_max);
        let mut watch = self.watch();
        let reached =
            watch.wait_for(|reached| reached.failed.is_some() || self.has(point, side, reached));
        let outcome = match tokio::time::timeout_at(end.into(), reached).await {
            Ok(Ok(reached)) => Some(reached.clone()),
            Ok(Err(_)) | Err(_) => None,
        };
        match outcome {
            Some(reached) if self.has(point, side, &reached) => Ok(()),
            Some(Reached {
                failed: Some(reason),
                ..
            }) => Err(serving::Refusal::not_serving(&reason).into()),
            _ if deadline.passed() => Err(serving::Refusal::deadline().into()),
            _ => Err(Refusal::not_reached(
                self.reached.borrow().at(side),
                u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            )),
        }
    }

    fn has(&self, point: &Point, side: Side, reached: &Reached) -> bool {
        let scn = match point {
            Point::AsOf(as_of) => Some(Scn::new(as_of.scn)),
            // The source's last window may be a later one than the one asked for: then this waits a little longer.
            Point::Source(source) => self
                .sources()
                .get(&source.source_id)
                .filter(|mark| mark.offset >= source.offset)
                .map(|mark| mark.scn),
        };
        scn.is_some_and(|scn| scn <= reached.at(side))
    }

    fn sources(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, SourceMark>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
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
            })),
        })
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[tokio::test]
    async fn a_read_goes_on_when_its_side_is_there() {
        let progress = progress(1);
        let waits = async { progress.wait(scn(5), Side::People, soon()).await };
        let moves = async {
            progress.graph_reached(Scn::new(5), None);
            tokio::task::yield_now().await;
            progress.people_reached(Scn::new(5));
        };
        assert_eq!(tokio::join!(waits, moves).0, Ok(()));
        assert_eq!(progress.wait(None, Side::Graph, soon()).await, Ok(()));
        assert_eq!(progress.wait(scn(5), Side::Graph, soon()).await, Ok(()));
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
        let check = |offset, side| progress.has(&point(offset), side, &progress.reached());
        assert!(check(70, Side::Graph) && check(1, Side::Graph) && !check(71, Side::Graph));
        assert!(!check(70, Side::People));
        progress.people_reached(Scn::new(3));
        assert!(check(70, Side::People));
    }

    #[tokio::test]
    async fn a_wait_that_runs_out_says_what_was_reached() {
        let progress = progress(1);
        progress.graph_reached(Scn::new(4), None);
        let refusal = progress.wait(scn(5), Side::Graph, soon()).await;
        let refusal = refusal.unwrap_err();
        assert!(refusal.is("NOT_REACHED"), "{refusal:?}");
        assert_eq!(refusal.figure("scn"), Some("4"));
        let refusal = progress
            .wait(scn(5), Side::Graph, Deadline::after(Duration::ZERO))
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
            })),
        };
        let refusal = progress.wait(Some(other), Side::Graph, soon()).await;
        assert!(refusal.unwrap_err().is("OTHER_LOG"));
        let refusal = progress
            .wait(Some(AtLeast { point: None }), Side::Graph, soon())
            .await;
        assert_eq!(refusal.unwrap_err().wrong_field(), Some("at_least"));
    }

    #[tokio::test]
    async fn waiters_are_bounded_and_a_failure_wakes_them() {
        let progress = progress(0);
        let refusal = progress.wait(scn(1), Side::Graph, soon()).await;
        let refusal = refusal.unwrap_err();
        assert!(refusal.is("BUSY"), "{refusal:?}");
        assert_eq!(refusal.figure("limit"), Some("0"));
        let progress = self::progress(1);
        progress.failed("the log is damaged");
        let refusal = progress.wait(scn(1), Side::Graph, soon()).await;
        assert!(refusal.unwrap_err().is("NOT_SERVING"));
    }
}
