//! The services and the sides of each listener.

use crate::small_site::SmallSite;
use cloud_client::{
    Client, ConnectionOrder, DegreesOptions, Error, Page, SearchOptions, Window, connection_added,
};
use graph_server::Limits;
use tonic::Code;

#[track_caller]
fn check<T>(outcome: Result<T, Error>, expected: Result<(), (Code, &str)>) {
    let found = outcome.map(drop).map_err(|error| {
        let failure = error.failure().unwrap();
        let fields = failure.fields.iter().map(|field| field.field.as_str());
        (error.code(), fields.collect::<Vec<_>>().join(", "))
    });
    let expected = expected.map_err(|(code, field)| (code, field.to_owned()));
    assert_eq!(found, expected);
}

/// Sends the two calls that may have no viewer.
async fn calls(client: &Client) -> [Result<(), Error>; 2] {
    let order = ConnectionOrder::Id;
    [
        client.profiles(&[3]).await.map(drop),
        client
            .connections(3, order, Page::default())
            .await
            .map(drop),
    ]
}

#[tokio::test]
async fn the_admin_listener_reads_from_every_side_and_the_public_one_not_from_the_sites_own() {
    let site = SmallSite::start(Limits::default()).await;
    for (client, of_site) in [
        (&site.client, Err((Code::InvalidArgument, "viewer_id"))),
        (&site.log, Ok(())),
    ] {
        for outcome in calls(client).await {
            check(outcome, Ok(()));
        }
        for outcome in calls(&client.as_viewer(7)).await {
            check(outcome, Ok(()));
        }
        for outcome in calls(&client.as_viewer(99)).await {
            check(outcome, Err((Code::NotFound, "")));
        }
        for outcome in calls(&client.as_site()).await {
            check(outcome, of_site);
        }
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn both_listeners_give_the_same_answers() {
    let site = SmallSite::start(Limits::default()).await;
    let added = Window::of([connection_added(7, 8)]);
    let at_least = site.admin.publish(added).await.unwrap().as_of;
    let mut answers = Vec::new();
    for client in [&site.client, &site.log] {
        let client = client.at_least(at_least.clone());
        let options = DegreesOptions::default();
        let degrees = client.degrees(7, &[8, 1], options).await.unwrap();
        let found = client.search(7, "engineer", SearchOptions::default());
        let profiles = client.profiles(&[1, 2, 99]).await.unwrap();
        let order = ConnectionOrder::Recent;
        let listed = client.connections(7, order, Page::default()).await.unwrap();
        assert_eq!(listed.total, 1);
        answers.push((degrees, found.await.unwrap(), profiles, listed));
    }
    assert_eq!(answers[0], answers[1]);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_public_listener_serves_no_log() {
    let site = SmallSite::start(Limits::default()).await;
    let status = site.client.log_status().await;
    assert_eq!(status.unwrap_err().code(), Code::Unimplemented);
    let subscribed = site.client.subscribe(0, &[], "").await;
    assert_eq!(subscribed.err().unwrap().code(), Code::Unimplemented);
    assert!(site.log.log_status().await.unwrap().head.is_some());
    site.running.shutdown().await.unwrap();
}
