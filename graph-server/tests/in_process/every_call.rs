//! Sends every call once, and restarts the server.

use crate::small_site::{CONNECTIONS, MEMBERS, SmallSite, profile};
use cloud_client::proto::cloud::v1::{
    GetDegreesForViewersRequest, SubgraphConnection, SuggestConnectionsRequest, Suggestion,
};
use cloud_client::proto::databus::v1::{Change, WindowPart};
use cloud_client::proto::databus::v1::{ChangeKind, Member, MemberRemoved, MemberUpserted, change};
use cloud_client::{
    ConnectionOrder, Degree, DegreesOptions, Event, Page, PathsOptions, SearchOptions,
    SuggestionsOptions, Window, connection_added, connection_removed,
};
use cloud_profile::from_wire;
use graph_server::Limits;

fn page(size: u32, token: &str) -> Page {
    Page {
        size,
        token: token.to_owned(),
    }
}

async fn degrees(site: &SmallSite, viewer: u64, members: &[u64]) -> Vec<Degree> {
    let page = site
        .client
        .degrees(viewer, members, DegreesOptions::default())
        .await
        .unwrap();
    page.degrees.iter().map(|member| member.degree()).collect()
}

#[tokio::test]
async fn degrees_with_everything() {
    let site = SmallSite::start(Limits::default()).await;
    let options = DegreesOptions {
        shared_count: true,
        shared_sample: 1,
        path: true,
    };
    let answer = site
        .client
        .degrees(1, &[1, 2, 3, 4, 5, 7, 99, 3], options)
        .await
        .unwrap();
    let found: Vec<_> = answer
        .degrees
        .iter()
        .map(|member| {
            let path = member.path.clone();
            (
                member.member_id,
                member.degree(),
                member.shared_count,
                member.shared_ids.clone(),
                path,
            )
        })
        .collect();
    let third = (3, Degree::Second, Some(2), vec![2], vec![1, 2, 3]);
    let expected = [
        (1, Degree::Self_, Some(2), vec![2], vec![1]),
        (2, Degree::First, Some(0), vec![], vec![1, 2]),
        third.clone(),
        (4, Degree::Third, Some(0), vec![], vec![1, 2, 3, 4]),
        (5, Degree::OutOfNetwork, Some(0), vec![], vec![]),
        (7, Degree::OutOfNetwork, Some(0), vec![], vec![]),
        (99, Degree::Unknown, None, vec![], vec![]),
        third,
    ];
    assert_eq!(found, expected);
    let as_of = answer.as_of.unwrap();
    assert_eq!((as_of.scn, as_of.log_id.len()), (0, 32));
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn sizes_and_lists() {
    let site = SmallSite::start(Limits::default()).await;
    let sizes = site.client.network_sizes(1, true).await.unwrap();
    assert_eq!((sizes.first, sizes.second, sizes.third), (2, 1, Some(1)));
    assert_eq!(
        site.client.network_sizes(1, false).await.unwrap().third,
        None
    );

    let by_id = site
        .client
        .connections(3, ConnectionOrder::Id, page(2, ""))
        .await
        .unwrap();
    assert_eq!(by_id.total, 3);
    let ids = |answer: &[cloud_client::proto::cloud::v1::Connection]| -> Vec<_> {
        answer
            .iter()
            .map(|connection| connection.member_id)
            .collect()
    };
    assert_eq!(ids(&by_id.connections), [2, 4]);
    let rest = page(2, &by_id.next_page_token);
    let rest = site
        .client
        .connections(3, ConnectionOrder::Id, rest)
        .await
        .unwrap();
    assert_eq!(
        (ids(&rest.connections), rest.next_page_token.as_str()),
        (vec![6], "")
    );
    let recent = site
        .client
        .connections(3, ConnectionOrder::Recent, page(0, ""))
        .await
        .unwrap();
    assert_eq!(ids(&recent.connections), [6, 4, 2]);
    assert_eq!(recent.connections[0].connected_at.unwrap().seconds, 6);

    let shared = site
        .client
        .shared_connections(1, 3, page(1, ""))
        .await
        .unwrap();
    assert_eq!((shared.member_ids.as_slice(), shared.total), (&[2][..], 2));
    let rest = page(1, &shared.next_page_token);
    let rest = site.client.shared_connections(1, 3, rest).await.unwrap();
    assert_eq!(
        (rest.member_ids.as_slice(), rest.next_page_token.as_str()),
        (&[6][..], "")
    );
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_network_by_degree() {
    let site = SmallSite::start(Limits::default()).await;
    let list = async |viewer, degree, size, token: &str| {
        let answer = site.client.network(viewer, degree, page(size, token)).await;
        let answer = answer.unwrap();
        (answer.member_ids, answer.total, answer.next_page_token)
    };
    let whole = |members: &[u64]| (members.to_vec(), members.len() as u64, String::new());
    assert_eq!(list(1, Degree::First, 0, "").await, whole(&[2, 6]));
    assert_eq!(list(1, Degree::Second, 0, "").await, whole(&[3]));
    assert_eq!(list(1, Degree::Third, 0, "").await, whole(&[4]));
    assert_eq!(list(7, Degree::Third, 0, "").await, whole(&[]));
    assert_eq!(list(5, Degree::Third, 0, "").await, whole(&[2, 6]));
    let (members, total, token) = list(5, Degree::Third, 1, "").await;
    assert_eq!((members, total), (vec![2], 2));
    assert_eq!(
        list(5, Degree::Third, 1, &token).await,
        (vec![6], 2, String::new())
    );
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_while_others_change() {
    let site = SmallSite::start(Limits::default()).await;
    let list = async |client: &cloud_client::Client, token: &str| {
        let answer = client
            .network(3, Degree::First, page(1, token))
            .await
            .unwrap();
        (answer.member_ids, answer.total, answer.next_page_token)
    };
    let (members, total, token) = list(&site.client, "").await;
    assert_eq!((members, total), (vec![2], 3));
    // The last line of the page is removed, one before it is added, and one between it and the
    // next.
    let changes = [
        connection_removed(3, 2),
        connection_added(3, 1),
        connection_added(3, 9),
    ];
    let published = site.admin.publish(Window::of(changes)).await.unwrap();
    let after = site.client.at_least(published.as_of);
    let (members, total, token) = list(&after, &token).await;
    assert_eq!((members, total), (vec![4], 4));
    let (members, _, token) = list(&after, &token).await;
    assert_eq!(members, [6]);
    let (members, _, token) = list(&after, &token).await;
    assert_eq!((members, token), (vec![9], String::new()));
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn paths_and_suggestions() {
    let site = SmallSite::start(Limits::default()).await;
    let paths = async |viewer, member, max_degree, limit| {
        let options = PathsOptions { max_degree, limit };
        let answer = site.client.paths(viewer, member, options).await.unwrap();
        let paths = answer.paths.into_iter().map(|path| path.member_ids);
        (answer.distance, paths.collect::<Vec<_>>(), answer.total)
    };
    let through = |member| vec![1, member, 3, 4, 5];
    assert_eq!(paths(1, 5, 0, 0).await, (None, vec![], 0));
    assert_eq!(paths(1, 5, 3, 0).await, (None, vec![], 0));
    let both = vec![through(2), through(6)];
    assert_eq!(paths(1, 5, 4, 0).await, (Some(4), both.clone(), 2));
    assert_eq!(paths(1, 5, 6, 100).await, (Some(4), both, 2));
    assert_eq!(paths(1, 5, 6, 1).await, (Some(4), vec![through(2)], 2));
    assert_eq!(paths(1, 2, 1, 0).await, (Some(1), vec![vec![1, 2]], 1));
    assert_eq!(paths(1, 1, 0, 0).await, (Some(0), vec![vec![1]], 1));
    assert_eq!(paths(1, 7, 6, 0).await, (None, vec![], 0));

    let suggest = async |viewer, size| {
        let options = SuggestionsOptions {
            page: page(size, ""),
            ..SuggestionsOptions::default()
        };
        let answer = site.client.suggestions(viewer, options).await.unwrap();
        let pair = |line: &Suggestion| (line.member_id, line.shared_count);
        answer.suggestions.iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(suggest(1, 0).await, [(3, 2)]);
    assert_eq!(suggest(3, 0).await, [(1, 2), (5, 1)]);
    assert_eq!(suggest(3, 1).await, [(1, 2)]);
    assert_eq!(suggest(7, 0).await, []);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn suggestions_are_chosen_sampled_and_paged() {
    let site = SmallSite::start(Limits::default()).await;
    let ask = async |request: SuggestConnectionsRequest| {
        let answer = site.client.call(request).await.unwrap();
        let line = |line: &Suggestion| (line.member_id, line.shared_ids.clone());
        let lines: Vec<_> = answer.suggestions.iter().map(line).collect();
        (lines, answer.next_page_token)
    };
    let of_three = SuggestConnectionsRequest {
        viewer_id: 3,
        shared_sample: 2,
        ..Default::default()
    };
    let (one, five) = ((1, vec![2, 6]), (5, vec![4]));
    let all = vec![one.clone(), five.clone()];
    assert_eq!(ask(of_three.clone()).await, (all, String::new()));
    for (exclude_ids, include_ids, expected) in [
        (vec![1, 99], vec![], vec![five.clone()]),
        (vec![], vec![1, 2, 3, 99], vec![one.clone()]),
        (vec![5], vec![5], vec![]),
    ] {
        let request = SuggestConnectionsRequest {
            exclude_ids,
            include_ids,
            ..of_three.clone()
        };
        assert_eq!(ask(request).await, (expected, String::new()));
    }
    let sized = SuggestConnectionsRequest {
        page_size: 1,
        ..of_three
    };
    let (first, page_token) = ask(sized.clone()).await;
    assert_eq!(first, [one]);
    let second = SuggestConnectionsRequest {
        page_token,
        ..sized
    };
    assert_eq!(ask(second).await, (vec![five], String::new()));
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_connections_among_some_members() {
    let site = SmallSite::start(Limits::default()).await;
    let subgraph = async |members: &[u64], connected_at| {
        let answer = site
            .client
            .subgraph(1, members, connected_at)
            .await
            .unwrap();
        let edge = |found: &SubgraphConnection| {
            let time = found.connected_at.map(|time| time.seconds);
            (found.member_id, found.other_id, time)
        };
        let edges: Vec<_> = answer.connections.iter().map(edge).collect();
        (edges, answer.unknown_member_ids)
    };
    let untimed = |one, other| (one, other, None);
    let (edges, unknown) = subgraph(&[6, 3, 99, 2, 3, 98], false).await;
    assert_eq!(edges, [untimed(2, 3), untimed(3, 6)]);
    assert_eq!(unknown, [99, 98]);
    let (edges, unknown) = subgraph(&[3, 6], true).await;
    assert_eq!((edges, unknown), (vec![(3, 6, Some(6))], vec![]));
    // The viewer's connections are included if the viewer is named.
    let (edges, _) = subgraph(&[1, 2], false).await;
    assert_eq!(edges, [untimed(1, 2)]);
    assert_eq!(subgraph(&[], true).await, (vec![], vec![]));
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn degrees_for_several_viewers_are_those_of_each() {
    let site = SmallSite::start(Limits::default()).await;
    let (viewers, members) = ([1, 3, 99, 1], [1, 2, 3, 4, 5, 7, 99]);
    let request = GetDegreesForViewersRequest {
        viewer_ids: viewers.into(),
        member_ids: members.into(),
        at_least: None,
    };
    let refused = site.client.call(request.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("admin listener"), "{refused}");
    let answer = site.log.call(request).await.unwrap();
    assert_eq!(answer.as_of.unwrap().scn, 0);
    assert_eq!(answer.viewers.len(), viewers.len());
    for (found, viewer) in answer.viewers.iter().zip(viewers) {
        let expected = match viewer {
            99 => vec![Degree::Unknown; members.len()],
            _ => degrees(&site, viewer, &members).await,
        };
        let degrees: Vec<_> = found.degrees().collect();
        assert_eq!((found.viewer_id, degrees), (viewer, expected));
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_too_much_for_the_threads_of_connections_is_answered_all_the_same() {
    let site = SmallSite::start(Limits {
        inline_edges_max: 3,
        ..Limits::default()
    })
    .await;
    let options = PathsOptions {
        max_degree: 6,
        limit: 0,
    };
    let answer = site.client.paths(1, 5, options).await.unwrap();
    assert_eq!((answer.distance, answer.total), (Some(4), 2));
    let answer = site.client.network(5, Degree::Third, page(0, "")).await;
    assert_eq!(answer.unwrap().member_ids, [2, 6]);
    let options = SuggestionsOptions {
        page: page(1, ""),
        ..SuggestionsOptions::default()
    };
    let answer = site.client.suggestions(3, options).await.unwrap();
    assert_eq!(answer.suggestions[0].shared_count, 2);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn sessions_keep_views_and_see_changes() {
    let site = SmallSite::start(Limits::default()).await;
    let first = site.client.begin_session(1).await.unwrap();
    let second = site.client.begin_session(1).await.unwrap();
    assert_ne!(first.session, second.session);
    assert_eq!(first.idle_timeout.unwrap().seconds, 1800);
    assert_eq!(
        degrees(&site, 1, &[3, 7]).await,
        [Degree::Second, Degree::OutOfNetwork]
    );
    let views = site.admin.status().await.unwrap().views.unwrap();
    assert_eq!((views.sessions, views.views, views.misses), (2, 1, 1));
    assert!(views.hits > 0 && views.bytes == views.session_bytes);
    let added = Window::of([connection_added(2, 7)]);
    let published = site.admin.publish(added).await.unwrap();
    let answer = site.client.at_least(published.as_of);
    let answer = answer
        .network(1, Degree::Second, page(0, ""))
        .await
        .unwrap();
    assert_eq!(answer.member_ids, [3, 7]);
    // Ending a session succeeds however often it is repeated, and also for a session that never
    // existed.
    for session in [
        &first.session,
        &first.session,
        &second.session,
        &"0".repeat(32),
    ] {
        site.client.end_session(session.as_str()).await.unwrap();
    }
    let views = site.admin.status().await.unwrap().views.unwrap();
    assert_eq!(
        (views.sessions, views.session_bytes, views.views),
        (0, 0, 1)
    );
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn search_and_profiles() {
    let site = SmallSite::start(Limits::default()).await;
    let search = |query: &'static str, degrees: Vec<Degree>, page: Page| {
        let client = site.client.clone();
        async move {
            let answer = client
                .search(1, query, SearchOptions { degrees, page })
                .await
                .unwrap();
            let hits: Vec<_> = answer
                .hits
                .iter()
                .map(|hit| (hit.member_id, hit.degree()))
                .collect();
            (hits, answer.total, answer.next_page_token)
        }
    };
    let (hits, total, token) = search("title:engineer", Vec::new(), page(2, "")).await;
    assert_eq!(
        (hits, total),
        (vec![(2, Degree::First), (6, Degree::First)], 4)
    );
    let (hits, total, token) = search("title:engineer", Vec::new(), page(2, &token)).await;
    assert_eq!(
        (hits, total),
        (vec![(4, Degree::Third), (8, Degree::OutOfNetwork)], 4)
    );
    assert_eq!(token, "");
    let near = vec![Degree::First, Degree::Second];
    let (hits, total, _) = search("", near, page(0, "")).await;
    assert_eq!((hits.len(), total), (3, 3));

    let answer = site.client.profiles(&[4, 99, 4]).await.unwrap();
    let found: Vec<_> = answer
        .results
        .into_iter()
        .map(|result| result.profile.map(from_wire))
        .collect();
    assert_eq!(found, [Some(profile(4)), None, Some(profile(4))]);
    assert_eq!(answer.next_index, 0);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_change_is_seen_everywhere_and_survives_a_restart() {
    let site = SmallSite::start(Limits::default()).await;
    assert_eq!(degrees(&site, 1, &[7]).await, [Degree::OutOfNetwork]);
    let upserted = MemberUpserted {
        existing_only: false,
        member: Some(Member {
            member_id: 9,
            headline: "Diver".into(),
            ..Default::default()
        }),
        fields: None,
    };
    let window = Window {
        source_id: "test".into(),
        source_offset: 10,
        ..Window::of([
            connection_added(1, 7),
            Change {
                skippable: false,
                event: Some(change::Event::MemberUpserted(upserted)),
            },
            connection_added(7, 9),
            Change {
                skippable: false,
                event: Some(change::Event::MemberRemoved(MemberRemoved { member_id: 6 })),
            },
        ])
    };
    let published = site.admin.publish(window.clone()).await.unwrap();
    assert!(!published.repeat && published.as_of.scn > 0);
    let check = async |site: &SmallSite| {
        let after = site.client.at_least(published.as_of.clone());
        let answer = after
            .degrees(1, &[7, 9, 6], DegreesOptions::default())
            .await
            .unwrap();
        let found: Vec<_> = answer
            .degrees
            .iter()
            .map(|member| member.degree())
            .collect();
        assert_eq!(found, [Degree::First, Degree::Second, Degree::Unknown]);
        assert!(answer.as_of.unwrap().scn >= published.as_of.scn);
        let hits = after
            .search(1, "headline:diver", SearchOptions::default())
            .await
            .unwrap()
            .hits;
        assert_eq!(
            (hits.len(), hits[0].member_id, hits[0].degree()),
            (1, 9, Degree::Second)
        );
        let by_offset = cloud_client::Point::source("test", 10);
        let profiles = site
            .client
            .at_least(by_offset)
            .profiles(&[9, 6])
            .await
            .unwrap();
        assert_eq!(profiles.results[0].profile.as_ref().unwrap().positions, []);
        assert_eq!(profiles.results[1].profile, None);
    };
    check(&site).await;
    let site = site.restart(Limits::default()).await;
    check(&site).await;
    let repeat = site.admin.publish(window).await.unwrap();
    assert!(repeat.repeat && repeat.as_of == published.as_of);

    let undone = site
        .admin
        .publish(Window::of([connection_removed(1, 7)]))
        .await
        .unwrap();
    let after = site.client.at_least(undone.as_of.clone());
    let answer = after
        .degrees(1, &[7], DegreesOptions::default())
        .await
        .unwrap();
    assert_eq!(answer.degrees[0].degree(), Degree::OutOfNetwork);
    assert!(undone.as_of.scn > published.as_of.scn);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_subscriber_hears_every_window() {
    let site = SmallSite::start(Limits::default()).await;
    let mut all = site.log.subscribe(0, &[], "").await.unwrap();
    let mut members = site
        .log
        .subscribe(0, &[ChangeKind::Member], "")
        .await
        .unwrap();
    for subscription in [&mut all, &mut members] {
        assert!(matches!(
            subscription.next().await.unwrap(),
            Some(Event::Heartbeat(_))
        ));
    }
    let (sender, mut answers) = site.admin.publisher().await.unwrap();
    for member in 2..=MEMBERS {
        sender
            .send(Window::of([connection_added(1, member)]))
            .await
            .unwrap();
    }
    drop(sender);
    let mut scns = Vec::new();
    while let Some(answer) = answers.next().await.unwrap() {
        scns.push(answer.as_of.unwrap().scn);
    }
    assert_eq!(scns.len() as u64, MEMBERS - 1);
    assert!(scns.is_sorted_by(|one, next| one < next));
    for (subscription, changes) in [(&mut all, 1), (&mut members, 0)] {
        for &expected in &scns {
            let part = next_part(subscription).await;
            assert_eq!(
                (part.scn, part.last, part.changes.len()),
                (expected, true, changes)
            );
        }
    }
    // This starts from the middle, and more follows.
    let mut rest = site.log.subscribe(scns[2], &[], "").await.unwrap();
    assert_eq!(next_part(&mut rest).await.scn, scns[3]);
    let status = site.log.log_status().await.unwrap();
    assert_eq!(status.head.unwrap().scn, *scns.last().unwrap());
    site.running.shutdown().await.unwrap();
}

async fn next_part(subscription: &mut cloud_client::Subscription) -> WindowPart {
    loop {
        if let Event::Part(part) = subscription.next().await.unwrap().unwrap() {
            return part;
        }
    }
}

#[tokio::test]
async fn status_counts_what_is_there() {
    let site = SmallSite::start(Limits::default()).await;
    let published = site
        .admin
        .publish(Window::of([connection_added(7, 100)]))
        .await
        .unwrap();
    let after = site.client.at_least(published.as_of.clone());
    for _ in 0..2 {
        after
            .degrees(7, &[100], DegreesOptions::default())
            .await
            .unwrap();
    }
    let status = site.admin.status().await.unwrap();
    assert_eq!(status.graph, Some(published.as_of.clone()));
    assert_eq!(status.log_head, Some(published.as_of));
    assert_eq!(
        (status.members, status.connections),
        (MEMBERS + 1, CONNECTIONS.len() as u64 + 1)
    );
    let overlay = status.overlay.unwrap();
    assert_eq!(
        (overlay.new_members, overlay.members_created_by_connections),
        (1, 1)
    );
    let views = status.views.unwrap();
    assert_eq!((views.views, views.hits, views.misses), (1, 1, 1));
    assert!(status.anonymous_bytes > 0 && status.snapshot.unwrap().bytes > 0);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn windows_of_one_source_stay_in_their_order() {
    let site = SmallSite::start(Limits::default()).await;
    let (sender, mut answers) = site.admin.publisher().await.unwrap();
    let windows = 2_000;
    let send = async move {
        for offset in 1..=windows {
            let changes = Window::of([connection_added(1, offset + 1)]);
            sender
                .send(Window {
                    source_id: "ordered".into(),
                    source_offset: offset,
                    ..changes
                })
                .await
                .unwrap();
        }
    };
    let hear = async {
        let mut last = 0;
        while let Some(answer) = answers.next().await.unwrap() {
            let scn = answer.as_of.unwrap().scn;
            assert!(!answer.repeat && scn > last);
            last = scn;
        }
        last
    };
    let (_, last) = tokio::join!(send, hear);
    let status = site.log.log_status().await.unwrap();
    let source = &status.sources[0];
    assert_eq!((source.last_offset, source.scn), (windows, last));
    site.running.shutdown().await.unwrap();
}
