//! A relay that sends the parts that a test gives it.

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

/// A part, and the SCN that the relay states as that before its window.
pub(crate) type Sent = (WindowPart, u64);

/// A relay with the log that it reports, and the parts that its subscribers receive. Clones are the
/// same relay.
#[derive(Clone)]
pub(crate) struct FakeRelay {
    log_id: String,
    lineage_id: String,
    /// The end of its log in its status.
    head: Arc<AtomicU64>,
    /// The parts for the next subscriptions, one script for each.
    scripts: Arc<Mutex<Vec<Vec<Sent>>>>,
    /// The parts for every further subscription. Without them, it receives only heartbeats with a
    /// head that is far away.
    rest: Arc<Mutex<Option<Vec<Sent>>>>,
}

/// The head in the heartbeats.
const FAR: u64 = 1_000;

impl FakeRelay {
    /// Starts the relay at its address, in this process, until the test ends.
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

    /// Sets the end of the log in its status.
    pub(crate) fn ends_at(&self, head: u64) {
        self.head.store(head, Ordering::Relaxed);
    }

    fn as_of(&self, scn: u64) -> Option<AsOf> {
        let log_id = self.log_id.clone();
        Some(AsOf {
            history: 0,
            log_id,
            scn,
        })
    }

    /// Sets the parts for the next subscription without a script. Then the subscription ends.
    pub(crate) fn sends(&self, parts: Vec<Sent>) {
        self.scripts.lock().unwrap().push(parts);
    }

    /// Sets the parts for every subscription without a script. A client that has gone may have
    /// subscribed too.
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
