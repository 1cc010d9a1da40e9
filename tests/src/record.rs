//! Answers as they came, each checked against the model at the SCN that the answer states.

use std::collections::{BTreeMap, BTreeSet};

use cloud_proto::cloud::v1::{
    ConnectionOrder, Degree, GetDegreesRequest, GetDegreesResponse, GetNetworkSizesRequest,
    GetNetworkSizesResponse, GetProfilesRequest, GetProfilesResponse, ListConnectionsRequest,
    ListConnectionsResponse, ListSharedConnectionsRequest, ListSharedConnectionsResponse,
    SearchMembersRequest, SearchMembersResponse,
};
use cloud_proto::databus::v1::AsOf;
use rand::Rng;
use rand::seq::IndexedRandom as _;
use tonic::{Code, Status};

use crate::model::Model;
use crate::server::Connections;

/// A question and its answer. Lists are asked for with pages that hold everything.
#[derive(Debug)]
pub enum Record {
    /// GetDegrees.
    Degrees(GetDegreesRequest, GetDegreesResponse),
    /// GetNetworkSizes.
    Sizes(GetNetworkSizesRequest, GetNetworkSizesResponse),
    /// ListConnections.
    Connections(ListConnectionsRequest, ListConnectionsResponse),
    /// ListSharedConnections.
    Shared(ListSharedConnectionsRequest, ListSharedConnectionsResponse),
    /// SearchMembers for one word.
    Search(SearchMembersRequest, SearchMembersResponse),
    /// GetProfiles.
    Profiles(GetProfilesRequest, GetProfilesResponse),
}

/// Asks a random question about the members of `ids`. `None`: the member asked about did not exist (NOT_FOUND says no SCN).
pub async fn ask(
    connections: &Connections,
    ids: &[u64],
    random: &mut (impl Rng + Send),
) -> Option<Record> {
    let viewer_id = *ids.choose(random).expect("not empty");
    let member_id = *ids.choose(random).expect("not empty");
    match random.random_range(0..8) {
        0..3 => {
            let request = GetDegreesRequest {
                viewer_id,
                member_ids: ids.choose_multiple(random, 20).copied().collect(),
                shared_count: random.random_bool(0.5),
                shared_sample: random.random_range(0..4),
                path: random.random_bool(0.5),
                at_least: None,
            };
            found(connections.network().get_degrees(request.clone()).await)
                .map(|answer| Record::Degrees(request, answer))
        }
        3 => {
            let request = GetNetworkSizesRequest {
                viewer_id,
                third: random.random_bool(0.5),
                at_least: None,
            };
            found(connections.network().get_network_sizes(request).await).map(|answer| {
                Record::Sizes(
                    GetNetworkSizesRequest {
                        viewer_id,
                        ..Default::default()
                    },
                    answer,
                )
            })
        }
        4 => {
            let order = if random.random_bool(0.5) {
                ConnectionOrder::Recent
            } else {
                ConnectionOrder::Id
            };
            let request = ListConnectionsRequest {
                member_id,
                order: order.into(),
                page_size: 1000,
                ..Default::default()
            };
            found(
                connections
                    .network()
                    .list_connections(request.clone())
                    .await,
            )
            .map(|answer| Record::Connections(request, answer))
        }
        5 => {
            let request = ListSharedConnectionsRequest {
                viewer_id,
                member_id,
                page_size: 1000,
                ..Default::default()
            };
            found(
                connections
                    .network()
                    .list_shared_connections(request.clone())
                    .await,
            )
            .map(|answer| Record::Shared(request, answer))
        }
        6 => {
            let words = [
                "engineer",
                "title:pilot",
                "teacher",
                "title:farmer",
                "cook",
                "senior",
            ];
            let degrees = [
                vec![],
                vec![Degree::First],
                vec![Degree::First, Degree::Second],
                vec![Degree::Third],
                vec![Degree::OutOfNetwork, Degree::First],
            ];
            let request = SearchMembersRequest {
                viewer_id,
                query: (*words.choose(random).expect("not empty")).to_owned(),
                degrees: degrees
                    .choose(random)
                    .expect("not empty")
                    .iter()
                    .map(|degree| i32::from(*degree))
                    .collect(),
                page_size: 100,
                ..Default::default()
            };
            found(connections.search().search_members(request.clone()).await)
                .map(|answer| Record::Search(request, answer))
        }
        _ => {
            let request = GetProfilesRequest {
                member_ids: ids.choose_multiple(random, 5).copied().collect(),
                at_least: None,
            };
            found(connections.profiles().get_profiles(request.clone()).await)
                .map(|answer| Record::Profiles(request, answer))
        }
    }
}

fn found<T>(answer: Result<tonic::Response<T>, Status>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer.into_inner()),
        Err(status) if status.code() == Code::NotFound => None,
        Err(status) => panic!("{status}"),
    }
}

impl Record {
    /// The SCN that the answer states.
    pub fn scn(&self) -> u64 {
        let as_of: &Option<AsOf> = match self {
            Record::Degrees(_, answer) => &answer.as_of,
            Record::Sizes(_, answer) => &answer.as_of,
            Record::Connections(_, answer) => &answer.as_of,
            Record::Shared(_, answer) => &answer.as_of,
            Record::Search(_, answer) => &answer.as_of,
            Record::Profiles(_, answer) => &answer.as_of,
        };
        as_of.as_ref().expect("every answer states its as_of").scn
    }

    /// Panics unless the answer is what the model, as of the answer's SCN, says.
    pub fn check(&self, model: &Model) {
        match self {
            Record::Degrees(request, answer) => check_degrees(model, request, answer),
            Record::Sizes(request, answer) => check_sizes(model, request, answer),
            Record::Connections(request, answer) => check_connections(model, request, answer),
            Record::Shared(request, answer) => {
                let expected: Vec<u64> = model
                    .shared(request.viewer_id, request.member_id)
                    .into_iter()
                    .collect();
                assert_eq!(answer.member_ids, expected, "{self:?}");
                assert_eq!(answer.total, expected.len() as u64, "{self:?}");
            }
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
        if request.shared_count || request.shared_sample > 0 {
            let count = if *member == request.viewer_id {
                result.shared_count
            } else {
                Some(shared.len() as u32)
            };
            assert_eq!(result.shared_count, count, "{context}");
        }
        if *member != request.viewer_id {
            let sample: Vec<u64> = shared
                .into_iter()
                .take(request.shared_sample as usize)
                .collect();
            assert_eq!(result.shared_ids, sample, "{context}");
        }
        if request.path {
            assert_eq!(result.path, model.path(&distances, *member), "{context}");
        }
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
        (answer.first, answer.second),
        (sizes[1], sizes[2]),
        "{request:?} {answer:?}"
    );
    if let Some(third) = answer.third {
        assert_eq!(third, sizes[3], "{request:?} {answer:?}");
    }
}

fn check_connections(
    model: &Model,
    request: &ListConnectionsRequest,
    answer: &ListConnectionsResponse,
) {
    let mut expected = model.recent(request.member_id);
    if request.order() == ConnectionOrder::Id {
        expected.sort_by_key(|(other, _)| *other);
    }
    let got: Vec<(u64, u64)> = answer
        .connections
        .iter()
        .map(|connection| {
            let time = connection.connected_at.map_or(0, |time| {
                time.seconds as u64 * 1000 + time.nanos as u64 / 1_000_000
            });
            (connection.member_id, time)
        })
        .collect();
    assert_eq!(got, expected, "{request:?} as of {:?}", answer.as_of);
    assert_eq!(answer.total, expected.len() as u64);
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

fn check_profiles(model: &Model, request: &GetProfilesRequest, answer: &GetProfilesResponse) {
    assert_eq!(answer.results.len(), request.member_ids.len());
    for (id, result) in request.member_ids.iter().zip(&answer.results) {
        assert_eq!(result.member_id, *id);
        let got = result.profile.as_ref().map(|profile| {
            let mut positions = profile.positions.clone();
            positions.sort_by_key(|position| position.position_id);
            (
                profile.member.clone().expect("a profile has a member"),
                positions,
            )
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
