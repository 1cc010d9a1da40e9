//! Sends every call of NetworkService for one viewer, and search and profiles.
//!
//! The answers are compared with the closed form.

use cloud_proto::cloud::v1::*;
use std::time::Duration;

use cloud_client::Error;
use cloud_tests::server::Connections;

use super::shapes::{
    CLIQUE_MEMBERS, HUB, LEAVES, PATH_MEMBERS, at_distance, clique, degree, distance, leaf, path,
    shared,
};

type Outcome = (&'static str, Result<(), Error>);

/// Sends all calls, one after the other. An answer must be correct; the caller judges the refusals.
pub(crate) async fn ask_all(connections: &Connections, viewer: u64) -> Vec<Outcome> {
    // The deadline is stated, so that no request runs longer.
    let connections = &Connections {
        client: connections.client.timeout(Duration::from_secs(30)),
        admin: connections.admin.clone(),
        log: connections.log.clone(),
    };
    let near = [
        at_distance(viewer, 1),
        at_distance(viewer, 2),
        at_distance(viewer, 3),
    ];
    let mut outcomes = vec![
        ("GetDegrees", degrees(connections, viewer).await),
        ("GetNetworkSizes", sizes(connections, viewer, &near).await),
        (
            "ListConnections",
            list_connections(connections, viewer, &near[0]).await,
        ),
        (
            "SuggestConnections",
            suggestions(connections, viewer, &near[1]).await,
        ),
        ("BeginSession", session(connections, viewer).await),
        (
            "SearchMembers",
            search(connections, viewer, near[0].len()).await,
        ),
    ];
    for (wanted, near) in (1..).zip(&near) {
        outcomes.push((
            "ListNetwork",
            list_network(connections, viewer, wanted, near).await,
        ));
    }
    let others = [
        HUB,
        leaf(1),
        leaf(LEAVES),
        clique(1),
        clique(500),
        path(2),
        path(PATH_MEMBERS),
    ];
    for other in others {
        outcomes.push((
            "ListSharedConnections",
            list_shared(connections, viewer, other).await,
        ));
        outcomes.push(("ListPaths", list_paths(connections, viewer, other).await));
    }
    outcomes
}

async fn degrees(connections: &Connections, viewer_id: u64) -> Result<(), Error> {
    let member_ids: Vec<u64> = (0..300)
        .map(|number| leaf(1 + number * 3_000))
        .chain((0..300).map(|number| clique(1 + number * 3)))
        .chain((1..300).map(path))
        .chain([
            HUB,
            leaf(LEAVES),
            clique(CLIQUE_MEMBERS),
            path(PATH_MEMBERS),
        ])
        .collect();
    for (shared_count, with_path) in [(false, false), (true, true)] {
        let request = GetDegreesRequest {
            viewer_id,
            member_ids: member_ids.clone(),
            shared_count,
            path: with_path,
            ..Default::default()
        };
        let answer = connections.client.call(request).await?;
        assert_eq!(answer.degrees.len(), member_ids.len());
        for (found, &id) in answer.degrees.iter().zip(&member_ids) {
            assert_eq!(
                (found.member_id, found.degree()),
                (id, degree(viewer_id, id)),
                "{viewer_id}"
            );
            if with_path && distance(viewer_id, id) <= 3 {
                check_path(&found.path, viewer_id, id);
            }
        }
    }
    Ok(())
}

/// Checks that a path leads from one member to the other along connections, and that it is a
/// shortest one.
fn check_path(path: &[u64], from: u64, to: u64) {
    assert_eq!(
        (path.first(), path.last()),
        (Some(&from), Some(&to)),
        "{path:?}"
    );
    assert_eq!(path.len() as u64, distance(from, to) + 1, "{path:?}");
    for pair in path.windows(2) {
        assert_eq!(distance(pair[0], pair[1]), 1, "{path:?}");
    }
}

async fn sizes(
    connections: &Connections,
    viewer_id: u64,
    near: &[Vec<u64>; 3],
) -> Result<(), Error> {
    let request = GetNetworkSizesRequest {
        viewer_id,
        third: true,
        at_least: None,
    };
    let sizes = connections.client.call(request).await?;
    let found = [sizes.first, sizes.second, sizes.third.expect("asked for")];
    assert_eq!(
        found,
        [0, 1, 2].map(|degree| near[degree].len() as u64),
        "{viewer_id}"
    );
    Ok(())
}

/// Checks the first page and the next.
async fn list_connections(
    connections: &Connections,
    member_id: u64,
    expected: &[u64],
) -> Result<(), Error> {
    let mut page_token = String::new();
    for page in expected.chunks(1_000).take(2) {
        let request = ListConnectionsRequest {
            anonymous: true,
            member_id,
            order: ConnectionOrder::Id.into(),
            page_size: 1_000,
            page_token: std::mem::take(&mut page_token),
            ..Default::default()
        };
        let answer = connections.client.call(request).await?;
        let found: Vec<u64> = answer
            .connections
            .iter()
            .map(|connection| connection.member_id)
            .collect();
        assert_eq!(found, page, "{member_id}");
        assert_eq!(answer.total, expected.len() as u64, "{member_id}");
        page_token = answer.next_page_token;
    }
    assert_eq!(page_token.is_empty(), expected.len() <= 2_000);
    Ok(())
}

async fn list_network(
    connections: &Connections,
    viewer_id: u64,
    degree: i32,
    expected: &[u64],
) -> Result<(), Error> {
    let request = ListNetworkRequest {
        viewer_id,
        degree,
        page_size: 1_000,
        ..Default::default()
    };
    let answer = connections.client.call(request).await?;
    assert_eq!(
        answer.member_ids,
        expected[..expected.len().min(1_000)],
        "{viewer_id}, degree {degree}"
    );
    assert_eq!(
        answer.total,
        expected.len() as u64,
        "{viewer_id}, degree {degree}"
    );
    let request = StreamNetworkRequest {
        viewer_id,
        degree,
        at_least: None,
    };
    let mut stream = connections.client.call(request).await?;
    let mut streamed = Vec::new();
    while let Some(part) = stream.next().await? {
        assert_eq!(part.total, expected.len() as u64, "{viewer_id}");
        streamed.extend(part.member_ids);
    }
    assert!(streamed == expected, "{viewer_id}, degree {degree}");
    Ok(())
}

async fn list_shared(
    connections: &Connections,
    viewer_id: u64,
    member_id: u64,
) -> Result<(), Error> {
    let request = ListSharedConnectionsRequest {
        viewer_id,
        member_id,
        page_size: 1_000,
        ..Default::default()
    };
    let answer = connections.client.call(request).await?;
    let expected = shared(viewer_id, member_id);
    assert_eq!(
        answer.member_ids,
        expected[..expected.len().min(1_000)],
        "{viewer_id}, {member_id}"
    );
    assert_eq!(
        answer.total,
        expected.len() as u64,
        "{viewer_id}, {member_id}"
    );
    Ok(())
}

/// Checks paths. Only the star and the clique have several paths of equal length, and in them the
/// paths have two connections at most. So there is one shortest path between any two members.
async fn list_paths(
    connections: &Connections,
    viewer_id: u64,
    member_id: u64,
) -> Result<(), Error> {
    let request = ListPathsRequest {
        viewer_id,
        member_id,
        max_degree: 6,
        ..Default::default()
    };
    let answer = connections.client.call(request).await?;
    let distance = distance(viewer_id, member_id);
    if distance > 6 {
        assert_eq!(
            (answer.distance, answer.total),
            (None, 0),
            "{viewer_id}, {member_id}"
        );
        return Ok(());
    }
    assert_eq!(
        answer.distance.map(u64::from),
        Some(distance),
        "{viewer_id}, {member_id}"
    );
    assert_eq!(
        (answer.total, answer.paths.len()),
        (1, 1),
        "{viewer_id}, {member_id}"
    );
    check_path(&answer.paths[0].member_ids, viewer_id, member_id);
    Ok(())
}

/// Checks suggestions: the smallest ids, because all counts are equal. No member shares more than
/// one connection with a member at 2nd degree.
async fn suggestions(
    connections: &Connections,
    viewer_id: u64,
    second: &[u64],
) -> Result<(), Error> {
    let request = SuggestConnectionsRequest {
        viewer_id,
        page_size: 1_000,
        ..Default::default()
    };
    let answer = connections.client.call(request).await?;
    let found: Vec<_> = answer
        .suggestions
        .iter()
        .map(|found| (found.member_id, found.shared_count))
        .collect();
    let expected: Vec<_> = second
        .iter()
        .take(1_000)
        .map(|&member| (member, 1))
        .collect();
    assert_eq!(found, expected, "{viewer_id}");
    Ok(())
}

async fn session(connections: &Connections, viewer_id: u64) -> Result<(), Error> {
    let request = BeginSessionRequest {
        viewer_id,
        at_least: None,
    };
    let session = connections.client.call(request).await?.session;
    let request = GetDegreesRequest {
        viewer_id,
        member_ids: vec![HUB],
        ..Default::default()
    };
    let answer = connections.client.call(request).await?;
    assert_eq!(answer.degrees[0].degree(), degree(viewer_id, HUB));
    connections
        .client
        .call(EndSessionRequest { session })
        .await?;
    Ok(())
}

/// Checks search. Members have no names here, so only the empty query matches, and it matches all
/// of them.
async fn search(connections: &Connections, viewer_id: u64, first: usize) -> Result<(), Error> {
    let request = SearchMembersRequest {
        viewer_id,
        degrees: vec![Degree::First.into()],
        ..Default::default()
    };
    let answer = connections.client.call(request).await?;
    assert_eq!(answer.total, first as u64, "{viewer_id}");
    assert!(
        answer
            .hits
            .iter()
            .all(|hit| distance(viewer_id, hit.member_id) == 1)
    );
    let request = BatchGetProfilesRequest {
        anonymous: true,
        member_ids: vec![viewer_id],
        at_least: None,
        ..Default::default()
    };
    let answer = connections.client.call(request).await?;
    assert!(answer.results[0].profile.is_some(), "{viewer_id}");
    Ok(())
}
