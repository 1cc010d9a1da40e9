//! The answers of the transport itself, and the admin listener over HTTP/1.1.

use crate::small_site::SmallSite;
use cloud_client::DegreesOptions;
use cloud_client::proto::cloud::v1::profile_service_client::ProfileServiceClient;
use cloud_client::proto::cloud::v1::{BatchGetProfilesRequest, GetDegreesResponse};
use cloud_client::proto::databus::v1::{AsOf, PublishResponse};
use graph_server::Limits;
use prost::Message;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

/// Returns the error with which `path` answers `message`.
async fn error<M, A>(channel: &Channel, path: &'static str, message: M) -> Status
where
    M: Message + 'static,
    A: Message + Default + 'static,
{
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<M, A>::default();
    let path = PathAndQuery::from_static(path);
    let answer = client.unary(Request::new(message), path, codec).await;
    answer.map(drop).unwrap_err()
}

#[track_caller]
fn check(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        (reason, "cloud.v1")
    );
}

#[tokio::test]
async fn errors_of_the_transport_have_codes_and_details() {
    let site = SmallSite::start(Limits::default()).await;
    let public = channel(site.running.public_addr()).await;
    // The message has a text where GetDegrees has a number.
    let text = || AsOf {
        history: 0,
        log_id: "x".into(),
        scn: 1,
    };
    let degrees = "/cloud.v1.NetworkService/GetDegrees";
    let status = error::<_, GetDegreesResponse>(&public, degrees, text()).await;
    check(&status, Code::InvalidArgument, "MALFORMED");
    for path in ["/cloud.v1.NetworkService/Nothing", "/no.Service/Nothing"] {
        let status = error::<_, GetDegreesResponse>(&public, path, text()).await;
        check(&status, Code::Unimplemented, "UNKNOWN_METHOD");
    }
    // The request names a service that does not exist: its one field is a text too.
    let check_health = "/grpc.health.v1.Health/Check";
    let nothing = AsOf {
        history: 0,
        log_id: "nothing".into(),
        scn: 0,
    };
    let status = error::<_, GetDegreesResponse>(&public, check_health, nothing).await;
    check(&status, Code::NotFound, "NOT_FOUND");
    let mut profiles = ProfileServiceClient::new(public.clone());
    let members = BatchGetProfilesRequest {
        anonymous: true,
        member_ids: vec![u64::MAX; 300_000],
        ..Default::default()
    };
    let status = profiles.batch_get_profiles(members).await.unwrap_err();
    check(&status, Code::InvalidArgument, "REQUEST_TOO_LARGE");

    // The stream has a text in the place of a window's part.
    let admin = channel(site.running.admin_addr()).await;
    let mut client = Grpc::new(admin);
    client.ready().await.unwrap();
    let wrong = AsOf {
        history: 0,
        log_id: "\u{1}".into(),
        scn: 1,
    };
    let path = PathAndQuery::from_static("/databus.v1.Publisher/Publish");
    let codec = ProstCodec::<AsOf, PublishResponse>::default();
    let parts = Request::new(tokio_stream::once(wrong));
    let mut answers = client
        .streaming(parts, path, codec)
        .await
        .unwrap()
        .into_inner();
    check(
        &answers.message().await.unwrap_err(),
        Code::InvalidArgument,
        "MALFORMED",
    );
    site.running.shutdown().await.unwrap();
}

/// Returns the answer to GET `path` over HTTP/1.1, including its head.
pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: cloud\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A listener that does not speak HTTP/1.1 breaks the connection.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_admin_listener_speaks_http_beside_grpc() {
    let site = SmallSite::start(Limits {
        queued_requests_max: 0,
        ..Limits::default()
    })
    .await;
    let none = DegreesOptions::default();
    site.client.degrees(1, &[2], none).await.unwrap();
    site.client.degrees(1, &[2], none).await.unwrap();
    site.client.degrees(99, &[2], none).await.unwrap_err();
    let search = cloud_client::SearchOptions::default();
    site.client.search(1, "x", search).await.unwrap_err();
    let admin = site.running.admin_addr();
    for path in ["/livez", "/readyz"] {
        let answer = get(admin, path).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"),
            "{answer}"
        );
    }
    assert!(get(admin, "/nothing").await.starts_with("HTTP/1.1 404 "));
    let page = get(admin, "/metrics").await;
    assert!(
        page.contains("content-type: text/plain; version=0.0.4"),
        "{page}"
    );
    for line in [
        "cloud_rpc_seconds_count{rpc=\"cloud.v1.NetworkService/GetDegrees\",code=\"OK\"} 2",
        "cloud_rpc_seconds_count{rpc=\"cloud.v1.NetworkService/GetDegrees\",code=\"NOT_FOUND\"} 1",
        "cloud_rpc_in_flight{rpc=\"cloud.v1.NetworkService/GetDegrees\"} 0",
        "cloud_view_lookups_total{outcome=\"miss\"} 1",
        "cloud_views 1",
        "cloud_worker_refused_total{threads=\"search\"} 1",
        "cloud_lag_seconds{side=\"profiles\"} 0",
        "cloud_log_head_scn 0",
        "cloud_members 8",
        "cloud_serving 1",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in {page}"
        );
    }
    assert!(
        get(site.running.public_addr(), "/livez")
            .await
            .find("200")
            .is_none()
    );
    // The same port answers gRPC, and reports memory by part.
    site.client.begin_session(1).await.unwrap();
    let status = site.admin.status().await.unwrap();
    let views = status.memory.iter().find(|part| part.part == "views");
    let views = views.map(|part| part.bytes);
    assert_eq!(views, status.views.map(|views| views.bytes));
    let own = status.memory.iter().map(|part| part.bytes).sum::<u64>();
    assert!(own >= status.anonymous_bytes, "{status:?}");
    site.running.shutdown().await.unwrap();
}
