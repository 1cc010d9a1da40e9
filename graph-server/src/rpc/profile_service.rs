//! cloud.v1.ProfileService. It is written by hand, because the generated service would encode the
//! answers on the threads that write them; see [`EncodedCodec`].

use super::{batch_get_profiles::batch_get_profiles, encoded::EncodedCodec};
use crate::site::Site;
use cloud_proto::cloud::v1::profile_service_server;
use cloud_serving::sized;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{
    Response, Status,
    body::Body,
    server::{Grpc, NamedService},
};
use tower::Service;

/// Serves cloud.v1.ProfileService.
#[derive(Clone)]
pub(crate) struct ProfileService(pub(crate) Arc<Site>);

const BATCH_GET_PROFILES: &str = "/cloud.v1.ProfileService/BatchGetProfiles";

impl NamedService for ProfileService {
    const NAME: &'static str = profile_service_server::SERVICE_NAME;
}

impl Service<http::Request<Body>> for ProfileService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let site = Arc::clone(&self.0);
        Box::pin(async move {
            if request.uri().path() != BATCH_GET_PROFILES {
                return Ok(Status::unimplemented("").into_http());
            }
            let answer = tower::service_fn(move |request| {
                let site = Arc::clone(&site);
                async move { Ok(Response::new(batch_get_profiles(&site, request).await?)) }
            });
            let mut grpc = sized!(Grpc::new(EncodedCodec::new()));
            Ok(grpc.unary(answer, request).await)
        })
    }
}
