//! The one door through which a call that has a viewer gets its graph.
//!
//! [`Site::read_context`] checks who calls, waits for the call's `at_least`, takes the graph and
//! finds the viewer in it. No call reaches a graph for a viewer in another way: [`Graphs`] keeps it
//! to this file. So a rule about who may see whom has one place.

use crate::{
    ingest::progress::Part, observe::facts, rpc::refusal::Refusal, site::Site, workers::Stop,
};
use cloud_engine::{Budget, Current, EDGES_BETWEEN_CHECKS, Graph, NodeIndex, View};
use cloud_model::MemberId;
use cloud_proto::databus::v1::{AsOf, AtLeast};
use cloud_search::Published;
use cloud_serving as serving;
use cloud_serving::Deadline;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tonic::Request;

/// The site's graphs, which a call gets through this file only.
pub(crate) struct Graphs(Current);

/// The program that sent a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// No name: it may ask from every viewer's side. The network decides who reaches the listener.
    Anonymous,
}

/// The caller of a request, and the time by which it must be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) identity: Identity,
    pub(crate) deadline: Deadline,
}

/// A viewer's side of the site at one SCN.
#[derive(Clone)]
pub(crate) struct ReadContext {
    pub(crate) site: Arc<Site>,
    pub(crate) graph: Graph,
    /// The viewer's node in the graph; `graph.member` names its id.
    pub(crate) viewer: NodeIndex,
    pub(crate) call: Call,
}

/// The profiles are taken while the graph may go over to a new base, which may stand above them. It
/// never stands above the newest profiles. So a second try is enough, unless it happens again.
const PUBLISHED_TRIES: usize = 4;

impl Graphs {
    pub(crate) fn new(current: Current) -> Self {
        Self(current)
    }

    /// The newest graph from the site's own side: for its status, not for a viewer.
    pub(crate) fn for_status(&self) -> Graph {
        self.0.graph()
    }
}

impl Identity {
    /// Refuses a caller who may not ask from this viewer's side.
    fn check_viewer(self, _viewer: MemberId) -> Result<(), Refusal> {
        match self {
            Self::Anonymous => Ok(()),
        }
    }
}

impl Call {
    pub(crate) fn of<M>(request: &Request<M>) -> Self {
        Self {
            identity: Identity::Anonymous,
            deadline: Deadline::of(request),
        }
    }
}

impl Site {
    /// The viewer's side of the newest graph that holds what `at_least` asks for.
    pub(crate) async fn read_context(
        self: &Arc<Self>,
        viewer: MemberId,
        at_least: Option<AtLeast>,
        call: Call,
    ) -> Result<ReadContext, Refusal> {
        call.identity.check_viewer(viewer)?;
        let (part, deadline) = (Part::Graph, call.deadline);
        self.progress.wait(at_least, part, deadline).await?;
        ReadContext::new(self, self.graphs.0.graph(), viewer, call)
    }

    /// The newest profiles that hold what `at_least` asks for, and the viewer's side of the graph
    /// at the same SCN.
    pub(crate) async fn search_context(
        self: &Arc<Self>,
        viewer: MemberId,
        at_least: Option<AtLeast>,
        call: Call,
    ) -> Result<(Arc<Published>, ReadContext), Refusal> {
        call.identity.check_viewer(viewer)?;
        let (published, graph) = self.profiles(at_least, call.deadline).await?;
        let context = ReadContext::new(self, graph, viewer, call)?;
        Ok((published, context))
    }

    /// The newest profiles that hold what `at_least` asks for, and the graph at the same SCN. For a
    /// call that has no viewer: it takes from the graph where a member's profile stands.
    pub(crate) async fn profiles(
        &self,
        at_least: Option<AtLeast>,
        deadline: Deadline,
    ) -> Result<(Arc<Published>, Graph), Refusal> {
        let profiles = self.served_profiles()?;
        let part = Part::Profiles;
        self.progress.wait(at_least, part, deadline).await?;
        // After a start without its relay the graph may stand at the snapshot, behind the profiles.
        let scn = profiles.applied_scn();
        self.progress.reach(scn, Part::Graph, deadline).await?;
        for _ in 0..PUBLISHED_TRIES {
            let published = profiles.published();
            let scn = published.scn();
            if let Some(graph) = self.graphs.0.graph_at(scn) {
                facts::answered_as_of(scn.get());
                return Ok((published, graph));
            }
        }
        Err(serving::Refusal::internal("no graph at the SCN of the profiles").into())
    }

    /// The `as_of` of an answer from `graph`.
    pub(crate) fn as_of(&self, graph: &Graph) -> Option<AsOf> {
        Some(self.progress.as_of(graph.scn()))
    }
}

impl ReadContext {
    fn new(
        site: &Arc<Site>,
        graph: Graph,
        viewer_id: MemberId,
        call: Call,
    ) -> Result<Self, Refusal> {
        facts::answered_as_of(graph.scn().get());
        Ok(Self {
            viewer: existing(&graph, viewer_id)?,
            site: Arc::clone(site),
            graph,
            call,
        })
    }

    /// The answer's `as_of`.
    pub(crate) fn as_of(&self) -> Option<AsOf> {
        self.site.as_of(&self.graph)
    }

    /// The node of another member that the call names, who must exist.
    pub(crate) fn member(&self, member: MemberId) -> Result<NodeIndex, Refusal> {
        existing(&self.graph, member)
    }

    /// The viewer's view, cached or built.
    pub(crate) async fn view(&self) -> Result<Arc<View>, Refusal> {
        if let Some(view) = self.site.views.cached(&self.graph, self.viewer) {
            return Ok(view);
        }
        let edges = View::cost(&self.graph, self.viewer, self.inline_edges_max());
        self.work(edges, |context, budget| {
            let views = &context.site.views;
            Ok(views.build(&context.graph, context.viewer, budget)?)
        })
        .await
    }

    /// Edges that are visited at most on the threads that serve connections.
    pub(crate) fn inline_edges_max(&self) -> u64 {
        self.site.limits.inline_edges_max
    }

    /// Answers a question about the graph that visits about `edges` (0 where that is not known
    /// beforehand). It runs on the calling thread, or on the heavy threads if that is too much
    /// there. What turns out to be too much starts again on those.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        edges: u64,
        work: impl Fn(&Self, &mut Budget<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let deadline = self.call.deadline;
        let edges_max = self.site.limits.request_edges_max;
        let inline_edges_max = self.inline_edges_max().min(edges_max);
        if edges <= inline_edges_max {
            let visited = AtomicU64::new(0);
            let stop = Stop::at(deadline);
            let tried = within(&work, self, inline_edges_max, &stop, &visited);
            facts::visited(visited.into_inner());
            let is_too_much = tried.as_ref().is_err_and(Refusal::is_edges_exhausted);
            if !is_too_much || inline_edges_max == edges_max {
                return tried;
            }
        }
        let context = self.clone();
        let visited = Arc::default();
        facts::visited_elsewhere(&visited);
        let run = move |stop: &Stop| within(&work, &context, edges_max, stop, &visited);
        self.site.heavy.run(deadline, run).await
    }
}

/// Does the work within its budget; the edges that it visits are counted in `visited`.
fn within<T>(
    work: impl Fn(&ReadContext, &mut Budget<'_>) -> Result<T, Refusal>,
    context: &ReadContext,
    edges_max: u64,
    stop: &Stop,
    visited: &AtomicU64,
) -> Result<T, Refusal> {
    let stop = || {
        visited.fetch_add(EDGES_BETWEEN_CHECKS, Ordering::Relaxed);
        stop.now()
    };
    let mut budget = Budget::new(edges_max, &stop);
    let outcome = work(context, &mut budget);
    visited.store(budget.spent(), Ordering::Relaxed);
    outcome
}

/// The node of a member who must exist.
fn existing(graph: &Graph, member: MemberId) -> Result<NodeIndex, Refusal> {
    let node = graph.node(member);
    node.ok_or_else(|| Refusal::member_not_found(member.get()))
}
