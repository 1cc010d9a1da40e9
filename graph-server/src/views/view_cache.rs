//! The cache of views, within a memory budget. It evicts the least recently used views first.
//!
//! No entry is ever invalidated. A lookup checks whether the cached view holds for the request's
//! graph. A question about single members can use a view of another SCN too. It does so until the
//! extra edges have cost as much as a new view.
//!
//! An older view never replaces a newer one. Otherwise two readers at different SCNs would take
//! turns rebuilding.

use crate::{
    limits::Limits,
    rpc::refusal::Refusal,
    views::sessions::{SessionId, Sessions},
    workers::give_way,
};
use cloud_engine::{Budget, Graph, NodeIndex, Scratch, Stopped, View};
use cloud_model::Scn;
use moka::{ops::compute::Op, policy::EvictionPolicy, sync::Cache};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// The cached and pinned views, by viewer.
#[derive(Debug)]
pub(crate) struct Views {
    cache: Cache<NodeIndex, Arc<Kept>>,
    pub(crate) sessions: Sessions<Arc<Kept>>,
    bytes_max: u64,
    /// Idle scratch sets, at most as many as builds ran in parallel.
    scratches: Mutex<Vec<Scratch>>,
    hits: AtomicU64,
    misses: AtomicU64,
    rebuilds: AtomicU64,
}

/// A view in the cache, or pinned by a session.
#[derive(Debug)]
pub(crate) struct Kept {
    view: Arc<View>,
    /// The edges visited only because the view is of another SCN than the questions, in total.
    extra_edges: AtomicU64,
}

impl Kept {
    fn new(view: &Arc<View>) -> Arc<Self> {
        Arc::new(Self {
            view: Arc::clone(view),
            extra_edges: AtomicU64::new(0),
        })
    }

    pub(crate) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Adds edges that a question would not have visited with a new view.
    pub(crate) fn add_extra_edges(&self, edges: u64) {
        if edges > 0 {
            self.extra_edges.fetch_add(edges, Ordering::Relaxed);
        }
    }

    /// Returns the edges to visit before the first question about single members. `None` if these
    /// and the extra edges so far exceed the edges of a new view. The total then is at most twice
    /// the cost of the best choice in hindsight.
    fn cost_at(&self, graph: &Graph) -> Option<u64> {
        let cost = self.view.cost_at(graph)?;
        (self.extra_edges.load(Ordering::Relaxed) + cost <= self.view.edges()).then_some(cost)
    }
}

/// The contents of the cache, and the counters of its lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ViewCounts {
    pub(crate) views: u64,
    pub(crate) bytes: u64,
    /// The number of open sessions.
    pub(crate) sessions: u64,
    /// The part of `bytes` in views that sessions pin.
    pub(crate) session_bytes: u64,
    pub(crate) bytes_max: u64,
    pub(crate) hits: u64,
    /// Lookups that found no cached view.
    pub(crate) misses: u64,
    /// Lookups that found a view too old to use.
    pub(crate) rebuilds: u64,
}

impl Views {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::with_clock(limits, Instant::now)
    }

    fn with_clock(limits: &Limits, clock: fn() -> Instant) -> Self {
        let sessions = Sessions::new(limits, clock);
        let cache = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            // Weights are 32 bits wide, so they count KiB: rounded up, plus what the cache itself
            // keeps for an entry.
            .weigher(|_, kept: &Arc<Kept>| kib(&kept.view))
            .max_capacity((limits.view_cache_bytes_max - sessions.bytes_max()) / 1024)
            .build();
        Self {
            cache,
            sessions,
            bytes_max: limits.view_cache_bytes_max,
            scratches: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            rebuilds: AtomicU64::new(0),
        }
    }

    /// Returns the cached view of `viewer`, if it holds for the graph.
    pub(crate) fn cached(&self, graph: &Graph, viewer: NodeIndex) -> Option<Arc<View>> {
        let holding = |kept: &Arc<Kept>| {
            let view = kept.view();
            view.holds_for(graph).then(|| Arc::clone(view))
        };
        self.find(viewer, holding)
    }

    /// Returns the cached view of `viewer`, if it can answer about single members at the graph's
    /// SCN for less than a new view. Also returns the edges to visit before the first answer.
    pub(crate) fn kept(&self, graph: &Graph, viewer: NodeIndex) -> Option<(Arc<Kept>, u64)> {
        self.find(viewer, |kept| {
            kept.cost_at(graph).map(|cost| (Arc::clone(kept), cost))
        })
    }

    fn find<T>(
        &self,
        viewer: NodeIndex,
        usable: impl FnOnce(&Arc<Kept>) -> Option<T>,
    ) -> Option<T> {
        let cached = self.sessions.pinned(viewer);
        let cached = cached.or_else(|| self.cache.get(&viewer));
        let missing = cached.is_none();
        let found = cached.as_ref().and_then(usable);
        let counter = match &found {
            Some(_) => &self.hits,
            None if missing => &self.misses,
            None => &self.rebuilds,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Builds the view of `viewer` and caches it, unless a newer one is cached.
    pub(crate) fn build(
        &self,
        graph: &Graph,
        viewer: NodeIndex,
        budget: &mut Budget<'_>,
    ) -> Result<Arc<View>, Stopped> {
        let view =
            Arc::new(self.with_scratch(|scratch| View::build(graph, viewer, scratch, budget))?);
        self.keep(&view);
        Ok(view)
    }

    /// Pins or caches the view, unless a newer one is cached.
    fn keep(&self, view: &Arc<View>) {
        let (viewer, kept) = (view.viewer(), Kept::new(view));
        let replaces = |pinned: &Arc<Kept>| pinned.view.scn() <= view.scn();
        if !self.sessions.renew(viewer, &kept, bytes(view), replaces) {
            self.put(viewer, kept);
        }
    }

    /// Returns the viewers whose views are of an SCN below `scn`. A version that begins there
    /// cannot use them unless they are brought up.
    pub(crate) fn below(&self, scn: Scn) -> Vec<NodeIndex> {
        let cached = self.cache.iter().map(|(_, kept)| kept);
        let all = cached.chain(self.sessions.all_pinned());
        let old = all.filter(|kept| kept.view().scn() < scn);
        old.map(|kept| kept.view().viewer()).collect()
    }

    /// Replaces the viewer's older view by one at the graph's SCN: the same, where it still holds,
    /// or a new one. Does nothing if the viewer was removed, or the view is no longer cached.
    pub(crate) fn bring_up(&self, viewer: NodeIndex, graph: &Graph) {
        let graph = &graph.clone().seen_by(viewer);
        let pinned = self.sessions.peek(viewer);
        let Some(kept) = pinned.or_else(|| self.cache.get(&viewer)) else {
            return;
        };
        let view = kept.view();
        if view.scn() >= graph.scn() {
            return;
        }
        if let Some(view) = view.at_scn_of(graph) {
            self.keep(&Arc::new(view));
        } else if graph.exists(viewer) {
            // The budget is unlimited, so the build does not stop.
            let _ = self.build(graph, viewer, &mut Budget::new(u64::MAX, &give_way));
        }
    }

    /// Begins a session that pins `view`, which is cached.
    pub(crate) fn begin_session(&self, view: &Arc<View>) -> Result<SessionId, Refusal> {
        let viewer = view.viewer();
        let id = self.sessions.begin(viewer, Kept::new(view), bytes(view))?;
        // A pinned view must not be counted twice.
        self.cache.invalidate(&viewer);
        Ok(id)
    }

    /// Ends a session, if there is one, and moves its view to the cache.
    pub(crate) fn end_session(&self, id: SessionId) {
        if let Some((viewer, kept)) = self.sessions.end(id) {
            self.put(viewer, kept);
        }
    }

    /// Caches a view, unless a newer one is cached.
    fn put(&self, viewer: NodeIndex, kept: Arc<Kept>) {
        self.cache
            .entry(viewer)
            .and_compute_with(|entry| match entry {
                Some(entry) if entry.value().view.scn() > kept.view.scn() => Op::Nop,
                _ => Op::Put(Arc::clone(&kept)),
            });
    }

    /// Lends a scratch set. Each grows to one bit a member, so they are reused.
    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let idle = self
            .scratches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut scratch = idle.unwrap_or_default();
        let outcome = work(&mut scratch);
        self.scratches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(scratch);
        outcome
    }

    /// Evicts views over the budget, which would otherwise wait for the next use, and ends idle
    /// sessions.
    pub(crate) fn tidy(&self) {
        self.sessions.end_idle();
        self.cache.run_pending_tasks();
    }

    pub(crate) fn counts(&self) -> ViewCounts {
        self.tidy();
        let pinned = self.sessions.counts();
        ViewCounts {
            views: self.cache.entry_count() + pinned.views,
            bytes: self.cache.weighted_size() * 1024 + pinned.bytes,
            sessions: pinned.sessions,
            session_bytes: pinned.bytes,
            bytes_max: self.bytes_max,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            rebuilds: self.rebuilds.load(Ordering::Relaxed),
        }
    }
}

fn bytes(view: &View) -> u64 {
    u64::from(kib(view)) * 1024
}

fn kib(view: &View) -> u32 {
    u32::try_from(view.bytes() / 1024).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_site::{member, path_graph};
    use cloud_engine::GraphChange;
    use cloud_model::ConnectionTime;
    use std::{cell::Cell, time::Duration};

    #[test]
    fn a_view_serves_as_long_as_it_holds() {
        let mut writer = path_graph(10);
        let views = Views::new(&Limits::DEFAULT);
        let old = writer.version().graph();
        let viewer = old.node(member(1)).unwrap();
        assert!(views.cached(&old, viewer).is_none());
        views.build(&old, viewer, &mut Budget::unlimited()).unwrap();
        assert!(views.cached(&old, viewer).is_some());
        let added = GraphChange::ConnectionAdded {
            existing_only: false,
            member: member(1),
            other: member(9),
            time: ConnectionTime::UNKNOWN,
        };
        writer.apply(Scn::new(1), &[added]).unwrap();
        let new = writer.version().graph();
        assert!(views.cached(&new, viewer).is_none());
        views.build(&new, viewer, &mut Budget::unlimited()).unwrap();
        // A reader at the older SCN builds its own view, and the newer one stays cached.
        let view = views.build(&old, viewer, &mut Budget::unlimited()).unwrap();
        assert_eq!(view.first().len(), 1);
        assert_eq!(views.cached(&new, viewer).unwrap().first().len(), 2);
        let counts = views.counts();
        assert_eq!(
            (counts.views, counts.hits, counts.misses, counts.rebuilds),
            (1, 2, 1, 1)
        );
    }

    #[test]
    fn a_session_keeps_a_view_through_evictions_and_changes() {
        let mut writer = path_graph(200);
        let views = Views::new(&Limits {
            view_cache_bytes_max: 16 << 10,
            ..Limits::DEFAULT
        });
        let old = writer.version().graph();
        let viewer = |id| old.node(member(id)).unwrap();
        let build = |graph: &Graph, id| {
            views
                .build(graph, viewer(id), &mut Budget::unlimited())
                .unwrap()
        };
        let session = views.begin_session(&build(&old, 1)).unwrap();
        let evict = || {
            (2..=200).for_each(|id| drop(build(&old, id)));
            views.tidy();
        };
        evict();
        assert!(views.cached(&old, viewer(1)).is_some());
        assert!(views.cached(&old, viewer(2)).is_none());
        let added = GraphChange::ConnectionAdded {
            existing_only: false,
            member: member(1),
            other: member(9),
            time: ConnectionTime::UNKNOWN,
        };
        writer.apply(Scn::new(1), &[added]).unwrap();
        let new = writer.version().graph();
        assert!(
            views.cached(&new, viewer(1)).is_none(),
            "it no longer holds"
        );
        build(&new, 1);
        evict();
        assert_eq!(views.cached(&new, viewer(1)).unwrap().first().len(), 2);
        let counts = views.counts();
        assert_eq!((counts.sessions, counts.session_bytes), (1, 1024));
        assert!(counts.session_bytes < counts.bytes && counts.bytes <= counts.bytes_max);
        views.end_session(session);
        assert!(
            views.cached(&new, viewer(1)).is_some(),
            "cached as any other"
        );
        evict();
        assert!(views.cached(&new, viewer(1)).is_none());
        assert_eq!(views.counts().session_bytes, 0);
    }

    thread_local! {
        static NOW: Cell<Instant> = Cell::new(Instant::now());
    }

    #[test]
    fn a_view_that_is_brought_up_was_not_asked_for() {
        let mut writer = path_graph(10);
        let idle = Duration::from_secs(60);
        let wait = || NOW.set(NOW.get() + idle * 3 / 4);
        let limits = Limits {
            session_idle_ms_max: idle.as_millis() as u64,
            ..Limits::DEFAULT
        };
        let views = Views::with_clock(&limits, || NOW.get());
        let old = writer.version().graph();
        let viewer = old.node(member(1)).unwrap();
        let view = views.build(&old, viewer, &mut Budget::unlimited()).unwrap();
        views.begin_session(&view).unwrap();
        writer
            .apply(Scn::new(1), &[GraphChange::MemberRemoved(member(2))])
            .unwrap();
        let new = writer.version().graph();
        wait();
        assert_eq!(views.below(new.scn()), [viewer]);
        views.bring_up(viewer, &new);
        assert!(views.below(new.scn()).is_empty());
        wait();
        assert_eq!(views.counts().sessions, 0);
    }

    #[test]
    fn the_budget_is_kept() {
        let writer = path_graph(200);
        let views = Views::new(&Limits {
            view_cache_bytes_max: 16 << 10,
            ..Limits::DEFAULT
        });
        let graph = writer.version().graph();
        for id in 1..=200 {
            let viewer = graph.node(member(id)).unwrap();
            views
                .build(&graph, viewer, &mut Budget::unlimited())
                .unwrap();
        }
        let counts = views.counts();
        assert!(counts.views > 0 && counts.bytes <= 16 << 10, "{counts:?}");
    }

    #[test]
    fn views_that_are_rebuilt_again_and_again_take_no_more_memory() {
        let viewers = 50;
        let check = |bytes_max: u64| {
            let mut writer = path_graph(viewers);
            let views = Views::new(&Limits {
                view_cache_bytes_max: bytes_max,
                ..Limits::DEFAULT
            });
            let mut weights = 0;
            for round in 1..=100 {
                let at = |place| member(place % viewers + 1);
                let (member, other) = (at(round), at(round + 24));
                let change = match round % 3 {
                    0 => GraphChange::ConnectionRemoved { member, other },
                    _ => GraphChange::ConnectionAdded {
                        existing_only: false,
                        member,
                        other,
                        time: ConnectionTime::UNKNOWN,
                    },
                };
                writer.apply(Scn::new(round), &[change]).unwrap();
                let graph = writer.version().graph();
                let build = |id| {
                    let viewer = graph.node(self::member(id)).unwrap();
                    let view = views.build(&graph, viewer, &mut Budget::unlimited());
                    u64::from(kib(&view.unwrap())) * 1024
                };
                weights = (1..=viewers).map(build).sum();
                assert!(views.counts().bytes <= bytes_max);
            }
            (views.counts(), weights)
        };
        let (all, weights) = check(1 << 20);
        assert_eq!((all.views, all.bytes), (viewers, weights));
        let (some, _) = check(16 << 10);
        assert!(some.views > 0 && some.views < viewers, "{some:?}");
    }
}
