//! SuggestConnections: the members with whom a viewer shares the most connections, but is not
//! connected, in pages.

use crate::{
    limits::{SHARED_SAMPLE_MAX, SUGGESTIONS_DEFAULT, SUGGESTIONS_MAX, SUGGESTIONS_NAMED_MAX},
    read_context::{Call, ReadContext},
    rpc::{
        convert::{bounded, member_id, member_ids, member_ids_to_wire, page_size},
        page_token::Parameters,
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{
    Budget, Graph, MemberList, NodeIndex, NodeSet, Suggestion, SuggestionsQuestion,
    suggest_connections as suggest, suggestions_cost,
};
use cloud_model::MemberId;
use cloud_proto::cloud::v1::{
    SuggestConnectionsRequest, SuggestConnectionsResponse, Suggestion as WireSuggestion,
};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn suggest_connections(
    site: &Arc<Site>,
    request: Request<SuggestConnectionsRequest>,
) -> Result<SuggestConnectionsResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let limit = page_size(request.page_size, SUGGESTIONS_DEFAULT, SUGGESTIONS_MAX);
    let sample = bounded("shared_sample", request.shared_sample, 0, SHARED_SAMPLE_MAX)? as usize;
    let named = |field, ids| member_ids(field, ids, SUGGESTIONS_NAMED_MAX);
    let exclude = named("exclude_ids", &request.exclude_ids)?;
    let include = named("include_ids", &request.include_ids)?;
    let parameters = Parameters::of(
        "SuggestConnections",
        &[
            &request.viewer_id.to_le_bytes(),
            &request.shared_sample.to_le_bytes(),
            &bytes(&request.exclude_ids),
            &bytes(&request.include_ids),
        ],
    );
    let after = parameters.key(&request.page_token)?;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let page = Page {
        after,
        limit,
        sample,
        exclude: nodes(&context.graph, &exclude),
        include: (!include.is_empty()).then(|| nodes(&context.graph, &include)),
    };
    let question = page.question(context.viewer);
    let edges = suggestions_cost(&context.graph, &question, context.inline_edges_max());
    let answer = context.work(edges, move |context, budget| page.answer(context, budget));
    let (suggestions, last) = answer.await?;
    Ok(SuggestConnectionsResponse {
        as_of: context.as_of(),
        suggestions,
        next_page_token: last.map_or_else(String::new, |last| parameters.token(&last)),
    })
}

/// A request, prepared to run on the thread that its cost requires.
struct Page {
    after: Option<Suggestion>,
    limit: usize,
    sample: usize,
    exclude: NodeSet,
    include: Option<NodeSet>,
}

impl Page {
    fn question(&self, viewer: NodeIndex) -> SuggestionsQuestion<'_> {
        SuggestionsQuestion {
            viewer,
            after: self.after,
            limit: self.limit,
            exclude: &self.exclude,
            include: self.include.as_ref(),
        }
    }

    /// Returns the suggestions, and the last one if more follow.
    fn answer(
        &self,
        context: &ReadContext,
        budget: &mut Budget<'_>,
    ) -> Result<(Vec<WireSuggestion>, Option<Suggestion>), Refusal> {
        let (graph, question) = (&context.graph, self.question(context.viewer));
        let views = &context.site.views;
        let page = views.with_scratch(|scratch| suggest(graph, &question, scratch, budget))?;
        let last = page.suggestions.last().copied().filter(|_| page.more);
        let suggestions = page.suggestions.into_iter();
        let suggestions = suggestions.map(|suggestion| self.to_wire(context, suggestion, budget));
        Ok((suggestions.collect::<Result<_, _>>()?, last))
    }

    fn to_wire(
        &self,
        context: &ReadContext,
        Suggestion { member, shared }: Suggestion,
        budget: &mut Budget<'_>,
    ) -> Result<WireSuggestion, Refusal> {
        let graph = &context.graph;
        let shared_ids = match graph.node(member).filter(|_| self.sample > 0) {
            Some(node) => {
                let list = MemberList::shared(graph, context.viewer, node);
                let page = list.page(graph, (None, self.sample), shared.into(), budget)?;
                member_ids_to_wire(&page.members)
            }
            None => Vec::new(),
        };
        Ok(WireSuggestion {
            member_id: member.get(),
            shared_count: shared,
            shared_ids,
        })
    }
}

/// Returns the nodes of those members that exist.
fn nodes(graph: &Graph, members: &[MemberId]) -> NodeSet {
    let mut nodes: Vec<u32> = graph
        .page(members)
        .into_iter()
        .flatten()
        .map(NodeIndex::get)
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    NodeSet::from_ascending(&nodes)
}

fn bytes(ids: &[u64]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}
