//! The services of `databus.v1` on a server that does not own its log: status only; other calls are
//! refused with the owner's address.

use crate::{ingest::progress::Progress, log_source::LogSource};
use ::databus::rpc::{Answers, Events, not_owner};
use cloud_proto::databus::v1 as databus;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// Implements both services, Databus and Publisher.
#[derive(Clone)]
pub(crate) struct FollowedRpc {
    pub(crate) log: Arc<dyn LogSource>,
    pub(crate) progress: Arc<Progress>,
}

impl FollowedRpc {
    fn owner(&self) -> String {
        self.log.owner().unwrap_or_default().to_owned()
    }

    fn refusal(&self) -> Status {
        not_owner(&self.owner()).into()
    }
}

#[async_trait]
impl databus::databus_server::Databus for FollowedRpc {
    type SubscribeStream = Events;

    async fn subscribe(
        &self,
        _: Request<databus::SubscribeRequest>,
    ) -> Result<Response<Events>, Status> {
        Err(self.refusal())
    }

    async fn get_status(
        &self,
        _: Request<databus::GetStatusRequest>,
    ) -> Result<Response<databus::GetStatusResponse>, Status> {
        let lineage_id = self.log.lineage_id();
        let sources = self.progress.source_marks().into_iter();
        let sources = sources.map(|mark| databus::SourceStatus {
            source_id: mark.source_id,
            last_offset: mark.offset,
            scn: mark.scn.get(),
        });
        Ok(Response::new(databus::GetStatusResponse {
            head: Some(self.progress.as_of(self.log.head())),
            sources: sources.collect(),
            lineage_id: lineage_id.map(|id| id.to_string()).unwrap_or_default(),
            owner: self.owner(),
            ..Default::default()
        }))
    }
}

#[async_trait]
impl databus::publisher_server::Publisher for FollowedRpc {
    type PublishStream = Answers;

    async fn publish(
        &self,
        _: Request<Streaming<databus::PublishRequest>>,
    ) -> Result<Response<Answers>, Status> {
        Err(self.refusal())
    }

    async fn get_source(
        &self,
        _: Request<databus::GetSourceRequest>,
    ) -> Result<Response<databus::GetSourceResponse>, Status> {
        Err(self.refusal())
    }
}
