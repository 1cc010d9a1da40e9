//! The generated service traits of `databus.v1`, implemented on the log that the process owns.

use super::{
    LogServer,
    log_status::{log_status, source},
    publish, subscribe,
};
use cloud_proto::databus::v1 as databus;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// The service databus.v1.Databus.
#[derive(Clone, Debug)]
pub struct DatabusRpc(pub Arc<LogServer>);

/// The service databus.v1.Publisher.
#[derive(Clone, Debug)]
pub struct PublisherRpc(pub Arc<LogServer>);

#[async_trait]
impl databus::databus_server::Databus for DatabusRpc {
    type SubscribeStream = subscribe::Events;

    async fn subscribe(
        &self,
        request: Request<databus::SubscribeRequest>,
    ) -> Result<Response<subscribe::Events>, Status> {
        Ok(Response::new(subscribe::subscribe(&self.0, request).await?))
    }

    async fn get_status(
        &self,
        _: Request<databus::GetStatusRequest>,
    ) -> Result<Response<databus::GetStatusResponse>, Status> {
        Ok(Response::new(log_status(&self.0)))
    }
}

#[async_trait]
impl databus::publisher_server::Publisher for PublisherRpc {
    type PublishStream = publish::Answers;

    async fn publish(
        &self,
        request: Request<Streaming<databus::PublishRequest>>,
    ) -> Result<Response<publish::Answers>, Status> {
        Ok(Response::new(publish::publish(&self.0, request).await?))
    }

    async fn get_source(
        &self,
        request: Request<databus::GetSourceRequest>,
    ) -> Result<Response<databus::GetSourceResponse>, Status> {
        let source_id = request.into_inner().source_id;
        Ok(Response::new(source(&self.0, &source_id)?))
    }
}
