//! Answers as they came, each checked against the model at the SCN that the answer states.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cloud_proto::cloud::v1::{
    BeginSessionRequest, BeginSessionResponse, Connection, ConnectionOrder, Degree,
    EndSessionRequest, GetDegreesRequest, GetDegreesResponse, GetNetworkSizesRequest,
    GetNetworkSizesResponse, GetProfilesRequest, GetProfilesResponse, ListConnectionsRequest,
    ListConnectionsResponse, ListNetworkRequest, ListNetworkResponse, ListPathsRequest,
    ListPathsResponse, ListSharedConnectionsRequest, ListSharedConnectionsResponse,
    SearchMembersRequest, SearchMembersResponse, SuggestConnectionsRequest,
    SuggestConnectionsResponse, Suggestion,
};
use cloud_proto::databus::v1::at_least::Point;
use cloud_proto::databus::v1::{AsOf, AtLeast};
use rand::Rng;
use rand::seq::IndexedRandom as _;
use tonic::{Code, Status};

use crate::model::Model;
use crate::server::Connections;

/// A question and its answer. Of a list every page is a record, with the last line of the page before it.
#[derive(Debug)]
pub enum Record {
    /// GetDegrees.
    Degrees(GetDegreesRequest, GetDegreesResponse),
    /// GetNetworkSizes.
    Sizes(GetNetworkSizesRequest, GetNetworkSizesResponse),
    /// ListConnections; after a member and the time.
    Connections(
        ListConnectionsRequest,
        Option<(u64, u64)>,
        ListConnectionsResponse,
    ),
    /// ListSharedConnections; after a member.
    Shared(
        ListSharedConnectionsRequest,
        Option<u64>,
        ListSharedConnectionsResponse,
    ),
    /// ListNetwork; after a member.
    Network(ListNetworkRequest, Option<u64>, ListNetworkResponse),
    /// ListPaths.
    Paths(ListPathsRequest, ListPathsResponse),
    /// SuggestConnections.
    Suggestions(SuggestConnectionsRequest, SuggestConnectionsResponse),
    /// BeginSession.
    Session(BeginSessionResponse),
    /// SearchMembers for one word.
    Search(SearchMembersRequest, SearchMembersResponse),
    /// GetProfiles.
    Profiles(GetProfilesRequest, GetProfilesResponse),
}

/// Sessions that one reader keeps open.
const SESSIONS: usize = 4;

/// Asks random questions.
pub struct Reader<R> {
    connections: Connections,
    ids: Vec<u64>,
    random: R,
    sessions: VecDeque<String>,
    asks_at_least: bool,
    /// The newest point that an answer stated, and the one that the next answer must not be older than.
    newest: Option<AsOf>,
    at_least: Option<AsOf>,
}

impl<R: Rng + Send> Reader<R> {
    /// About the members of `ids`, some of whom may not exist.
    pub fn new(connections: Connections, ids: Vec<u64>, random: R) -> Self {
        Self {
            connections,
            ids,
            random,
            sessions: VecDeque::new(),
            asks_at_least: false,
            newest: None,
            at_least: None,
        }
    }

    /// Half of whose questions ask for answers that are not older than any before.
    pub fn at_least_as_new(self) -> Self {
        Self {
            asks_at_least: true,
            ..self
        }
    }

    /// Asks one random question. No record: the member asked about did not exist (NOT_FOUND says no SCN).
    pub async fn ask(&mut self) -> Vec<Record> {
        let asks = self.asks_at_least && self.random.random_bool(0.5);
        self.at_least = self.newest.clone().filter(|_| asks);
        let records = match self.random.random_range(0..12) {
            0..3 => self.ask_degrees().await.into_iter().collect(),
            3 => self.ask_sizes().await.into_iter().collect(),
            4 => self.ask_connections().await,
            5 => self.ask_shared().await,
            6 => self.ask_network().await,
            7 => self.ask_paths().await.into_iter().collect(),
            8 => self.ask_suggestions().await.into_iter().collect(),
            9 => self.begin_session().await.into_iter().collect(),
            10 => self.ask_search().await.into_iter().collect(),
            _ => self.ask_profiles().await.into_iter().collect(),
        };
        for record in &records {
            let as_of = record.as_of();
            if let Some(asked) = &self.at_least {
                assert!(as_of.scn >= asked.scn, "{record:?}");
            }
            if self
                .newest
                .as_ref()
                .is_none_or(|newest| newest.scn < as_of.scn)
            {
                self.newest = Some(as_of.clone());
            }
        }
        records
    }

    fn at_least(&self) -> Option<AtLeast> {
        let point = Point::AsOf(self.at_least.clone()?);
        Some(AtLeast { point: Some(point) })
    }

    fn member(&mut self) -> u64 {
        *self.ids.choose(&mut self.random).expect("not empty")
    }

    /// Everything on one page, or few on each.
    fn page_size(&mut self) -> u32 {
        if self.random.random_bool(0.5) {
            1000
        } else {
            self.random.random_range(1..8)
        }
    }

    async fn ask_degrees(&mut self) -> Option<Record> {
        let members = *[1, 3, 20].choose(&mut self.random).expect("not empty");
        let request = GetDegreesRequest {
            viewer_id: self.member(),
            member_ids: self
                .ids
                .choose_multiple(&mut self.random, members)
                .copied()
                .collect(),
            shared_count: self.random.random_bool(0.5),
            shared_sample: self.random.random_range(0..4),
            path: self.random.random_bool(0.5),
            at_least: self.at_least(),
        };
        let answer = self
            .connections
            .network()
            .get_degrees(request.clone())
            .await;
        Some(Record::Degrees(request, found(answer)?))
    }

    async fn ask_sizes(&mut self) -> Option<Record> {
        let request = GetNetworkSizesRequest {
            viewer_id: self.member(),
            third: self.random.random_bool(0.5),
            at_least: self.at_least(),
        };
        let answer = self
            .connections
            .network()
            .get_network_sizes(request.clone())
            .await;
        Some(Record::Sizes(request, found(answer)?))
    }

    async fn ask_connections(&mut self) -> Vec<Record> {
        let order = if self.random.random_bool(0.5) {
            ConnectionOrder::Recent
        } else {
            ConnectionOrder::Id
        };
        let mut request = ListConnectionsRequest {
            member_id: self.member(),
            order: order.into(),
            page_size: self.page_size(),
            at_least: self.at_least(),
            ..Default::default()
        };
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let answer = self
                .connections
                .network()
                .list_connections(request.clone())
                .await;
            let Some(answer) = found(answer) else {
                return records;
            };
            let last = answer.connections.last().map(timed).or(after);
            let next = answer.next_page_token.clone();
            records.push(Record::Connections(request.clone(), after, answer));
            if next.is_empty() {
                return records;
            }
            (after, request.page_token) = (last, next);
        }
    }

    async fn ask_shared(&mut self) -> Vec<Record> {
        let mut request = ListSharedConnectionsRequest {
            viewer_id: self.member(),
            member_id: self.member(),
            page_size: self.page_size(),
            at_least: self.at_least(),
            ..Default::default()
        };
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let answer = self
                .connections
                .network()
                .list_shared_connections(request.clone())
                .await;
            let Some(answer) = found(answer) else {
                return records;
            };
            let last = answer.member_ids.last().copied().or(after);
            let next = answer.next_page_token.clone();
            records.push(Record::Shared(request.clone(), after, answer));
            if next.is_empty() {
                return records;
            }
            (after, request.page_token) = (last, next);
        }
    }

    async fn ask_network(&mut self) -> Vec<Record> {
        let degrees = [Degree::First, Degree::Second, Degree::Third];
        let degree = *degrees.choose(&mut self.random).expect("not empty");
        let mut request = ListNetworkRequest {
            viewer_id: self.member(),
            degree: degree.into(),
            page_size: self.page_size(),
            at_least: self.at_least(),
            ..Default::default()
        };
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let answer = self
                .connections
                .network()
                .list_network(request.clone())
                .await;
            let Some(answer) = found(answer) else {
                return records;
            };
            let last = answer.member_ids.last().copied().or(after);
            let next = answer.next_page_token.clone();
            records.push(Record::Network(request.clone(), after, answer));
            if next.is_empty() {
                return records;
            }
            (after, request.page_token) = (last, next);
        }
    }

    async fn ask_paths(&mut self) -> Option<Record> {
        let request = ListPathsRequest {
            viewer_id: self.member(),
            member_id: self.member(),
            max_degree: self.random.random_range(0..=6),
            limit: self.random.random_range(0..=100),
            at_least: self.at_least(),
        };
        let answer = self.connections.network().list_paths(request.clone()).await;
        Some(Record::Paths(request, found(answer)?))
    }

    async fn ask_suggestions(&mut self) -> Option<Record> {
        let request = SuggestConnectionsRequest {
            viewer_id: self.member(),
            limit: self.random.random_range(0..20),
            at_least: self.at_least(),
        };
        let answer = self
            .connections
            .network()
            .suggest_connections(request.clone())
            .await;
        Some(Record::Suggestions(request, found(answer)?))
    }

    /// Begins a session, and ends the oldest one when there are too many.
    async fn begin_session(&mut self) -> Option<Record> {
        let request = BeginSessionRequest {
            viewer_id: self.member(),
            at_least: self.at_least(),
        };
        let begun = found(self.connections.network().begin_session(request).await)?;
        self.sessions.push_back(begun.session.clone());
        if self.sessions.len() > SESSIONS {
            let session = self.sessions.pop_front().expect("not empty");
            let ended = self
                .connections
                .network()
                .end_session(EndSessionRequest { session })
                .await;
            ended.expect("a session ends");
        }
        Some(Record::Session(begun))
    }

    async fn ask_search(&mut self) -> Option<Record> {
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
            viewer_id: self.member(),
            query: (*words.choose(&mut self.random).expect("not empty")).to_owned(),
            degrees: degrees
                .choose(&mut self.random)
                .expect("not empty")
                .iter()
                .map(|degree| i32::from(*degree))
                .collect(),
            page_size: 100,
            at_least: self.at_least(),
            ..Default::default()
        };
        let answer = self
            .connections
            .search()
            .search_members(request.clone())
            .await;
        Some(Record::Search(request, found(answer)?))
    }

    async fn ask_profiles(&mut self) -> Option<Record> {
        let request = GetProfilesRequest {
            member_ids: self
                .ids
                .choose_multiple(&mut self.random, 5)
                .copied()
                .collect(),
            at_least: self.at_least(),
        };
        let answer = self
            .connections
            .profiles()
            .get_profiles(request.clone())
            .await;
        Some(Record::Profiles(request, found(answer)?))
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
        self.as_of().scn
    }

    fn as_of(&self) -> &AsOf {
        let as_of: &Option<AsOf> = match self {
            Record::Degrees(_, answer) => &answer.as_of,
            Record::Sizes(_, answer) => &answer.as_of,
            Record::Connections(_, _, answer) => &answer.as_of,
            Record::Shared(_, _, answer) => &answer.as_of,
            Record::Network(_, _, answer) => &answer.as_of,
            Record::Paths(_, answer) => &answer.as_of,
            Record::Suggestions(_, answer) => &answer.as_of,
            Record::Session(answer) => &answer.as_of,
            Record::Search(_, answer) => &answer.as_of,
            Record::Profiles(_, answer) => &answer.as_of,
        };
        as_of.as_ref().expect("every answer states its as_of")
    }

    /// Panics unless the answer is what the model, as of the answer's SCN, says.
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
            Record::Suggestions(request, answer) => {
                let mut expected = model.suggestions(request.viewer_id);
                expected.truncate(or_default(request.limit, 10));
                let pair = |line: &Suggestion| (line.member_id, line.shared_count);
                let got: Vec<(u64, u32)> = answer.suggestions.iter().map(pair).collect();
                assert_eq!(got, expected, "{self:?}");
            }
            Record::Session(answer) => assert!(answer.idle_seconds > 0, "{self:?}"),
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

/// Who it is, and since when (ms, 0 when unknown).
fn timed(connection: &Connection) -> (u64, u64) {
    let time = connection.connected_at.map_or(0, |time| {
        time.seconds as u64 * 1000 + time.nanos as u64 / 1_000_000
    });
    (connection.member_id, time)
}

/// Of a list of members by id, the page after a member; how many there are in all; and whether it is the last page.
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
