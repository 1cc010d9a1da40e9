//! GetDegrees: a viewer's degree to each of some members, with shared connections and a path.

use crate::{
    limits::{DEGREES_BATCH_MAX, SHARED_SAMPLE_MAX},
    read_context::{Call, ReadContext},
    rpc::{
        convert::{degree_to_wire, member_id, member_ids},
        refusal::Refusal,
    },
    site::Site,
    views::view_cache::Kept,
};
use cloud_engine::{
    Budget, Degree, NodeIndex, View, ViewAt, degrees, degrees_from_targets, shared_connections,
    shared_cost, shortest_path,
};
use cloud_proto::cloud::v1::{
    Degree as WireDegree, GetDegreesRequest, GetDegreesResponse, MemberDegree,
};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn get_degrees(
    site: &Arc<Site>,
    request: Request<GetDegreesRequest>,
) -> Result<GetDegreesResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let members = member_ids("member_ids", &request.member_ids, DEGREES_BATCH_MAX)?;
    if request.shared_sample > SHARED_SAMPLE_MAX {
        let (asked, limit) = (request.shared_sample.into(), SHARED_SAMPLE_MAX.into());
        return Err(Refusal::too_large("shared_sample", asked, limit));
    }
    let at_least = request.at_least.clone();
    let context = site.read_context(viewer, at_least, call).await?;
    let targets = context.graph.page(&members);
    let page = Page::new(&context, targets, &request);
    let degrees = context.work(page.edges, move |context, budget| {
        page.answer(context, budget)
    });
    let degrees = degrees.await?;
    let member_ids = request.member_ids.into_iter();
    let degrees = member_ids
        .zip(degrees)
        .map(|(member_id, degree)| MemberDegree {
            member_id,
            ..degree
        })
        .collect();
    let as_of = context.as_of();
    Ok(GetDegreesResponse { as_of, degrees })
}

/// A request, prepared to run on the thread that its cost requires.
struct Page {
    targets: Vec<Option<NodeIndex>>,
    source: Source,
    shared: bool,
    sample: usize,
    path: bool,
    /// The approximate number of edges that the answer visits.
    edges: u64,
}

/// The source that the degrees are computed from.
enum Source {
    /// A cached view, of this SCN or another.
    Kept(Arc<Kept>),
    /// A view that is built now, and then cached.
    NewView,
    /// No view: the targets' own neighbours are cheaper, because the viewer has many connections
    /// and the page is small.
    Targets,
}

impl Page {
    fn new(
        context: &ReadContext,
        targets: Vec<Option<NodeIndex>>,
        request: &GetDegreesRequest,
    ) -> Self {
        let (graph, viewer) = (&context.graph, context.viewer);
        let sample = request.shared_sample as usize;
        let shared = request.shared_count || sample > 0;
        let inline_edges = context.inline_edges_max();
        let own_edges = |node| graph.neighbours(node).count_max() as u64;
        let mut edges: u64 = targets
            .iter()
            .flatten()
            .map(|&target| own_edges(target))
            .sum();
        if shared || request.path {
            // A path is found by intersecting the lists as well.
            let of_viewer = graph.neighbours(viewer);
            edges += targets
                .iter()
                .flatten()
                .map(|&target| shared_cost(&of_viewer, &graph.neighbours(target)))
                .sum::<u64>();
        }
        let source = match context.site.views.kept(graph, viewer) {
            Some((kept, kept_edges)) => {
                edges += kept_edges;
                Source::Kept(kept)
            }
            None => {
                let view_edges = View::cost(graph, viewer, inline_edges);
                let from_targets = || {
                    let limit = view_edges.min(inline_edges);
                    let mut around = own_edges(viewer);
                    for &target in targets.iter().flatten() {
                        around += View::cost(graph, target, limit.saturating_sub(around));
                        if around > limit {
                            break;
                        }
                    }
                    around
                };
                let from_targets = (view_edges > inline_edges && !request.path)
                    .then(from_targets)
                    .filter(|&around| around <= inline_edges);
                edges += from_targets.unwrap_or(view_edges);
                match from_targets {
                    Some(_) => Source::Targets,
                    None => Source::NewView,
                }
            }
        };
        Self {
            targets,
            source,
            shared,
            sample,
            path: request.path,
            edges,
        }
    }

    /// Returns the degrees in the order of the request, without the member ids.
    fn answer(
        &self,
        context: &ReadContext,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<MemberDegree>, Refusal> {
        let (graph, viewer) = (&context.graph, context.viewer);
        match &self.source {
            Source::Kept(kept) => {
                if let Some(mut view) = kept.view().at(graph, budget)? {
                    let answer = self.ask_view(context, &mut view, budget);
                    kept.add_extra_edges(view.extra_edges());
                    return answer;
                }
            }
            Source::NewView => {}
            Source::Targets => return self.ask_targets(context, budget),
        }
        let view = context.site.views.build(graph, viewer, budget)?;
        self.ask_view(context, &mut view.whole(graph), budget)
    }

    fn ask_view(
        &self,
        context: &ReadContext,
        view: &mut ViewAt<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<MemberDegree>, Refusal> {
        let degrees = degrees(view, &self.nodes(), budget)?;
        let mut answers = self.members(context, degrees, budget)?;
        if self.path {
            let found = self.targets.iter().zip(&mut answers);
            for (target, member) in found.filter_map(|(target, member)| Some(((*target)?, member)))
            {
                let path = shortest_path(view, target, budget)?;
                member.path = path.into_iter().map(|member| member.get()).collect();
            }
        }
        Ok(answers)
    }

    fn ask_targets(
        &self,
        context: &ReadContext,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<MemberDegree>, Refusal> {
        let (graph, viewer) = (&context.graph, context.viewer);
        let degrees = degrees_from_targets(graph, viewer, &self.nodes(), budget)?;
        self.members(context, degrees, budget)
    }

    /// Returns the targets that exist.
    fn nodes(&self) -> Vec<NodeIndex> {
        self.targets.iter().flatten().copied().collect()
    }

    /// Returns the answer for each target, from the degrees of those that exist.
    fn members(
        &self,
        context: &ReadContext,
        degrees: Vec<Degree>,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<MemberDegree>, Refusal> {
        let mut degrees = degrees.into_iter();
        let answer =
            |&target: &Option<NodeIndex>| match target.zip(target.and_then(|_| degrees.next())) {
                Some((target, degree)) => self.member(context, target, degree, budget),
                None => Ok(unknown()),
            };
        self.targets.iter().map(answer).collect()
    }

    fn member(
        &self,
        context: &ReadContext,
        target: NodeIndex,
        degree: Degree,
        budget: &mut Budget<'_>,
    ) -> Result<MemberDegree, Refusal> {
        let mut member = MemberDegree {
            degree: degree_to_wire(degree).into(),
            ..MemberDegree::default()
        };
        if self.shared {
            // A member at 3rd degree or further shares no connection with the viewer.
            let shared = match degree {
                Degree::Itself | Degree::First | Degree::Second => {
                    shared_connections(&context.graph, context.viewer, target, budget)?
                }
                Degree::Third | Degree::OutOfNetwork => Vec::new(),
            };
            member.shared_count = Some(u32::try_from(shared.len()).unwrap_or(u32::MAX));
            member.shared_ids = shared
                .into_iter()
                .take(self.sample)
                .map(|member| member.get())
                .collect();
        }
        Ok(member)
    }
}

fn unknown() -> MemberDegree {
    MemberDegree {
        degree: WireDegree::Unknown.into(),
        ..MemberDegree::default()
    }
}
