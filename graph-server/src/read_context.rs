//! The only way by which a call gets its graph and its profiles.
//!
//! [`Site::read_context`] checks the caller, waits for the call's `at_least`, takes the graph, and
//! finds the viewer in it. The other functions do the same with profiles, and for a call that may
//! have no viewer. No call gets a graph in another way: [`Graphs`] is private to this file. So a
//! rule about which caller may read from which side has one place, and the graph of a call is seen
//! from the call's side: it has no member who is hidden from there. (A call from the sides of
//! several viewers also gets the graph from the site's own, to find its members once.)

use crate::{
    ingest::progress::Part,
    observe::facts,
    rpc::{convert::member_id, refusal::Refusal},
    site::Site,
    workers::Stop,
};
use cloud_engine::{Budget, Current, EDGES_BETWEEN_CHECKS, Graph, NodeIndex, View};
use cloud_model::MemberId;
use cloud_proto::databus::v1::{AsOf, AtLeast};
use cloud_search::Published;
use cloud_serving as serving;
use cloud_serving::{Deadline, ListenerKind};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tonic::Request;

/// The site's graphs, which a call gets through this file only.
pub(crate) struct Graphs(Current);

/// The program that sent a call. It has no name: the network restricts access to each listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A program on the public listener. It may read from the side of every member, and of a
    /// visitor.
    Application,
    /// A program on the admin listener. It may also read from the site's own side.
    Operator,
}

/// The side from which a call reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side<M = MemberId> {
    /// The side of a member, the viewer.
    Member(M),
    /// The side of a visitor who is not logged in.
    Visitor,
    /// The site's own side, from which everything is seen.
    Site,
}

/// The caller of a request, and the time by which it must be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) identity: Identity,
    pub(crate) deadline: Deadline,
}

/// The site at one SCN, from one side. `V` is the viewer: a node, or a [`Side`] where a call may
/// have no viewer.
#[derive(Clone)]
pub(crate) struct ReadContext<V = NodeIndex> {
    pub(crate) site: Arc<Site>,
    pub(crate) graph: Graph,
    /// The viewer's node in the graph; `graph.member` names its id.
    pub(crate) viewer: V,
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
    fn of<M>(request: &Request<M>) -> Self {
        match request.extensions().get() {
            Some(ListenerKind::Admin) => Self::Operator,
            Some(ListenerKind::Public) | None => Self::Application,
        }
    }

    /// Rejects a caller that may not read from the sides of several viewers in one call.
    fn check_viewers(self) -> Result<(), Refusal> {
        match self {
            Self::Operator => Ok(()),
            Self::Application => Err(Refusal::other_listener(
                "cloud.v1.NetworkService/GetDegreesForViewers",
                ListenerKind::Admin,
            )),
        }
    }

    /// Rejects a caller that may not read from this side.
    fn check_side(self, side: Side) -> Result<(), Refusal> {
        match (self, side) {
            (Self::Operator, _) | (Self::Application, Side::Member(_) | Side::Visitor) => Ok(()),
            (Self::Application, Side::Site) => Err(Refusal::field(
                "viewer_id",
                "must be the member from whose side this is read, or anonymous must be set; \
                 only the admin listener answers without both",
            )),
        }
    }
}

impl Side {
    /// Returns the side that the fields `viewer_id` and `anonymous` of a request state.
    pub(crate) fn stated(viewer_id: u64, anonymous: bool) -> Result<Self, Refusal> {
        match (viewer_id, anonymous) {
            (0, false) => Ok(Self::Site),
            (0, true) => Ok(Self::Visitor),
            (viewer_id, false) => Ok(Self::Member(member_id("viewer_id", viewer_id)?)),
            (_, true) => {
                let problem = "must not be set together with viewer_id";
                Err(Refusal::field("anonymous", problem))
            }
        }
    }

    /// Returns the graph from this side, and the side in it, or NOT_FOUND if the viewer does not
    /// exist.
    fn in_graph(self, graph: Graph) -> Result<(Graph, Side<NodeIndex>), Refusal> {
        Ok(match self {
            Self::Member(viewer) => {
                let viewer = existing(&graph, viewer)?;
                (graph.seen_by(viewer), Side::Member(viewer))
            }
            Self::Visitor => (graph.seen_by_visitor(), Side::Visitor),
            Self::Site => (graph, Side::Site),
        })
    }
}

impl Call {
    pub(crate) fn of<M>(request: &Request<M>) -> Self {
        Self {
            identity: Identity::of(request),
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
        call.identity.check_side(Side::Member(viewer))?;
        let graph = self.graph(at_least, call).await?;
        let viewer = existing(&graph, viewer)?;
        Ok(ReadContext::new(self, graph.seen_by(viewer), viewer, call))
    }

    /// Returns this side of the newest graph that holds `at_least`.
    pub(crate) async fn side_context(
        self: &Arc<Self>,
        side: Side,
        at_least: Option<AtLeast>,
        call: Call,
    ) -> Result<ReadContext<Side<NodeIndex>>, Refusal> {
        call.identity.check_side(side)?;
        let graph = self.graph(at_least, call).await?;
        let (graph, side) = side.in_graph(graph)?;
        Ok(ReadContext::new(self, graph, side, call))
    }

    /// Returns the newest graph that holds `at_least`, from the site's own side, and the side of
    /// each of some viewers of it; `None` for a viewer that does not exist.
    pub(crate) async fn read_contexts(
        self: &Arc<Self>,
        viewers: &[MemberId],
        at_least: Option<AtLeast>,
        call: Call,
    ) -> Result<(Graph, Vec<Option<ReadContext>>), Refusal> {
        call.identity.check_viewers()?;
        let graph = self.graph(at_least, call).await?;
        facts::answered_as_of(graph.scn().get());
        let context = |&viewer: &MemberId| {
            let node = graph.node(viewer)?;
            let graph = graph.clone().seen_by(node);
            Some(ReadContext::new(self, graph, node, call))
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
        call.identity.check_side(Side::Member(viewer))?;
        let (published, graph) = self.published_at(at_least, call).await?;
        let viewer = existing(&graph, viewer)?;
        let context = ReadContext::new(self, graph.seen_by(viewer), viewer, call);
        Ok((published, context))
    }

    /// Returns the newest profiles that hold `at_least`, and this side of the graph at the same
    /// SCN.
    pub(crate) async fn profiles_context(
        self: &Arc<Self>,
        side: Side,
        at_least: Option<AtLeast>,
        call: Call,
    ) -> Result<(Arc<Published>, ReadContext<Side<NodeIndex>>), Refusal> {
        call.identity.check_side(side)?;
        let (published, graph) = self.published_at(at_least, call).await?;
        let (graph, side) = side.in_graph(graph)?;
        Ok((published, ReadContext::new(self, graph, side, call)))
    }

    async fn graph(&self, at_least: Option<AtLeast>, call: Call) -> Result<Graph, Refusal> {
        let (part, deadline) = (Part::Graph, call.deadline);
        self.progress.wait(at_least, part, deadline).await?;
        Ok(self.graphs.0.graph())
    }

    /// Returns the newest profiles that hold `at_least`, and the graph at the same SCN.
    async fn published_at(
        &self,
        at_least: Option<AtLeast>,
        call: Call,
    ) -> Result<(Arc<Published>, Graph), Refusal> {
        let profiles = self.served_profiles()?;
        let (part, deadline) = (Part::Profiles, call.deadline);
        self.progress.wait(at_least, part, deadline).await?;
        // After a start while the relay is out of reach, the graph may stand at the snapshot,
        // behind the profiles.
        let scn = profiles.applied_scn();
        self.progress.reach(scn, Part::Graph, deadline).await?;
        for _ in 0..PUBLISHED_TRIES {
            let published = profiles.published();
            let scn = published.scn();
            if let Some(graph) = self.graphs.0.graph_at(scn) {
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

impl<V: Clone + Send + 'static> ReadContext<V> {
    fn new(site: &Arc<Site>, graph: Graph, viewer: V, call: Call) -> Self {
        facts::answered_as_of(graph.scn().get());
        Self {
            site: Arc::clone(site),
            graph,
            viewer,
            call,
        }
    }

    /// Returns the answer's `as_of`.
    pub(crate) fn as_of(&self) -> Option<AsOf> {
        self.site.as_of(&self.graph)
    }

    /// Returns the node of another member in the call, or NOT_FOUND if the member does not exist.
    pub(crate) fn member(&self, member: MemberId) -> Result<NodeIndex, Refusal> {
        existing(&self.graph, member)
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

impl ReadContext {
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
}

/// Runs the work within its budget. The edges that it visits are counted in `visited`.
fn within<V, T>(
    work: impl Fn(&ReadContext<V>, &mut Budget<'_>) -> Result<T, Refusal>,
    context: &ReadContext<V>,
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
