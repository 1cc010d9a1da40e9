//! Connections to a server's two listeners, over the client that a Rust caller uses.

use cloud_client::{Admin, Client};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::outcome::{Outcome, check_equal};
use crate::server::Server;

/// TCP connections to each listener that measurements with many callers share: one alone is a bottleneck of its own.
const CONNECTIONS: usize = 8;

/// Open connections to both listeners. Calls are spread over them by a number, such as the call's.
///
/// They state no deadline, so that a figure holds the call alone.
#[derive(Clone, Debug)]
pub struct Channels {
    clients: Vec<Client>,
    admins: Vec<Admin>,
    /// The standard health protocol, which is no call of the client's.
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

    /// Waits until the public listener says that everything is served.
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

    /// The emptiest call there is: what a call costs that asks nothing.
    pub async fn empty_call(&self, number: u64) -> Outcome<()> {
        let mut health = pick(&self.health, number).clone();
        let answer = health.check(every_service()).await?.into_inner();
        check_equal(
            || "health check".to_owned(),
            ServingStatus::Serving,
            answer.status(),
        )
    }

    /// The public listener, over the connection that `number` picks.
    pub fn client(&self, number: u64) -> &Client {
        pick(&self.clients, number)
    }

    /// The admin listener, over the connection that `number` picks.
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
