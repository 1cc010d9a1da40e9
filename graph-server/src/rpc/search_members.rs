//! Here is a viewer and a query: who in the viewer's network matches?

use crate::{
    convert::{degree_to_wire, degrees_from_wire, member_id, page_size},
    limits::{QUERY_BYTES_MAX, SEARCH_PAGE_SIZE_DEFAULT, SEARCH_PAGE_SIZE_MAX},
    page_token::Parameters,
    refusal::Refusal,
    site::{Site, existing},
};
use cloud_engine::{Degree, MemberId};
use cloud_proto::cloud::v1::{SearchHit, SearchMembersRequest, SearchMembersResponse};
use cloud_search::{Degrees, Hit, Network, Query, SortKey, search};
use databus::serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn search_members(
    site: &Arc<Site>,
    request: Request<SearchMembersRequest>,
) -> Result<SearchMembersResponse, Refusal> {
    let deadline = Deadline::of(&request);
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
    )?;
    let parameters = parameters(&request, degrees);
    let after = parameters
        .key(&request.page_token)?
        .map(from_key)
        .transpose()?;
    let (published, graph) = site.people(request.at_least, deadline).await?;
    let viewer = existing(&graph, viewer)?;
    let as_of = site.as_of(&graph);
    let view = site.view(&graph, viewer, deadline).await?;
    let network = Network {
        degrees,
        view,
        graph,
    };
    let work = move |stop: &_| {
        let stop: &crate::workers::Stop = stop;
        Ok(search(
            &published,
            &query,
            &network,
            limit,
            after.as_ref(),
            &|| stop.now(),
        )?)
    };
    let page = site.search.run(deadline, work).await?;
    let hit = |hit: Hit| SearchHit {
        member_id: hit.member.get(),
        degree: degree_to_wire(hit.degree).into(),
        score: hit.score,
    };
    Ok(SearchMembersResponse {
        as_of,
        hits: page.hits.into_iter().map(hit).collect(),
        total: page.total,
        next_page_token: page
            .next
            .map(|last| parameters.token(to_key(&last)))
            .unwrap_or_default(),
    })
}

fn parameters(request: &SearchMembersRequest, degrees: Degrees) -> Parameters {
    let degrees = FILTERABLE.map(|(degree, _)| u8::from(degrees.contains(degree)));
    Parameters::of(
        "SearchMembers",
        &[
            &request.viewer_id.to_le_bytes(),
            request.query.as_bytes(),
            &degrees,
        ],
    )
}

/// The degrees of hits, as page tokens say them.
const FILTERABLE: [(Degree, u8); 4] = [
    (Degree::First, 1),
    (Degree::Second, 2),
    (Degree::Third, 3),
    (Degree::OutOfNetwork, 4),
];

/// Degree (1 byte), score (4 bytes), member id (8 bytes).
fn to_key(last: &SortKey) -> [u8; 13] {
    let degree = FILTERABLE
        .iter()
        .find(|(degree, _)| *degree == last.degree)
        .map_or(0, |(_, code)| *code);
    let mut key = [degree; 13];
    key[1..5].copy_from_slice(&last.score.to_be_bytes());
    key[5..].copy_from_slice(&last.member.get().to_be_bytes());
    key
}

fn from_key(key: [u8; 13]) -> Result<SortKey, Refusal> {
    let [code, score @ .., _, _, _, _, _, _, _, _] = key;
    let [_, _, _, _, _, member @ ..] = key;
    let degree = FILTERABLE
        .iter()
        .find(|(_, known)| *known == code)
        .map(|(degree, _)| *degree);
    let key = degree.zip(MemberId::new(u64::from_be_bytes(member)));
    let (degree, member) =
        key.ok_or_else(|| Refusal::field("page_token", "names no place in a search"))?;
    let score = f32::from_be_bytes(score);
    if score.is_nan() {
        return Err(Refusal::field("page_token", "names no score"));
    }
    Ok(SortKey {
        degree,
        score,
        member,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sort_key_comes_back() {
        for (degree, score, id) in [
            (Degree::First, 0.0, 1),
            (Degree::OutOfNetwork, 13.25, u64::MAX),
        ] {
            let key = SortKey {
                degree,
                score,
                member: MemberId::new(id).unwrap(),
            };
            let back = from_key(to_key(&key)).unwrap();
            assert_eq!(
                (back.degree, back.score, back.member),
                (key.degree, key.score, key.member)
            );
        }
        assert!(from_key([0; 13]).is_err());
        assert!(from_key([1; 13]).is_ok());
        assert!(from_key([0xff; 13]).is_err());
    }
}
