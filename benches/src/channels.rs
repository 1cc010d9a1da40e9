//! Connections to a server's two listeners, with the Rust client.

use cloud_client::{Admin, Client};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::outcome::{Outcome, check_equal};
use crate::server::Server;

/// The TCP connections to each listener. Measurements with many callers share them: a single one
/// would be a bottleneck.
const CONNECTIONS: usize = 8;

/// Open connections to both listeners. A number, such as the call's, picks the connection of each
/// call.
///
/// The calls carry no deadline, so that a figure includes nothing but the call.
#[derive(Clone, Debug)]
pub struct Channels {
    clients: Vec<Client>,
    admins: Vec<Admin>,
    /// Clients of the standard health protocol, which the Rust client does not include.
    health: Vec<HealthClient<Channel>>,
}

impl Channels {
    /// Connects, and waits until the server serves.
    pub async fn connect(server: &Server) -> Outcome<Self> {
        let mut channels = Self {
            clients: Vec::new(),
            admins: Vec::new(),
            health: Vec::new(),
        };
        for _ in 0..CONNECTIONS {
            let client = Client::connect(server.public()).await?;
            channels.clients.push(client.without_timeout());
            let admin = Admin::connect(server.admin()).await?;
            channels.admins.push(admin.without_timeout());
            let health = Endpoint::from_shared(server.public().to_owned())?
                .tcp_nodelay(true)
                .connect()
                .await?;
            channels.health.push(HealthClient::new(health));
        }
        channels.wait_for_serving().await?;
        Ok(channels)
    }

    /// Waits until the public listener reports that the whole server is SERVING.
    pub async fn wait_for_serving(&self) -> Outcome<()> {
        let mut health = pick(&self.health, 0).clone();
        let mut states = health.watch(every_service()).await?.into_inner();
        while let Some(state) = states.message().await? {
            if state.status() == ServingStatus::Serving {
                return Ok(());
            }
        }
        Err("the server ended before it served".into())
    }

    /// Makes a health check, the call with the least content: its cost is that of any call.
    pub async fn empty_call(&self, number: u64) -> Outcome<()> {
        let mut health = pick(&self.health, number).clone();
        let answer = health.check(every_service()).await?.into_inner();
        check_equal(
            || "health check".to_owned(),
            ServingStatus::Serving,
            answer.status(),
        )
    }

    /// Returns the client of the public listener, over the connection that `number` picks.
    pub fn client(&self, number: u64) -> &Client {
        pick(&self.clients, number)
    }

    /// Returns the client of the admin listener, over the connection that `number` picks.
    pub fn admin(&self, number: u64) -> &Admin {
        pick(&self.admins, number)
    }
}

fn every_service() -> HealthCheckRequest {
    HealthCheckRequest {
        service: String::new(),
    }
}

fn pick<T>(connections: &[T], number: u64) -> &T {
    match connections.get(number as usize % connections.len()) {
        Some(connection) => connection,
        None => unreachable!("the remainder is below the length"),
    }
}
