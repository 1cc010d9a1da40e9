//! `databus.v1` on a server that follows a relay: the log is the relay's to serve.

use crate::{ingest::progress::Progress, log_source::change_log::RelayLog};
use ::databus::rpc::{Answers, Events};
use cloud_proto::databus::v1 as databus;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// Both services.
#[derive(Clone)]
pub(crate) struct FollowedRpc {
    pub(crate) relay: Arc<RelayLog>,
    pub(crate) progress: Arc<Progress>,
}

#[async_trait]
impl databus::databus_server::Databus for FollowedRpc {
    type SubscribeStream = Events;

    async fn subscribe(
        &self,
        _: Request<databus::SubscribeRequest>,
    ) -> Result<Response<Events>, Status> {
        Err(self.relay.refusal().into())
    }

    async fn get_status(
        &self,
        _: Request<databus::GetStatusRequest>,
    ) -> Result<Response<databus::GetStatusResponse>, Status> {
        Ok(Response::new(self.relay.status(&self.progress)))
    }
}

#[async_trait]
impl databus::publisher_server::Publisher for FollowedRpc {
    type PublishStream = Answers;

    async fn publish(
        &self,
        _: Request<Streaming<databus::PublishRequest>>,
    ) -> Result<Response<Answers>, Status> {
        Err(self.relay.refusal().into())
    }
}
