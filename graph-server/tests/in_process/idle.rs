//! Calls on which nothing arrives end, and do not hold their places for ever.

use crate::{compaction::upserted, small_site::SmallSite};
use cloud_client::{Error, Window};
use graph_server::Limits;
use tonic::{Code, transport::Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

fn limits() -> Limits {
    Limits {
        idle_ms_max: 50,
        ..Limits::DEFAULT
    }
}

#[tokio::test]
async fn an_idle_publish_call_ends_after_its_answers() {
    let site = SmallSite::start(limits()).await;
    let (windows, mut answers) = site.admin.publisher().await.unwrap();
    windows
        .send(Window::of([upserted(2, "changed")]))
        .await
        .unwrap();
    assert!(answers.next().await.unwrap().is_some());
    let ended: Error = answers.next().await.unwrap_err();
    let failure = ended.failure().unwrap();
    assert_eq!(
        (failure.code, failure.reason.as_str()),
        (Code::Unavailable, "IDLE")
    );
    assert_eq!(failure.metadata["idle_ms"], "50");
    site.publish([upserted(2, "again")]).await;
    site.stop().await;
}

#[tokio::test]
async fn an_idle_health_watch_ends_after_its_first_answer() {
    let site = SmallSite::start(limits()).await;
    let endpoint = format!("http://{}", site.running.public_addr());
    let channel = Endpoint::from_shared(endpoint).unwrap().connect().await;
    let watched = HealthClient::new(channel.unwrap())
        .watch(HealthCheckRequest::default())
        .await;
    let mut states = watched.unwrap().into_inner();
    let first = states.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    let ended = states.message().await.unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable, "{ended}");
    assert!(ended.message().contains("open another one"), "{ended}");
    site.stop().await;
}
