//! Compares answers on a public social network (LDBC SNB at scale factor 0.1) with another system.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cloud_proto::cloud::v1::{
    BatchGetProfilesRequest, ConnectionOrder, Degree, GetDegreesRequest, ListConnectionsRequest,
    ListNetworkRequest, ListPathsRequest, ListPathsResponse, PositionKind, SearchMembersRequest,
};
use cloud_tests::server::{Connections, Server};
use cloud_tests::shared_data::data_set;
use cloud_tests::site;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_systems_answers_are_ours() {
    let Some(data) = data_set("ldbc-sf01") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let persons = load(&data, folder.path());
    assert_eq!(persons.len(), 1528);
    let server = Server::start(folder.path());
    let connections = server.connect().await;
    let status = connections
        .admin
        .call(cloud_proto::cloud::v1::GetStatusRequest {})
        .await
        .expect("a status");
    assert_eq!((status.members, status.connections), (1528, 14_073));

    let mut checked = BTreeMap::new();
    for line in fs::read_to_string(data.join("expected.jsonl"))
        .expect("expected.jsonl")
        .lines()
    {
        let question: Value = serde_json::from_str(line).expect("JSON lines");
        let name = question["query"].as_str().expect("a name");
        let (asked, expected) = (&question["params"], &question["expected"]);
        match name {
            "IC1" => friends_by_name(&connections, asked, expected).await,
            "IC10" => friends_of_friends(&connections, asked, expected).await,
            "IC11" => friends_at_work(&connections, asked, expected).await,
            "IC13" => path_length(&connections, asked, expected).await,
            "IC14" => shortest_paths(&connections, asked, expected).await,
            "IS1" => profile(&connections, &persons, asked, expected).await,
            "IS3" => friends(&connections, asked, expected).await,
            other => panic!("nothing here checks {other}"),
        }
        *checked.entry(name.to_owned()).or_insert(0) += 1;
    }
    println!("questions checked: {checked:?}");
    let all = [
        ("IC1", 7),
        ("IC10", 7),
        ("IC11", 7),
        ("IC13", 7),
        ("IC14", 7),
        ("IS1", 14),
        ("IS3", 14),
    ];
    assert_eq!(
        checked,
        all.map(|(name, count)| (name.to_owned(), count)).into()
    );

    every_pair(&connections, persons.keys().copied().collect()).await;
}

/// Checks the degree of every ordered pair of members with connections.
async fn every_pair(connections: &Connections, persons: Vec<u64>) {
    let mut connected = Vec::new();
    for member_id in persons {
        let request = ListConnectionsRequest {
            anonymous: true,
            member_id,
            page_size: 1,
            ..Default::default()
        };
        if connections
            .client
            .call(request)
            .await
            .expect("connections")
            .total
            > 0
        {
            connected.push(member_id);
        }
    }
    assert_eq!(connected.len(), 1357);
    let mut counts: BTreeMap<Degree, u64> = BTreeMap::new();
    for viewer_id in &connected {
        for page in connected.chunks(1000) {
            let request = GetDegreesRequest {
                viewer_id: *viewer_id,
                member_ids: page.to_vec(),
                ..Default::default()
            };
            let answer = connections.client.call(request).await.expect("degrees");
            assert_eq!(answer.degrees.len(), page.len());
            answer
                .degrees
                .iter()
                .for_each(|result| *counts.entry(result.degree()).or_default() += 1);
        }
    }
    println!("degrees of every ordered pair: {counts:?}");
    let expected = [
        (Degree::First, 28_146),
        (Degree::Second, 782_312),
        (Degree::Third, 969_082),
        (Degree::OutOfNetwork, 60_552),
        (Degree::Self_, 1_357),
    ];
    assert_eq!(counts, expected.into());
}

/// IC1: the distance of each friend (within 3 steps) with a given name.
async fn friends_by_name(connections: &Connections, asked: &Value, expected: &Value) {
    let viewer_id = number(asked, "personIdQ1");
    let friends = array(expected);
    let distances: BTreeMap<u64, u64> = friends
        .iter()
        .map(|friend| {
            (
                number(friend, "friendId"),
                number(friend, "distanceFromPerson"),
            )
        })
        .collect();
    let degrees = degrees(connections, viewer_id, distances.keys().copied().collect()).await;
    for (member, distance) in &distances {
        assert_eq!(degrees[member] as u64, *distance, "{viewer_id} -> {member}");
    }
    // A search for the name within the network finds the same members.
    let name = text(asked, "firstName");
    let request = SearchMembersRequest {
        viewer_id,
        query: format!("given:\"{name}\""),
        degrees: [Degree::First, Degree::Second, Degree::Third]
            .map(i32::from)
            .to_vec(),
        page_size: 100,
        ..Default::default()
    };
    let found = connections.client.call(request).await.expect("a search");
    let found: BTreeMap<u64, u64> = found
        .hits
        .iter()
        .map(|hit| (hit.member_id, hit.degree as u64))
        .collect();
    for (member, distance) in &distances {
        assert_eq!(
            found.get(member),
            Some(distance),
            "{name} for {viewer_id}: {member}"
        );
    }
}

/// IC10: friends of friends.
async fn friends_of_friends(connections: &Connections, asked: &Value, expected: &Value) {
    let viewer_id = number(asked, "personIdQ10");
    let members: Vec<u64> = array(expected)
        .iter()
        .map(|person| number(person, "personId"))
        .collect();
    for (member, degree) in degrees(connections, viewer_id, members).await {
        assert_eq!(degree, Degree::Second, "{viewer_id} -> {member}");
    }
}

/// IC11: friends, and friends of friends, who began to work before a year at a company in a
/// country.
async fn friends_at_work(connections: &Connections, asked: &Value, expected: &Value) {
    let viewer_id = number(asked, "personIdQ11");
    let mut members = network(connections, viewer_id, Degree::First).await;
    members.extend(network(connections, viewer_id, Degree::Second).await);
    let (country, before) = (text(asked, "countryName"), number(asked, "workFromYear"));
    let mut found = Vec::new();
    for page in members.chunks(1000) {
        let request = BatchGetProfilesRequest {
            anonymous: true,
            member_ids: page.to_vec(),
            at_least: None,
            ..Default::default()
        };
        let answer = connections.client.call(request).await;
        for result in answer.expect("profiles").results {
            let profile = result.profile.expect("every person has one");
            let worked = profile.positions.iter().filter(|position| {
                position.kind() == PositionKind::Work
                    && position.country == country
                    && position
                        .from
                        .is_some_and(|from| (from.year as u64) < before)
            });
            found.extend(worked.map(|_| result.member_id));
        }
    }
    let expected: Vec<u64> = array(expected)
        .iter()
        .map(|person| number(person, "personId"))
        .collect();
    assert_eq!(found, expected, "at work in {country} for {viewer_id}");
}

/// Returns all members at one degree, in pages.
async fn network(connections: &Connections, viewer_id: u64, degree: Degree) -> Vec<u64> {
    let (mut members, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListNetworkRequest {
            viewer_id,
            degree: degree.into(),
            page_size: 100,
            page_token: token,
            at_least: None,
        };
        let answer = connections.client.call(request).await;
        let answer = answer.expect("a network");
        members.extend(answer.member_ids);
        if answer.next_page_token.is_empty() {
            assert_eq!(members.len() as u64, answer.total);
            return members;
        }
        token = answer.next_page_token;
    }
}

/// IC13: the length of the shortest path, -1 without one.
async fn path_length(connections: &Connections, asked: &Value, expected: &Value) {
    let viewer_id = number(asked, "person1IdQ13StartNode");
    let member_id = number(asked, "person2IdQ13EndNode");
    let length = expected["shortestPathLength"].as_i64().expect("a length");
    let degree = match length {
        0 => Degree::Self_,
        1 => Degree::First,
        2 => Degree::Second,
        3 => Degree::Third,
        _ => Degree::OutOfNetwork,
    };
    assert_eq!(
        degrees(connections, viewer_id, vec![member_id]).await[&member_id],
        degree,
        "{viewer_id} -> {member_id}"
    );
    let distance = paths(connections, viewer_id, member_id).await.distance;
    assert_eq!(
        distance.map_or(-1, i64::from),
        length,
        "{viewer_id} -> {member_id}"
    );
}

/// IC14: all shortest paths. Their weights come from messages, which are not connections.
async fn shortest_paths(connections: &Connections, asked: &Value, expected: &Value) {
    let viewer_id = number(asked, "person1IdQ14StartNode");
    let member_id = number(asked, "person2IdQ14EndNode");
    let ids = |path: &Value| -> Vec<u64> {
        let ids = array(&path["personIdsInPath"]).iter();
        ids.map(|id| id.as_u64().expect("an id")).collect()
    };
    let expected: BTreeSet<Vec<u64>> = array(expected).iter().map(ids).collect();
    let answer = paths(connections, viewer_id, member_id).await;
    assert_eq!(
        answer.total,
        expected.len() as u64,
        "{viewer_id} -> {member_id}"
    );
    let got = answer.paths.into_iter().map(|path| path.member_ids);
    assert_eq!(
        got.collect::<BTreeSet<_>>(),
        expected,
        "{viewer_id} -> {member_id}"
    );
}

async fn paths(connections: &Connections, viewer_id: u64, member_id: u64) -> ListPathsResponse {
    let request = ListPathsRequest {
        viewer_id,
        member_id,
        max_degree: 6,
        limit: 100,
        at_least: None,
    };
    let answer = connections.client.call(request).await;
    answer.expect("paths")
}

/// IS1: a person's profile.
async fn profile(
    connections: &Connections,
    persons: &BTreeMap<u64, Person>,
    asked: &Value,
    expected: &Value,
) {
    let member_id = number(asked, "personIdSQ1");
    let request = BatchGetProfilesRequest {
        anonymous: true,
        member_ids: vec![member_id],
        at_least: None,
        ..Default::default()
    };
    let answer = connections.client.call(request).await.expect("profiles");
    let profile = answer.results[0]
        .profile
        .as_ref()
        .expect("the person is there");
    assert_eq!(profile.given_name, text(expected, "firstName"));
    assert_eq!(profile.family_name, text(expected, "lastName"));
    let person = &persons[&member_id];
    assert_eq!(
        person.city_id,
        number(expected, "cityId"),
        "the member's city in the tables"
    );
    assert_eq!(profile.place, person.city);
    assert_eq!(profile.positions.len(), person.positions);
}

/// IS3: friends, newest first, then by id.
async fn friends(connections: &Connections, asked: &Value, expected: &Value) {
    let request = ListConnectionsRequest {
        anonymous: true,
        member_id: number(asked, "personIdSQ3"),
        order: ConnectionOrder::Recent.into(),
        page_size: 1000,
        ..Default::default()
    };
    let answer = connections.client.call(request).await.expect("connections");
    let got: Vec<(u64, u64)> = answer
        .connections
        .iter()
        .map(|connection| {
            let time = connection
                .connected_at
                .expect("every friendship has a date");
            (
                connection.member_id,
                time.seconds as u64 * 1000 + time.nanos as u64 / 1_000_000,
            )
        })
        .collect();
    let expected: Vec<(u64, u64)> = array(expected)
        .iter()
        .map(|friend| {
            (
                number(friend, "personId"),
                number(friend, "friendshipCreationDate"),
            )
        })
        .collect();
    assert_eq!(got, expected);
}

async fn degrees(
    connections: &Connections,
    viewer_id: u64,
    member_ids: Vec<u64>,
) -> BTreeMap<u64, Degree> {
    let request = GetDegreesRequest {
        viewer_id,
        member_ids,
        ..Default::default()
    };
    let answer = connections.client.call(request).await.expect("degrees");
    answer
        .degrees
        .iter()
        .map(|result| (result.member_id, result.degree()))
        .collect()
}

/// The data of a person in the tables, apart from the names.
struct Person {
    city_id: u64,
    city: String,
    positions: usize,
}

/// Builds a snapshot: connections directly from the data's own file, members and positions from
/// files joined here.
fn load(data: &Path, folder: &Path) -> BTreeMap<u64, Person> {
    let places: BTreeMap<u64, String> = rows(data, "place_0_0.csv")
        .into_iter()
        .map(|row| (id(&row[0]), row[1].clone()))
        .collect();
    let cities: BTreeMap<u64, u64> = rows(data, "person_isLocatedIn_place_0_0.csv")
        .into_iter()
        .map(|row| (id(&row[0]), id(&row[1])))
        .collect();
    let organisations: BTreeMap<u64, String> = rows(data, "organisation_0_0.csv")
        .into_iter()
        .map(|row| (id(&row[0]), row[2].clone()))
        .collect();
    let mut persons = BTreeMap::new();
    let mut members = String::from("member_id|given_name|family_name|place\n");
    for row in rows(data, "person_0_0.csv") {
        let (member, city_id) = (id(&row[0]), cities[&id(&row[0])]);
        let city = places[&city_id].clone();
        writeln!(members, "{member}|{}|{}|{city}", row[1], row[2]).expect("writing to a string");
        persons.insert(
            member,
            Person {
                city_id,
                city,
                positions: 0,
            },
        );
    }
    // A university is in a city, which IC11 does not use.
    let countries: BTreeMap<u64, String> = rows(data, "organisation_isLocatedIn_place_0_0.csv")
        .into_iter()
        .map(|row| (id(&row[0]), places[&id(&row[1])].clone()))
        .collect();
    let mut positions = String::from("member_id|kind|organisation|country|from\n");
    for (file, kind) in [
        ("person_workAt_organisation_0_0.csv", "work"),
        ("person_studyAt_organisation_0_0.csv", "education"),
    ] {
        for row in rows(data, file) {
            let member = id(&row[0]);
            persons
                .get_mut(&member)
                .expect("a person of the persons' file")
                .positions += 1;
            writeln!(
                positions,
                "{member}|{kind}|{}|{}|{}",
                organisations[&id(&row[1])],
                countries[&id(&row[1])],
                row[2]
            )
            .expect("writing to a string");
        }
    }
    fs::write(folder.join("members.csv"), members).expect("members.csv");
    fs::write(folder.join("positions.csv"), positions).expect("positions.csv");
    let friendships = data
        .join("person_knows_person_0_0.csv")
        .canonicalize()
        .expect("the friendships' file");
    let friendships = friendships.to_str().expect("a UTF-8 path");
    site::load(
        folder,
        &[
            "--members",
            "members.csv",
            "--positions",
            "positions.csv",
            "--connections",
            friendships,
        ],
        &[
            "--delimiter",
            "|",
            "--map",
            "connections:member=1,other=2,time=3:ms",
        ],
    );
    persons
}

fn rows(data: &Path, file: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(data.join(file)).expect("a table of the data set");
    text.lines()
        .skip(1)
        .map(|line| line.split('|').map(str::to_owned).collect())
        .collect()
}

fn id(field: &str) -> u64 {
    field.parse().expect("an id")
}

fn number(value: &Value, key: &str) -> u64 {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("a number {key} in {value}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("a text {key} in {value}"))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}
