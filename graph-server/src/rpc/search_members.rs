//! SearchMembers: the members who match a query, nearest to the viewer first, then by score.

use crate::{
    limits::{QUERY_BYTES_MAX, SEARCH_PAGE_SIZE_DEFAULT, SEARCH_PAGE_SIZE_MAX},
    read_context::Call,
    rpc::{
        convert::{degree_to_wire, degrees_from_wire, member_id, page_size},
        page_token::Parameters,
        refusal::Refusal,
    },
    site::Site,
    workers::Stop,
};
use cloud_engine::Degree;
use cloud_proto::cloud::v1::{SearchHit, SearchMembersRequest, SearchMembersResponse};
use cloud_search::{Degrees, Hit, Network, Query, search};
use cloud_serving::{self as serving, process::catch_panic};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn search_members(
    site: &Arc<Site>,
    request: Request<SearchMembersRequest>,
) -> Result<SearchMembersResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    if request.query.len() > QUERY_BYTES_MAX {
        let (asked, limit) = (request.query.len() as u64, QUERY_BYTES_MAX as u64);
        return Err(Refusal::too_large("query", asked, limit));
    }
    let query =
        Query::parse(&request.query).map_err(|error| Refusal::field("query", error.to_string()))?;
    let degrees = Degrees::of(&degrees_from_wire("degrees", &request.degrees)?);
    let limit = page_size(
        request.page_size,
        SEARCH_PAGE_SIZE_DEFAULT,
        SEARCH_PAGE_SIZE_MAX,
    );
    let parameters = parameters(&request, degrees);
    let after = parameters.key(&request.page_token)?;
    let (published, context) = site.search_context(viewer, request.at_least, call).await?;
    let network = Network {
        degrees,
        view: context.view().await?,
        graph: context.graph.clone(),
    };
    // A search changes nothing, so a panic of the index's library leaves nothing half done.
    let work =
        move |stop: &Stop| {
            let stop = || stop.now();
            let found =
                catch_panic(|| search(&published, &query, &network, limit, after.as_ref(), &stop));
            Ok(found
                .map_err(|panicked| serving::Refusal::internal(format!("search {panicked}")))??)
        };
    let page = site.search.run(call.deadline, work).await?;
    let hit = |hit: Hit| SearchHit {
        member_id: hit.member.get(),
        degree: degree_to_wire(hit.degree).into(),
        score: hit.score,
    };
    Ok(SearchMembersResponse {
        as_of: context.as_of(),
        hits: page.hits.into_iter().map(hit).collect(),
        total: page.total,
        next_page_token: page
            .next
            .map(|last| parameters.token(&last))
            .unwrap_or_default(),
    })
}

fn parameters(request: &SearchMembersRequest, degrees: Degrees) -> Parameters {
    let degrees = FILTERABLE.map(|degree| u8::from(degrees.contains(degree)));
    Parameters::of(
        "SearchMembers",
        &[
            &request.viewer_id.to_le_bytes(),
            request.query.as_bytes(),
            &degrees,
        ],
    )
}

const FILTERABLE: [Degree; 4] = [
    Degree::First,
    Degree::Second,
    Degree::Third,
    Degree::OutOfNetwork,
];
