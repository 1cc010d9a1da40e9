//! The demands of the gRPC protocols on a server beside its calls: content types, compression,
//! reflection in two versions, health checks.

use crate::{relay_site::RelaySite, small_site::SmallSite};
use cloud_proto::FILE_DESCRIPTOR_SET;
use cloud_proto::cloud::v1::{GetDegreesRequest, network_service_client::NetworkServiceClient};
use cloud_serving::limits::REQUEST_BYTES_MAX;
use flate2::{Compression, write::GzEncoder};
use graph_server::Limits;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use std::{collections::BTreeSet, io::Write as _, net::SocketAddr};
use tonic::{
    Code, Status,
    body::Body,
    codec::CompressionEncoding,
    codegen::{
        Bytes,
        http::{HeaderMap, Request, StatusCode},
    },
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;
use tower::Service as _;

const DEGREES: &str = "/cloud.v1.NetworkService/GetDegrees";

async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

/// Posts a body as it is, and returns the HTTP status and the headers of the answer.
async fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (StatusCode, HeaderMap) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Body::new(FullBody(Some(Bytes::from(body))));
    let mut channel = channel(address).await;
    std::future::poll_fn(|context| channel.poll_ready(context))
        .await
        .unwrap();
    let answer = channel.call(request.body(body).unwrap()).await.unwrap();
    let (head, _) = answer.into_parts();
    (head.status, head.headers)
}

/// A body of one frame.
struct FullBody(Option<Bytes>);

impl tonic::codegen::Body for FullBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Status>>> {
        std::task::Poll::Ready(
            self.0
                .take()
                .map(|bytes| Ok(hyper::body::Frame::data(bytes))),
        )
    }
}

/// Returns a message in its frame.
fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag], length.to_be_bytes().as_slice(), message].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Checks that a body with this encoding is refused.
async fn check_body(
    address: SocketAddr,
    encoding: Option<&str>,
    body: Vec<u8>,
    code: Code,
    reason: &str,
) -> HeaderMap {
    let mut headers = vec![("content-type", "application/grpc"), ("te", "trailers")];
    headers.extend(encoding.map(|encoding| ("grpc-encoding", encoding)));
    let (http, headers) = post(address, DEGREES, &headers, body).await;
    assert_eq!(http, StatusCode::OK);
    let status = Status::from_header_map(&headers).unwrap();
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (status.code(), info.reason.as_str()),
        (code, reason),
        "{status:?}"
    );
    headers
}

#[tokio::test]
async fn frames_that_break_the_protocol_are_internal_errors() {
    let site = SmallSite::start(Limits::default()).await;
    let address = site.running.public_addr();
    let (message, protocol) = (b"\x08\x01".as_slice(), "PROTOCOL_ERROR");
    let check = async |encoding, body| {
        check_body(address, encoding, body, Code::Internal, protocol).await;
    };
    check(None, frame(1, message)).await;
    check(Some("identity"), frame(1, message)).await;
    check(None, frame(2, message)).await;
    check(Some("gzip"), frame(1, message)).await;
    let mut cut = gzip(message);
    cut.truncate(12);
    check(Some("gzip"), frame(1, &cut)).await;
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_unknown_encoding_is_refused_with_those_that_are_known() {
    let site = SmallSite::start(Limits::default()).await;
    let address = site.running.public_addr();
    let (code, reason) = (Code::Unimplemented, "UNSUPPORTED_ENCODING");
    let headers = check_body(address, Some("br"), frame(1, b"\x08\x01"), code, reason).await;
    assert_eq!(headers["grpc-accept-encoding"], "gzip,identity");
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn requests_may_be_compressed_with_gzip() {
    let site = SmallSite::start(Limits::default()).await;
    let public = channel(site.running.public_addr()).await;
    let mut client = NetworkServiceClient::new(public).send_compressed(CompressionEncoding::Gzip);
    let request = GetDegreesRequest {
        viewer_id: 1,
        member_ids: vec![2; 1_000],
        ..Default::default()
    };
    let answer = client.get_degrees(request).await.unwrap().into_inner();
    assert_eq!(answer.degrees.len(), 1_000);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_limit_of_a_message_holds_after_decompression() {
    let site = SmallSite::start(Limits::default()).await;
    let address = site.running.public_addr();
    let (code, reason) = (Code::InvalidArgument, "REQUEST_TOO_LARGE");
    for bytes in [REQUEST_BYTES_MAX + 1, 256 << 20] {
        let bomb = gzip(&vec![0; bytes]);
        assert!(bomb.len() < REQUEST_BYTES_MAX / 4, "{}", bomb.len());
        check_body(address, Some("gzip"), frame(1, &bomb), code, reason).await;
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_not_grpc_is_an_unsupported_media_type() {
    let site = SmallSite::start(Limits::default()).await;
    for address in [site.running.public_addr(), site.running.admin_addr()] {
        for content_type in [
            None,
            Some("application/json"),
            Some("application/grpc-web+proto"),
            Some("application/grpc+json"),
            Some("text/plain"),
        ] {
            let headers = content_type.map(|content_type| ("content-type", content_type));
            let headers: Vec<_> = headers.into_iter().collect();
            let (http, _) = post(address, DEGREES, &headers, frame(0, b"")).await;
            assert_eq!(http, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type:?}");
        }
    }
    site.running.shutdown().await.unwrap();
}

/// Defines a function that lists the services of a listener by one version of reflection, and
/// returns the error for a symbol that does not exist.
macro_rules! reflection {
    ($function:ident, $version:ident) => {
        async fn $function(address: SocketAddr) -> (BTreeSet<String>, Status) {
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let request = |message_request| {
                tokio_stream::once(ServerReflectionRequest {
                    host: String::new(),
                    message_request: Some(message_request),
                })
            };
            let mut client = ServerReflectionClient::new(channel(address).await);
            let listing = request(MessageRequest::ListServices(String::new()));
            let answers = client.server_reflection_info(listing).await.unwrap();
            let answer = answers.into_inner().message().await.unwrap().unwrap();
            let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
                panic!("{answer:?}");
            };
            let nothing = MessageRequest::FileContainingSymbol("no.Symbol".to_owned());
            let answers = client
                .server_reflection_info(request(nothing))
                .await
                .unwrap();
            let error = answers.into_inner().message().await.unwrap_err();
            (
                list.service
                    .into_iter()
                    .map(|service| service.name)
                    .collect(),
                error,
            )
        }
    };
}

reflection!(reflection_v1, v1);
reflection!(reflection_v1alpha, v1alpha);

/// Checks that a listener lists what it serves, and refuses every other service of the protos by
/// the name of the listener that serves it.
async fn check_listener(address: SocketAddr, other: &str) -> BTreeSet<String> {
    let (listed, error) = reflection_v1(address).await;
    assert_eq!(reflection_v1alpha(address).await.0, listed);
    // This error stands in the trailers of a stream.
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(error.get_details_error_info().unwrap().reason, "NOT_FOUND");
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.iter().flat_map(|file| {
        let names = file.service.iter().map(|service| service.name());
        names.map(|name| format!("{}.{name}", file.package()))
    });
    let content = ("content-type", "application/grpc");
    for service in services.chain(listed.iter().cloned()) {
        let path = format!("/{service}/NoSuchMethod");
        let (_, headers) = post(address, &path, &[content], frame(0, b"")).await;
        let status = Status::from_header_map(&headers).unwrap();
        let info = status.get_details_error_info().unwrap();
        assert_eq!(status.code(), Code::Unimplemented);
        if listed.contains(&service) || !info.metadata.contains_key("listener") {
            assert_eq!(info.reason, "UNKNOWN_METHOD", "{service}");
        } else {
            assert_eq!(info.reason, "OTHER_LISTENER", "{service}");
            assert_eq!(info.metadata["listener"], other, "{service}");
            assert!(status.message().contains(other), "{status:?}");
        }
    }
    listed
}

#[tokio::test]
async fn a_listener_lists_what_it_serves_and_names_the_other_one() {
    let site = SmallSite::start(Limits::default()).await;
    let public = check_listener(site.running.public_addr(), "admin").await;
    let admin = check_listener(site.running.admin_addr(), "public").await;
    let network = "cloud.v1.NetworkService";
    let publisher = "databus.v1.Publisher";
    assert!(
        public.contains(network) && !public.contains(publisher),
        "{public:?}"
    );
    assert!(admin.contains(publisher), "{admin:?}");
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_relay_lists_what_it_serves_and_names_the_other_listener() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let public = check_listener(relay.running.public_addr(), "admin").await;
    let admin = check_listener(relay.running.admin_addr(), "public").await;
    let (databus, publisher) = ("databus.v1.Databus", "databus.v1.Publisher");
    assert!(
        public.contains(databus) && !public.contains(publisher),
        "{public:?}"
    );
    assert!(
        admin.contains(publisher) && !admin.contains(databus),
        "{admin:?}"
    );
    relay.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_watch_of_an_unknown_service_goes_on_and_says_so() {
    let site = SmallSite::start(Limits::default()).await;
    let mut client = HealthClient::new(channel(site.running.public_addr()).await);
    let request = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    let error = client.check(request("no.Service")).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    for (service, state) in [
        ("no.Service", ServingStatus::ServiceUnknown),
        ("cloud.v1.NetworkService", ServingStatus::Serving),
        ("", ServingStatus::Serving),
    ] {
        let mut states = client.watch(request(service)).await.unwrap().into_inner();
        let first = states.message().await.unwrap().unwrap();
        assert_eq!(first.status(), state, "{service}");
    }
    drop(client);
    site.running.shutdown().await.unwrap();
}
