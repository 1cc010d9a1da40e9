//! The only way by which a call with a viewer gets its graph.
//!
//! [`Site::read_context`] checks the caller, waits for the call's `at_least`, takes the graph, and
//! finds the viewer in it. No call gets a graph for a viewer in another way: [`Graphs`] is private
//! to this file. So a rule about which caller may read which viewer's graph has one place.

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
    /// A program without a name: it may send requests for every viewer. The network restricts
    /// access to the listener.
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

/// The maximum number of attempts to find the graph at the SCN of the profiles. The graph may go
/// over to a new base meanwhile, which may stand above the profiles that were taken, but never
/// above the newest ones. So a second attempt succeeds, unless there is another new base.
const PUBLISHED_TRIES: usize = 4;

impl Graphs {
    pub(crate) fn new(current: Current) -> Self {
        Self(current)
    }

    /// Returns the newest graph for the site's status. Calls with a viewer use
    /// [`Site::read_context`].
    pub(crate) fn for_status(&self) -> Graph {
        self.0.graph()
    }
}

impl Identity {
    /// Rejects a caller that may not send requests for this viewer.
    fn check_viewer(self, _viewer: MemberId) -> Result<(), Refusal> {
        match self {
            Self::Anonymous => Ok(()),
        }
    }

    /// Rejects a caller that may not read from the sides of several viewers in one call.
    fn check_viewers(self, viewers: &[MemberId]) -> Result<(), Refusal> {
        viewers
            .iter()
            .try_for_each(|&viewer| self.check_viewer(viewer))
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
    /// Returns the viewer's side of the newest graph that holds `at_least`.
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

    /// Returns the side of each of some viewers of the same graph, the newest that holds
    /// `at_least`; `None` for a viewer that does not exist.
    pub(crate) async fn read_contexts(
        self: &Arc<Self>,
        viewers: &[MemberId],
        at_least: Option<AtLeast>,
        call: Call,
    ) -> Result<(Graph, Vec<Option<ReadContext>>), Refusal> {
        call.identity.check_viewers(viewers)?;
        let (part, deadline) = (Part::Graph, call.deadline);
        self.progress.wait(at_least, part, deadline).await?;
        let graph = self.graphs.0.graph();
        facts::answered_as_of(graph.scn().get());
        let context = |&viewer: &MemberId| {
            let graph = graph.clone();
            ReadContext::new(self, graph, viewer, call).ok()
        };
        let contexts = viewers.iter().map(context).collect();
        Ok((graph, contexts))
    }

    /// Returns the newest profiles that hold `at_least`, and the viewer's side of the graph at the
    /// same SCN.
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

    /// Returns the newest profiles that hold `at_least`, and the graph at the same SCN. For a call
    /// without a viewer, which takes from the graph only the node of each member's profile.
    pub(crate) async fn profiles(
        &self,
        at_least: Option<AtLeast>,
        deadline: Deadline,
    ) -> Result<(Arc<Published>, Graph), Refusal> {
        let profiles = self.served_profiles()?;
        let part = Part::Profiles;
        self.progress.wait(at_least, part, deadline).await?;
        // After a start while the relay is out of reach, the graph may stand at the snapshot,
        // behind the profiles.
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

    /// Returns the `as_of` of an answer from `graph`.
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

    /// Returns the answer's `as_of`.
    pub(crate) fn as_of(&self) -> Option<AsOf> {
        self.site.as_of(&self.graph)
    }

    /// Returns the node of another member in the call, or NOT_FOUND if the member does not exist.
    pub(crate) fn member(&self, member: MemberId) -> Result<NodeIndex, Refusal> {
        existing(&self.graph, member)
    }

    /// Returns the viewer's view, cached or built.
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

    /// Returns the maximum number of edges visited on the threads that serve connections.
    pub(crate) fn inline_edges_max(&self) -> u64 {
        self.site.limits.inline_edges_max
    }

    /// Runs work that visits about `edges` edges, or 0 if the number is not known beforehand.
    ///
    /// The work runs on the calling thread if `edges` is within [`ReadContext::inline_edges_max`],
    /// and on the heavy threads otherwise. Work that exceeds this limit on the calling thread is
    /// started again on the heavy threads.
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

/// Runs the work within its budget. The edges that it visits are counted in `visited`.
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

/// Returns the node of a member, or NOT_FOUND if the member does not exist.
fn existing(graph: &Graph, member: MemberId) -> Result<NodeIndex, Refusal> {
    let node = graph.node(member);
    node.ok_or_else(|| Refusal::member_not_found(member.get()))
}
