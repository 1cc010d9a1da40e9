//! What all calls share: the graph, profiles and search, the log, and the means to answer from them.

use crate::{
    compaction::Compaction,
    ingest::progress::{Progress, Side},
    limits::Limits,
    log_source::change_log::ChangeLog,
    observe::{facts, metrics::Calls},
    rpc::refusal::Refusal,
    views::view_cache::Views,
    workers::{Stop, Workers},
};
use cloud_engine::{Budget, Current, EDGES_BETWEEN_CHECKS, Graph, NodeIndex, View};
use cloud_model::{MemberId, Scn};
use cloud_proto::databus::v1::{AsOf, AtLeast};
use cloud_search::{People, Published};
use cloud_serving as serving;
use cloud_serving::Deadline;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// What one server holds of one site.
pub(crate) struct Site {
    pub(crate) limits: Limits,
    pub(crate) log: ChangeLog,
    pub(crate) current: Current,
    pub(crate) compaction: Arc<Compaction>,
    pub(crate) people: People,
    pub(crate) progress: Arc<Progress>,
    pub(crate) views: Arc<Views>,
    pub(crate) heavy: Workers,
    pub(crate) search: Workers,
    /// Cancelled when the server shuts down: streams end.
    pub(crate) stopping: CancellationToken,
    pub(crate) started: Instant,
    pub(crate) calls: Arc<Calls>,
    /// A request that takes longer gets a line in the log; 0: none does.
    pub(crate) slow_request_ms: u64,
}

/// Between the two takes of [`Site::people`] the graph may go over to a new base, which then is true above the profiles that were
/// taken; never above those of that moment. So a second try is enough, unless it happens again.
const PUBLISHED_TRIES: usize = 4;

impl Site {
    /// The newest graph that holds what `at_least` asks for.
    pub(crate) async fn graph(
        &self,
        at_least: Option<AtLeast>,
        deadline: Deadline,
    ) -> Result<Graph, Refusal> {
        self.progress.wait(at_least, Side::Graph, deadline).await?;
        let graph = self.current.graph();
        facts::answered_as_of(graph.scn().get());
        Ok(graph)
    }

    /// The newest profiles that hold what `at_least` asks for, and the graph at the same SCN.
    pub(crate) async fn people(
        &self,
        at_least: Option<AtLeast>,
        deadline: Deadline,
    ) -> Result<(Arc<Published>, Graph), Refusal> {
        self.progress.wait(at_least, Side::People, deadline).await?;
        // After a start without its relay the graph may stand where the snapshot does, and the profiles further.
        let scn = self.people.applied_scn();
        self.progress.reach(scn, Side::Graph, deadline).await?;
        for _ in 0..PUBLISHED_TRIES {
            let published = self.people.published();
            let scn = published.scn();
            if let Some(graph) = self.current.graph_at(scn) {
                facts::answered_as_of(scn.get());
                return Ok((published, graph));
            }
        }
        let reason = "no graph at the SCN of the profiles".to_owned();
        Err(serving::Refusal::Internal { reason }.into())
    }

    /// The `as_of` of an answer from `graph`.
    pub(crate) fn as_of(&self, graph: &Graph) -> Option<AsOf> {
        Some(self.progress.as_of(graph.scn()))
    }

    /// Answers a question about the graph that visits about `edges`, as far as is known (0 where nobody can say beforehand): where
    /// it was asked, or on the heavy threads if that is too much there. What turns out to be too much on its way begins all over
    /// again on those.
    pub(crate) async fn graph_work<T: Send + 'static>(
        self: &Arc<Self>,
        edges: u64,
        deadline: Deadline,
        work: impl Fn(&Site, &mut Budget<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let edges_max = self.limits.request_edges_max;
        let inline_edges_max = self.limits.inline_edges_max.min(edges_max);
        if edges <= inline_edges_max {
            let visited = AtomicU64::new(0);
            let stop = Stop::at(deadline);
            let tried = within(&work, self, inline_edges_max, &stop, &visited);
            facts::visited(visited.into_inner());
            let is_too_much = matches!(tried, Err(Refusal::EdgesExhausted { .. }));
            if !is_too_much || inline_edges_max == edges_max {
                return tried;
            }
        }
        let site = Arc::clone(self);
        let visited = Arc::default();
        facts::visited_elsewhere(&visited);
        let run = move |stop: &Stop| within(&work, &site, edges_max, stop, &visited);
        self.heavy.run(deadline, run).await
    }

    /// The view of a viewer at the graph's SCN.
    pub(crate) async fn view(
        self: &Arc<Self>,
        graph: &Graph,
        viewer: NodeIndex,
        deadline: Deadline,
    ) -> Result<Arc<View>, Refusal> {
        if let Some(view) = self.views.cached(graph, viewer) {
            return Ok(view);
        }
        let edges = View::cost(graph, viewer, self.limits.inline_edges_max);
        let graph = graph.clone();
        self.graph_work(edges, deadline, move |site, budget| {
            Ok(site.views.build(&graph, viewer, budget)?)
        })
        .await
    }

    /// The SCN of the oldest snapshot that a start may fall back to: the log keeps what comes after it.
    pub(crate) fn oldest_snapshot_scn(&self) -> Scn {
        self.compaction.status().oldest_kept
    }

    /// Whether the server goes on following the log, and is not told to end.
    pub(crate) fn check_serving(&self) -> Result<(), serving::Refusal> {
        if self.stopping.is_cancelled() {
            return Err(serving::Refusal::shutting_down());
        }
        match self.progress.reached().failed {
            Some(reason) => Err(serving::Refusal::NotServing {
                reason: reason.to_string(),
            }),
            None => Ok(()),
        }
    }
}

/// What the work makes within its budget; the edges that it visits are counted in `visited`.
fn within<T>(
    work: impl Fn(&Site, &mut Budget<'_>) -> Result<T, Refusal>,
    site: &Site,
    edges_max: u64,
    stop: &Stop,
    visited: &AtomicU64,
) -> Result<T, Refusal> {
    let stop = || {
        visited.fetch_add(EDGES_BETWEEN_CHECKS, Ordering::Relaxed);
        stop.now()
    };
    let mut budget = Budget::new(edges_max, &stop);
    let outcome = work(site, &mut budget);
    visited.store(budget.spent(), Ordering::Relaxed);
    outcome
}

/// The node of a member who must exist.
pub(crate) fn existing(graph: &Graph, member: MemberId) -> Result<NodeIndex, Refusal> {
    graph.node(member).ok_or(Refusal::MemberNotFound {
        member_id: member.get(),
    })
}
