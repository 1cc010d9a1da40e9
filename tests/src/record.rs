//! Records of answers, each checked against the model at the SCN that the answer states.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use cloud_profile::{ProfileRecord, from_wire};
use cloud_proto::cloud::v1::{
    BatchGetProfilesRequest, BatchGetProfilesResponse, BeginSessionResponse, Connection,
    ConnectionOrder, Degree, GetDegreesRequest, GetDegreesResponse, GetNetworkSizesRequest,
    GetNetworkSizesResponse, GetSubgraphRequest, GetSubgraphResponse, ListConnectionsRequest,
    ListConnectionsResponse, ListNetworkRequest, ListNetworkResponse, ListPathsRequest,
    ListPathsResponse, ListSharedConnectionsRequest, ListSharedConnectionsResponse,
    SearchMembersRequest, SearchMembersResponse, SuggestConnectionsRequest,
    SuggestConnectionsResponse, Suggestion,
};
use cloud_proto::databus::v1::AsOf;
use prost_types::Timestamp;

use crate::model::Model;

/// A request and its answer. Every page of a list is a record, with the last line of the page
/// before.
#[derive(Debug)]
pub enum Record {
    /// GetDegrees.
    Degrees(GetDegreesRequest, GetDegreesResponse),
    /// GetNetworkSizes.
    Sizes(GetNetworkSizesRequest, GetNetworkSizesResponse),
    /// ListConnections, after a member and the time.
    Connections(
        ListConnectionsRequest,
        Option<(u64, u64)>,
        ListConnectionsResponse,
    ),
    /// ListSharedConnections, after a member.
    Shared(
        ListSharedConnectionsRequest,
        Option<u64>,
        ListSharedConnectionsResponse,
    ),
    /// ListNetwork, after a member.
    Network(ListNetworkRequest, Option<u64>, ListNetworkResponse),
    /// ListPaths.
    Paths(ListPathsRequest, ListPathsResponse),
    /// GetSubgraph.
    Subgraph(GetSubgraphRequest, GetSubgraphResponse),
    /// SuggestConnections, after a member and its number of shared connections.
    Suggestions(
        SuggestConnectionsRequest,
        Option<(u64, u32)>,
        SuggestConnectionsResponse,
    ),
    /// BeginSession.
    Session(BeginSessionResponse),
    /// SearchMembers for one word.
    Search(SearchMembersRequest, SearchMembersResponse),
    /// BatchGetProfiles.
    Profiles(BatchGetProfilesRequest, BatchGetProfilesResponse),
}

impl Record {
    /// Returns the SCN that the answer states.
    pub fn scn(&self) -> u64 {
        self.as_of().scn
    }

    pub(crate) fn as_of(&self) -> &AsOf {
        let as_of: &Option<AsOf> = match self {
            Record::Degrees(_, answer) => &answer.as_of,
            Record::Sizes(_, answer) => &answer.as_of,
            Record::Connections(_, _, answer) => &answer.as_of,
            Record::Shared(_, _, answer) => &answer.as_of,
            Record::Network(_, _, answer) => &answer.as_of,
            Record::Paths(_, answer) => &answer.as_of,
            Record::Subgraph(_, answer) => &answer.as_of,
            Record::Suggestions(_, _, answer) => &answer.as_of,
            Record::Session(answer) => &answer.as_of,
            Record::Search(_, answer) => &answer.as_of,
            Record::Profiles(_, answer) => &answer.as_of,
        };
        as_of.as_ref().expect("every answer states its as_of")
    }

    /// Panics if the answer differs from that of the model as of the answer's SCN.
    pub fn check(&self, model: &Model) {
        match self {
            Record::Degrees(request, answer) => check_degrees(model, request, answer),
            Record::Sizes(request, answer) => check_sizes(model, request, answer),
            Record::Connections(request, after, answer) => {
                check_connections(model, request, *after, answer);
            }
            Record::Shared(request, after, answer) => {
                let all = model.shared(request.viewer_id, request.member_id);
                let page = page(all, *after, request.page_size);
                let got = (
                    answer.member_ids.clone(),
                    answer.total,
                    answer.next_page_token.is_empty(),
                );
                assert_eq!(got, page, "{self:?}");
            }
            Record::Network(request, after, answer) => {
                let distances = model.distances(request.viewer_id);
                let at_degree =
                    |member: &u64| model.degree(&distances, *member) == request.degree();
                let all = distances.keys().copied().filter(at_degree).collect();
                let page = page(all, *after, request.page_size);
                let got = (
                    answer.member_ids.clone(),
                    answer.total,
                    answer.next_page_token.is_empty(),
                );
                assert_eq!(got, page, "{self:?}");
            }
            Record::Paths(request, answer) => check_paths(model, request, answer),
            Record::Subgraph(request, answer) => check_subgraph(model, request, answer),
            Record::Suggestions(request, after, answer) => {
                check_suggestions(model, request, *after, answer);
            }
            Record::Session(answer) => assert!(answer.idle_timeout.is_some(), "{self:?}"),
            Record::Search(request, answer) => check_search(model, request, answer),
            Record::Profiles(request, answer) => check_profiles(model, request, answer),
        }
    }
}

fn check_degrees(model: &Model, request: &GetDegreesRequest, answer: &GetDegreesResponse) {
    let distances = model.distances(request.viewer_id);
    assert_eq!(answer.degrees.len(), request.member_ids.len());
    for (member, result) in request.member_ids.iter().zip(&answer.degrees) {
        let context = format!(
            "viewer {}, {result:?}, as of {:?}",
            request.viewer_id, answer.as_of
        );
        assert_eq!(result.member_id, *member, "{context}");
        let expected = model.degree(&distances, *member);
        assert_eq!(result.degree(), expected, "{context}");
        if expected == Degree::Unknown {
            continue;
        }
        let shared = model.shared(request.viewer_id, *member);
        let is_counted = request.shared_count || request.shared_sample > 0;
        let count = is_counted.then_some(shared.len() as u32);
        assert_eq!(result.shared_count, count, "{context}");
        let sample: Vec<u64> = shared
            .into_iter()
            .take(request.shared_sample as usize)
            .collect();
        assert_eq!(result.shared_ids, sample, "{context}");
        let path = match request.path {
            true => model.path(&distances, *member),
            false => Vec::new(),
        };
        assert_eq!(result.path, path, "{context}");
    }
}

fn check_sizes(model: &Model, request: &GetNetworkSizesRequest, answer: &GetNetworkSizesResponse) {
    let mut sizes = [0_u64; 4];
    for distance in model
        .distances(request.viewer_id)
        .into_values()
        .filter(|distance| *distance <= 3)
    {
        sizes[distance] += 1;
    }
    assert_eq!(
        (answer.first, answer.second, answer.third),
        (sizes[1], sizes[2], request.third.then_some(sizes[3])),
        "{request:?} {answer:?}"
    );
}

fn check_connections(
    model: &Model,
    request: &ListConnectionsRequest,
    after: Option<(u64, u64)>,
    answer: &ListConnectionsResponse,
) {
    let mut expected = model.recent(request.member_id);
    if request.order() == ConnectionOrder::Id {
        expected.sort_by_key(|(other, _)| *other);
    }
    let total = expected.len() as u64;
    if let Some((last, time)) = after {
        let key = |(other, time): (u64, u64)| match request.order() {
            ConnectionOrder::Id => (Reverse(0), other),
            _ => (Reverse(time), other),
        };
        expected.retain(|line| key(*line) > key((last, time)));
    }
    let last = expected.len() <= request.page_size as usize;
    expected.truncate(request.page_size as usize);
    let got: Vec<(u64, u64)> = answer.connections.iter().map(timed).collect();
    let context = format!("{request:?} after {after:?} as of {:?}", answer.as_of);
    assert_eq!(got, expected, "{context}");
    assert_eq!(answer.total, total, "{context}");
    assert_eq!(answer.next_page_token.is_empty(), last, "{context}");
}

/// Returns the id of the connected member, and the time of the connection (ms, 0 if unknown).
pub(crate) fn timed(connection: &Connection) -> (u64, u64) {
    (
        connection.member_id,
        millis(connection.connected_at.as_ref()),
    )
}

fn millis(time: Option<&Timestamp>) -> u64 {
    time.map_or(0, |time| {
        time.seconds as u64 * 1000 + time.nanos as u64 / 1_000_000
    })
}

/// Returns a page of a list of members by id, the number of all members, and whether it is the last
/// page. The page begins after the member `after`.
fn page(all: BTreeSet<u64>, after: Option<u64>, page_size: u32) -> (Vec<u64>, u64, bool) {
    let total = all.len() as u64;
    let behind = |id: &u64| after.is_none_or(|after| *id > after);
    let mut page: Vec<u64> = all.into_iter().filter(behind).collect();
    let last = page.len() <= page_size as usize;
    page.truncate(page_size as usize);
    (page, total, last)
}

fn check_paths(model: &Model, request: &ListPathsRequest, answer: &ListPathsResponse) {
    let distances = model.distances(request.viewer_id);
    let mut expected = model.paths(&distances, request.member_id);
    let distance = distances.get(&request.member_id).copied();
    let distance = distance.filter(|distance| *distance <= or_default(request.max_degree, 3));
    if distance.is_none() {
        expected.clear();
    }
    let total = expected.len() as u64;
    expected.truncate(or_default(request.limit, 10));
    let context = format!("{request:?} as of {:?}", answer.as_of);
    let got: Vec<&[u64]> = answer
        .paths
        .iter()
        .map(|path| path.member_ids.as_slice())
        .collect();
    assert_eq!(got, expected, "{context}");
    assert_eq!(answer.total, total, "{context}");
    assert_eq!(
        answer.distance.map(|distance| distance as usize),
        distance,
        "{context}"
    );
}

fn check_subgraph(model: &Model, request: &GetSubgraphRequest, answer: &GetSubgraphResponse) {
    let context = format!("{request:?} as of {:?}", answer.as_of);
    let asked = || request.member_ids.iter().copied();
    let known: BTreeSet<u64> = asked().filter(|&id| model.member(id).is_some()).collect();
    let unknown = asked().filter(|id| !known.contains(id));
    assert!(
        unknown.eq(answer.unknown_member_ids.iter().copied()),
        "{context}"
    );
    let mut expected = Vec::new();
    for &id in &known {
        let connections = model.member(id).map(|member| member.connections.clone());
        for (other, time) in connections.unwrap_or_default() {
            if other > id && known.contains(&other) {
                expected.push((id, other, if request.connected_at { time } else { 0 }));
            }
        }
    }
    let found = answer.connections.iter().map(|found| {
        let time = millis(found.connected_at.as_ref());
        (found.member_id, found.other_id, time)
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{context}");
}

fn check_suggestions(
    model: &Model,
    request: &SuggestConnectionsRequest,
    after: Option<(u64, u32)>,
    answer: &SuggestConnectionsResponse,
) {
    let context = format!("{request:?} after {after:?} as of {:?}", answer.as_of);
    let mut expected = model.suggestions(request.viewer_id);
    expected.retain(|(member, shared)| {
        !request.exclude_ids.contains(member)
            && (request.include_ids.is_empty() || request.include_ids.contains(member))
            && after.is_none_or(|(id, count)| (Reverse(*shared), *member) > (Reverse(count), id))
    });
    let page_size = or_default(request.page_size, 10);
    let last = expected.len() <= page_size;
    expected.truncate(page_size);
    let pair = |line: &Suggestion| (line.member_id, line.shared_count);
    let got: Vec<(u64, u32)> = answer.suggestions.iter().map(pair).collect();
    assert_eq!(got, expected, "{context}");
    assert_eq!(answer.next_page_token.is_empty(), last, "{context}");
    for line in &answer.suggestions {
        let shared = model.shared(request.viewer_id, line.member_id);
        let sample = shared.into_iter().take(request.shared_sample as usize);
        assert!(
            sample.eq(line.shared_ids.iter().copied()),
            "{line:?}, {context}"
        );
    }
}

fn or_default(asked: u32, default: usize) -> usize {
    match asked {
        0 => default,
        asked => asked as usize,
    }
}

fn check_search(model: &Model, request: &SearchMembersRequest, answer: &SearchMembersResponse) {
    let distances = model.distances(request.viewer_id);
    let matching = match request.query.strip_prefix("title:") {
        Some(word) => model.with_title(word),
        None => model.with_word(&request.query),
    };
    let wanted: BTreeSet<Degree> = request.degrees().collect();
    let expected: BTreeMap<u64, Degree> = matching
        .into_iter()
        .map(|member| (member, model.degree(&distances, member)))
        .filter(|(_, degree)| {
            *degree != Degree::Self_ && (wanted.is_empty() || wanted.contains(degree))
        })
        .collect();
    let got: BTreeMap<u64, Degree> = answer
        .hits
        .iter()
        .map(|hit| (hit.member_id, hit.degree()))
        .collect();
    assert_eq!(
        answer.total,
        expected.len() as u64,
        "{request:?} as of {:?}: {got:?} instead of {expected:?}",
        answer.as_of
    );
    assert_eq!(got.len(), answer.hits.len(), "a hit twice: {answer:?}");
    if expected.len() <= 100 {
        assert_eq!(got, expected, "{request:?} as of {:?}", answer.as_of);
    }
    let keys = answer
        .hits
        .iter()
        .map(|hit| (hit.degree, -hit.score, hit.member_id));
    assert!(
        keys.is_sorted(),
        "nearest first, then most relevant, then by id: {answer:?}"
    );
}

fn check_profiles(
    model: &Model,
    request: &BatchGetProfilesRequest,
    answer: &BatchGetProfilesResponse,
) {
    assert_eq!(answer.results.len(), request.member_ids.len());
    for (id, result) in request.member_ids.iter().zip(&answer.results) {
        assert_eq!(result.member_id, *id);
        let got = result.profile.clone().map(|profile| {
            let ProfileRecord { member, positions } = from_wire(profile);
            let mut positions = positions;
            positions.sort_by_key(|position| position.position_id);
            (member.expect("a profile has a member"), positions)
        });
        let expected = model.member(*id).map(|state| {
            (
                state.profile.clone(),
                state.positions.values().cloned().collect::<Vec<_>>(),
            )
        });
        assert_eq!(got, expected, "member {id} as of {:?}", answer.as_of);
    }
}
