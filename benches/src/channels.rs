//! Channels to a server's two listeners, and a client of each service on them.

use cloud_proto::cloud::v1::admin_service_client::AdminServiceClient;
use cloud_proto::cloud::v1::network_service_client::NetworkServiceClient;
use cloud_proto::cloud::v1::profile_service_client::ProfileServiceClient;
use cloud_proto::cloud::v1::search_service_client::SearchServiceClient;
use cloud_proto::databus::v1::publisher_client::PublisherClient;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::outcome::{Outcome, check_equal};
use crate::server::Server;

/// TCP connections to each listener that measurements with many callers share: one alone is a bottleneck of its own.
const CONNECTIONS: usize = 8;
/// Largest answer that is taken: what the server sends at most.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Largest request that is sent: above a window part of 1 MiB.
const REQUEST_BYTES_MAX: usize = 2 << 20;

/// Open connections to both listeners. Calls are spread over them by a number, such as the call's.
#[derive(Clone, Debug)]
pub struct Channels {
    public: Vec<Channel>,
    admin: Vec<Channel>,
}

/// A generated client with the sizes of its messages bounded both ways.
macro_rules! sized {
    ($client:expr) => {
        $client
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .max_encoding_message_size(REQUEST_BYTES_MAX)
    };
}

impl Channels {
    /// Connects, and waits until the server serves.
    pub async fn connect(server: &Server) -> Outcome<Self> {
        let mut channels = Self {
            public: Vec::new(),
            admin: Vec::new(),
        };
        for _ in 0..CONNECTIONS {
            channels.public.push(channel(server.public()).await?);
            channels.admin.push(channel(server.admin()).await?);
        }
        channels.wait_for_serving().await?;
        Ok(channels)
    }

    /// Waits until the public listener says that everything is served.
    pub async fn wait_for_serving(&self) -> Outcome<()> {
        let request = HealthCheckRequest {
            service: String::new(),
        };
        let mut states = self.health(0).watch(request).await?.into_inner();
        while let Some(state) = states.message().await? {
            if state.status() == ServingStatus::Serving {
                return Ok(());
            }
        }
        Err("the server ended before it served".into())
    }

    /// grpc.health.v1.Health on the public listener.
    pub fn health(&self, number: u64) -> HealthClient<Channel> {
        sized!(HealthClient::new(pick(&self.public, number)))
    }

    /// The emptiest call there is: what a call costs that asks nothing.
    pub async fn empty_call(&self, number: u64) -> Outcome<()> {
        let request = HealthCheckRequest {
            service: String::new(),
        };
        let answer = self.health(number).check(request).await?.into_inner();
        check_equal(
            || "health check".to_owned(),
            ServingStatus::Serving,
            answer.status(),
        )
    }

    /// cloud.v1.NetworkService.
    pub fn network(&self, number: u64) -> NetworkServiceClient<Channel> {
        sized!(NetworkServiceClient::new(pick(&self.public, number)))
    }

    /// cloud.v1.SearchService.
    pub fn search(&self, number: u64) -> SearchServiceClient<Channel> {
        sized!(SearchServiceClient::new(pick(&self.public, number)))
    }

    /// cloud.v1.ProfileService.
    pub fn profiles(&self, number: u64) -> ProfileServiceClient<Channel> {
        sized!(ProfileServiceClient::new(pick(&self.public, number)))
    }

    /// cloud.v1.AdminService.
    pub fn admin(&self) -> AdminServiceClient<Channel> {
        sized!(AdminServiceClient::new(pick(&self.admin, 0)))
    }

    /// databus.v1.Publisher.
    pub fn publisher(&self, number: u64) -> PublisherClient<Channel> {
        sized!(PublisherClient::new(pick(&self.admin, number)))
    }
}

async fn channel(address: &str) -> Outcome<Channel> {
    Ok(Endpoint::from_shared(address.to_owned())?
        .tcp_nodelay(true)
        .connect()
        .await?)
}

fn pick(channels: &[Channel], number: u64) -> Channel {
    match channels.get(number as usize % channels.len()) {
        Some(channel) => channel.clone(),
        None => unreachable!("the remainder is below the length"),
    }
}
