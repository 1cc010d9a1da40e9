//! Sends random requests one after the other, and returns every answer as a record.

use std::collections::VecDeque;

use cloud_proto::cloud::v1::{
    BatchGetProfilesRequest, BeginSessionRequest, ConnectionOrder, Degree, EndSessionRequest,
    GetDegreesRequest, GetNetworkSizesRequest, GetSubgraphRequest, ListConnectionsRequest,
    ListConnectionsResponse, ListNetworkRequest, ListNetworkResponse, ListPathsRequest,
    ListSharedConnectionsRequest, ListSharedConnectionsResponse, SearchMembersRequest,
    StreamConnectionsRequest, StreamNetworkRequest, StreamSharedConnectionsRequest,
    SuggestConnectionsRequest, Suggestion,
};
use cloud_proto::databus::v1::at_least::Point;
use cloud_proto::databus::v1::{AsOf, AtLeast};
use rand::Rng;
use rand::seq::IndexedRandom as _;
use tonic::Code;

use crate::record::{Record, timed};
use crate::server::Connections;

/// The number of sessions that one reader keeps open.
const SESSIONS: usize = 4;

/// A client that sends random requests.
pub struct Reader<R> {
    connections: Connections,
    ids: Vec<u64>,
    random: R,
    sessions: VecDeque<String>,
    asks_at_least: bool,
    /// The newest point that an answer stated, and the lower bound of the next answer.
    newest: Option<AsOf>,
    at_least: Option<AsOf>,
}

impl<R: Rng + Send> Reader<R> {
    /// Returns a reader that queries the members of `ids`, some of whom may not exist.
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

    /// Makes half of the requests demand answers that are not older than any before.
    pub fn at_least_as_new(self) -> Self {
        Self {
            asks_at_least: true,
            ..self
        }
    }

    /// Sends one random request. There is no record if the queried member did not exist, because
    /// NOT_FOUND states no SCN.
    pub async fn ask(&mut self) -> Vec<Record> {
        let asks = self.asks_at_least && self.random.random_bool(0.5);
        self.at_least = self.newest.clone().filter(|_| asks);
        let records = match self.random.random_range(0..15) {
            0..3 => self.ask_degrees().await.into_iter().collect(),
            3 => self.ask_sizes().await.into_iter().collect(),
            4 => self.ask_connections().await,
            5 => self.ask_shared().await,
            6 => self.ask_network().await,
            7 => self.ask_paths().await.into_iter().collect(),
            8 => self.ask_suggestions().await,
            11 => self.ask_subgraph().await.into_iter().collect(),
            12 => self.stream_connections().await.into_iter().collect(),
            13 => self.stream_members().await.into_iter().collect(),
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

    /// Returns a member, or 0 for a visitor.
    fn viewer(&mut self) -> u64 {
        match self.random.random_bool(0.5) {
            true => self.member(),
            false => 0,
        }
    }

    /// Returns a page size: all on one page, or few on each.
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
        let answer = self.connections.client.call(request.clone()).await;
        Some(Record::Degrees(request, found(answer)?))
    }

    async fn ask_sizes(&mut self) -> Option<Record> {
        let request = GetNetworkSizesRequest {
            viewer_id: self.member(),
            third: self.random.random_bool(0.5),
            at_least: self.at_least(),
        };
        let answer = self.connections.client.call(request.clone()).await;
        Some(Record::Sizes(request, found(answer)?))
    }

    async fn ask_connections(&mut self) -> Vec<Record> {
        let order = if self.random.random_bool(0.5) {
            ConnectionOrder::Recent
        } else {
            ConnectionOrder::Id
        };
        let viewer_id = self.viewer();
        let mut request = ListConnectionsRequest {
            viewer_id,
            anonymous: viewer_id == 0,
            member_id: self.member(),
            order: order.into(),
            page_size: self.page_size(),
            at_least: self.at_least(),
            ..Default::default()
        };
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let answer = self.connections.client.call(request.clone()).await;
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
            let answer = self.connections.client.call(request.clone()).await;
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
            let answer = self.connections.client.call(request.clone()).await;
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
        let answer = self.connections.client.call(request.clone()).await;
        Some(Record::Paths(request, found(answer)?))
    }

    async fn ask_suggestions(&mut self) -> Vec<Record> {
        let mut request = SuggestConnectionsRequest {
            viewer_id: self.member(),
            page_size: self.random.random_range(0..20),
            shared_sample: self.random.random_range(0..4),
            exclude_ids: self.some_members(10),
            include_ids: self.some_members(100),
            at_least: self.at_least(),
            ..Default::default()
        };
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let answer = self.connections.client.call(request.clone()).await;
            let Some(answer) = found(answer) else {
                return records;
            };
            let pair = |line: &Suggestion| (line.member_id, line.shared_count);
            let last = answer.suggestions.last().map(pair).or(after);
            let next = answer.next_page_token.clone();
            records.push(Record::Suggestions(request.clone(), after, answer));
            if next.is_empty() {
                return records;
            }
            (after, request.page_token) = (last, next);
        }
    }

    /// Returns no members or at most this many, by chance.
    fn some_members(&mut self, at_most: usize) -> Vec<u64> {
        let count = self.random.random_range(1..=at_most);
        let count = if self.random.random_bool(0.5) {
            count
        } else {
            0
        };
        let members = self.ids.choose_multiple(&mut self.random, count);
        members.copied().collect()
    }

    async fn ask_subgraph(&mut self) -> Option<Record> {
        let request = GetSubgraphRequest {
            viewer_id: self.member(),
            member_ids: self.some_members(200),
            connected_at: self.random.random_bool(0.5),
            at_least: self.at_least(),
        };
        let answer = self.connections.client.call(request.clone()).await;
        Some(Record::Subgraph(request, found(answer)?))
    }

    /// Streams connections, as the record of a page that holds all.
    async fn stream_connections(&mut self) -> Option<Record> {
        let orders = [ConnectionOrder::Recent, ConnectionOrder::Id];
        let order = *orders.choose(&mut self.random).expect("not empty");
        let viewer_id = self.viewer();
        let request = StreamConnectionsRequest {
            viewer_id,
            anonymous: viewer_id == 0,
            member_id: self.member(),
            order: order.into(),
            at_least: self.at_least(),
        };
        let mut stream = found(self.connections.client.call(request.clone()).await)?;
        let mut all = ListConnectionsResponse::default();
        while let Some(part) = stream.next().await.expect("a whole stream") {
            (all.as_of, all.total) = (part.as_of, part.total);
            all.connections.extend(part.connections);
        }
        let request = ListConnectionsRequest {
            member_id: request.member_id,
            order: request.order,
            page_size: u32::MAX,
            ..Default::default()
        };
        Some(Record::Connections(request, None, all))
    }

    /// Streams shared connections or a degree of the network, as the record of a page that holds
    /// all.
    async fn stream_members(&mut self) -> Option<Record> {
        let viewer_id = self.member();
        let at_least = self.at_least();
        let client = self.connections.client.clone();
        if self.random.random_bool(0.3) {
            let member_id = self.member();
            let request = StreamSharedConnectionsRequest {
                viewer_id,
                member_id,
                at_least,
            };
            let mut stream = found(client.call(request).await)?;
            let mut all = ListSharedConnectionsResponse::default();
            while let Some(part) = stream.next().await.expect("a whole stream") {
                (all.as_of, all.total) = (part.as_of, part.total);
                all.member_ids.extend(part.member_ids);
            }
            let request = ListSharedConnectionsRequest {
                viewer_id,
                member_id,
                page_size: u32::MAX,
                ..Default::default()
            };
            return Some(Record::Shared(request, None, all));
        }
        let degrees = [Degree::First, Degree::Second, Degree::Third];
        let degree = (*degrees.choose(&mut self.random).expect("not empty")).into();
        let request = StreamNetworkRequest {
            viewer_id,
            degree,
            at_least,
        };
        let mut stream = found(client.call(request).await)?;
        let mut all = ListNetworkResponse::default();
        while let Some(part) = stream.next().await.expect("a whole stream") {
            (all.as_of, all.total) = (part.as_of, part.total);
            all.member_ids.extend(part.member_ids);
        }
        let request = ListNetworkRequest {
            viewer_id,
            degree,
            page_size: u32::MAX,
            ..Default::default()
        };
        Some(Record::Network(request, None, all))
    }

    /// Begins a session, and ends the oldest one if there are too many.
    async fn begin_session(&mut self) -> Option<Record> {
        let request = BeginSessionRequest {
            viewer_id: self.member(),
            at_least: self.at_least(),
        };
        let begun = found(self.connections.client.call(request).await)?;
        self.sessions.push_back(begun.session.clone());
        if self.sessions.len() > SESSIONS {
            let session = self.sessions.pop_front().expect("not empty");
            let ended = self
                .connections
                .client
                .call(EndSessionRequest { session })
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
        let answer = self.connections.client.call(request.clone()).await;
        Some(Record::Search(request, found(answer)?))
    }

    async fn ask_profiles(&mut self) -> Option<Record> {
        let viewer_id = self.viewer();
        let request = BatchGetProfilesRequest {
            viewer_id,
            anonymous: viewer_id == 0,
            member_ids: self
                .ids
                .choose_multiple(&mut self.random, 5)
                .copied()
                .collect(),
            at_least: self.at_least(),
            ..Default::default()
        };
        let answer = self.connections.client.call(request.clone()).await;
        Some(Record::Profiles(request, found(answer)?))
    }
}

fn found<T>(answer: Result<T, cloud_client::Error>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(refused) if refused.code() == Code::NotFound => None,
        Err(refused) => panic!("{refused}"),
    }
}
