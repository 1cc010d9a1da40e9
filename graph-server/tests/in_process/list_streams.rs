//! Streams of lists: whole, of one point, and bounded in number, time and memory.

use crate::small_site::SmallSite;
use cloud_client::{ConnectionOrder, Degree, Page, Window, connection_added};
use graph_server::Limits;
use std::time::Duration;
use tonic::Code;

/// The connections of a hub: several messages of a stream.
const HUB_CONNECTIONS: u64 = 100_000;
/// The connections of a larger hub: as a stream, more than the windows of HTTP/2 and the server's
/// queue hold.
const LARGE_HUB_CONNECTIONS: u64 = 300_000;

/// Starts a site where member 7 is connected with so many others.
async fn site_with_hub(limits: Limits, connections: u64) -> SmallSite {
    let limits = Limits {
        wait_ms_max: 60_000,
        ..limits
    };
    let site = SmallSite::start(limits).await;
    // The ids come in an order that is not theirs.
    let id = |other: u64| 1_000 + (other * 7_919) % connections;
    let connections = (0..connections).map(|other| connection_added(7, id(other)));
    let connections: Vec<_> = connections.collect();
    let published = site.admin.publish(Window::of(connections)).await.unwrap();
    let client = site.client.at_least(published.as_of);
    let client = client.timeout(Duration::from_secs(60));
    client.network_sizes(7, false).await.unwrap();
    site
}

#[tokio::test]
async fn a_stream_holds_the_whole_list_at_one_point() {
    let site = site_with_hub(Limits::default(), HUB_CONNECTIONS).await;
    let mut stream = site.client.stream_network(7, Degree::First).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    // A change while the stream is open is not in it.
    let added = Window::of([connection_added(7, 1), connection_added(7, 999_999)]);
    let added = site.admin.publish(added).await.unwrap();
    let mut members = first.member_ids.clone();
    let mut messages = 1;
    while let Some(part) = stream.next().await.unwrap() {
        assert_eq!((&part.as_of, part.total), (&first.as_of, HUB_CONNECTIONS));
        members.extend(part.member_ids);
        messages += 1;
    }
    assert!(members.into_iter().eq(1_000..1_000 + HUB_CONNECTIONS));
    assert!(messages > 10, "{messages} messages");

    let mut second = site
        .client
        .at_least(added.as_of)
        .stream_network(1_000, Degree::Second)
        .await
        .unwrap();
    let mut members = Vec::new();
    while let Some(part) = second.next().await.unwrap() {
        members.extend(part.member_ids);
    }
    let others = (1_001..1_000 + HUB_CONNECTIONS).chain([999_999]);
    assert!(members.into_iter().eq([1].into_iter().chain(others)));
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn streams_equal_the_pages() {
    let site = site_with_hub(Limits::default(), HUB_CONNECTIONS).await;
    for order in [ConnectionOrder::Id, ConnectionOrder::Recent] {
        for member in [3, 7] {
            let mut stream = site.client.stream_connections(member, order).await.unwrap();
            let mut streamed = Vec::new();
            while let Some(part) = stream.next().await.unwrap() {
                streamed.extend(part.connections);
                assert!(streamed.len() as u64 <= part.total);
            }
            let (mut paged, mut token) = (Vec::new(), String::new());
            // All pages of a long list would take long for the newest first.
            for _ in 0..3 {
                let page = Page { size: 1_000, token };
                let answer = site.client.connections(member, order, page).await.unwrap();
                paged.extend(answer.connections);
                token = answer.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(streamed[..paged.len()], paged, "{order:?} of {member}");
            assert_eq!(streamed.len() == paged.len(), token.is_empty());
        }
    }
    for (viewer, member) in [(1, 3), (7, 3), (7, 7)] {
        let stream = site.client.stream_shared_connections(viewer, member);
        let (mut stream, mut streamed) = (stream.await.unwrap(), Vec::new());
        while let Some(part) = stream.next().await.unwrap() {
            streamed.extend(part.member_ids);
        }
        let page = Page {
            size: 1_000,
            token: String::new(),
        };
        let paged = site
            .client
            .shared_connections(viewer, member, page)
            .await
            .unwrap();
        assert_eq!(streamed.len() as u64, paged.total);
        assert_eq!(streamed[..paged.member_ids.len()], paged.member_ids);
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_empty_list_is_one_message() {
    let site = SmallSite::start(Limits::default()).await;
    let mut stream = site.client.stream_network(7, Degree::Third).await.unwrap();
    let only = stream.next().await.unwrap().unwrap();
    assert!(only.as_of.is_some() && only.member_ids.is_empty());
    assert_eq!(only.total, 0);
    assert_eq!(stream.next().await.unwrap(), None);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_caller_that_reads_nothing_is_cut_off_and_its_place_is_free_again() {
    let limits = Limits {
        stall_ms_max: 50,
        list_streams_max: 1,
        ..Limits::default()
    };
    let site = site_with_hub(limits, LARGE_HUB_CONNECTIONS).await;
    let client = site.client.timeout(Duration::from_secs(60));
    let mut slow = client
        .stream_connections(7, ConnectionOrder::Id)
        .await
        .unwrap();
    let refused = site.client.stream_network(7, Degree::First).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(
        refused.failure().unwrap().metadata["what"],
        "streams of lists"
    );
    // The server cuts it off by its own clock, while nothing is read here. Then its place is free.
    while site.client.stream_network(7, Degree::First).await.is_err() {}
    let error = loop {
        match slow.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended in order"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.failure().unwrap().reason, "SLOW_READER");
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline() {
    let limits = Limits {
        list_streams_max: 1,
        ..Limits::default()
    };
    let site = site_with_hub(limits, LARGE_HUB_CONNECTIONS).await;
    let client = site.client.timeout(Duration::from_millis(200));
    // A busy machine may not begin a stream in this time.
    let mut stream = loop {
        let stream = client.stream_connections(7, ConnectionOrder::Id).await;
        if let Ok(stream) = stream {
            break stream;
        }
    };
    // Reads nothing until the server has ended the stream: then the place is free again.
    while site.client.stream_network(7, Degree::First).await.is_err() {}
    let error = loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended in order"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::DeadlineExceeded);
    site.running.shutdown().await.unwrap();
}
