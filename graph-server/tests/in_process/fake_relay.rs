//! A relay that sends what a test tells it to.

use cloud_client::proto::databus::v1::{
    AsOf, GetStatusRequest, GetStatusResponse, Heartbeat, SubscribeRequest, SubscribeResponse,
    WindowPart,
    databus_server::{Databus, DatabusServer},
    subscribe_response::Event,
};
use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, async_trait, transport::Server};

/// A part, and the SCN that is said to stand before its window.
pub(crate) type Sent = (WindowPart, u64);

/// Its log as it says when asked, and what a subscriber hears; clones are the same relay.
#[derive(Clone)]
pub(crate) struct FakeRelay {
    log_id: String,
    lineage_id: String,
    /// Where its log ends, when it is asked for its status.
    head: Arc<AtomicU64>,
    /// Each for one subscription.
    scripts: Arc<Mutex<Vec<Vec<Sent>>>>,
    /// For every further one; when there is none, they hear only of a head that is far away.
    rest: Arc<Mutex<Option<Vec<Sent>>>>,
}

/// The head that heartbeats tell of.
const FAR: u64 = 1_000;

impl FakeRelay {
    /// At its address, in this process, until the test ends.
    pub(crate) async fn start(log_id: &str, lineage_id: &str, head: u64) -> (Self, SocketAddr) {
        let relay = Self {
            log_id: log_id.to_owned(),
            lineage_id: lineage_id.to_owned(),
            head: Arc::new(AtomicU64::new(head)),
            scripts: Arc::default(),
            rest: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = DatabusServer::new(relay.clone());
        let connections = TcpListenerStream::new(listener);
        let server = Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(connections));
        (relay, address)
    }

    /// Asked for its status, it says that its log ends there.
    pub(crate) fn ends_at(&self, head: u64) {
        self.head.store(head, Ordering::Relaxed);
    }

    fn as_of(&self, scn: u64) -> Option<AsOf> {
        let log_id = self.log_id.clone();
        Some(AsOf { log_id, scn })
    }

    /// What the next subscription hears that has no script yet; then it ends.
    pub(crate) fn sends(&self, parts: Vec<Sent>) {
        self.scripts.lock().unwrap().push(parts);
    }

    /// What every subscription hears that has no script: who is gone by then may have asked too.
    pub(crate) fn sends_everybody(&self, parts: Vec<Sent>) {
        *self.rest.lock().unwrap() = Some(parts);
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send + 'static>>;

#[async_trait]
impl Databus for FakeRelay {
    type SubscribeStream = Events;

    async fn subscribe(&self, _: Request<SubscribeRequest>) -> Result<Response<Events>, Status> {
        let mut scripts = self.scripts.lock().unwrap();
        let script = match scripts.is_empty() {
            true => self.rest.lock().unwrap().clone(),
            false => Some(scripts.remove(0)),
        };
        let head = self.as_of(FAR);
        let event = |(event, previous_scn)| {
            Ok(SubscribeResponse {
                event: Some(event),
                previous_scn,
            })
        };
        let heartbeat = (Event::Heartbeat(Heartbeat { head }), 0);
        Ok(Response::new(match script {
            None => {
                let heartbeat = tokio_stream::once(event(heartbeat));
                Box::pin(heartbeat.chain(tokio_stream::pending()))
            }
            Some(parts) => {
                let parts = parts
                    .into_iter()
                    .map(|(part, previous_scn)| (Event::Part(part), previous_scn));
                let events = std::iter::once(heartbeat).chain(parts).map(event);
                Box::pin(tokio_stream::iter(events.collect::<Vec<_>>()))
            }
        }))
    }

    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        Ok(Response::new(GetStatusResponse {
            head: self.as_of(self.head.load(Ordering::Relaxed)),
            lineage_id: self.lineage_id.clone(),
            ..Default::default()
        }))
    }
}
