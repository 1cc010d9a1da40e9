//! The two listeners of a server: the layers that every request passes, and how they end.
//!
//! The public listener answers gRPC only. The admin listener answers gRPC, and the pages over HTTP.
//! Each request carries its [`ListenerKind`], from which a call knows on which side it was sent.

use crate::{
    DeadlineLayer, IdleLayer, InFlightLayer, ListenError, Listener, ObserveLayer, Protocols,
    ServingLimits, TonicErrorsLayer, pages::RpcOrPages, serve,
};
use axum::Router;
use http::{Request, Response};
use std::{convert::Infallible, fmt, net::SocketAddr, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceBuilder};

/// The error when a listener's task panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the listener thread panicked")]
pub struct ListenerPanicked;

/// The listener that a request came in by. Each request has it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// The listener for the callers that the server exists for.
    Public,
    /// The listener for the operators and the sources of changes.
    Admin,
}

impl fmt::Display for ListenerKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Admin => "admin",
        })
    }
}

/// Two listeners that are bound, and do not accept yet.
#[derive(Debug)]
pub struct BoundListeners {
    public: Listener,
    admin: Listener,
}

/// The services and pages of a server.
pub struct Services<T: 'static> {
    /// The services of the public listener.
    pub public: Routes,
    /// The services of the admin listener.
    pub admin: Routes,
    /// The pages of the admin listener, from [`pages`](crate::pages).
    pub pages: Router,
    /// The counts of all calls.
    pub observe: ObserveLayer<T>,
}

/// Two listeners that answer until their token is cancelled.
#[derive(Debug)]
pub struct Listeners {
    public_addr: SocketAddr,
    admin_addr: SocketAddr,
    public: JoinHandle<()>,
    admin: JoinHandle<()>,
}

impl BoundListeners {
    /// Listens on both addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// If an address cannot be listened on.
    pub fn bind(
        public: SocketAddr,
        admin: SocketAddr,
        connections_max: usize,
    ) -> Result<Self, ListenError> {
        Ok(Self {
            public: Listener::bind(public, connections_max)?,
            admin: Listener::bind(admin, connections_max)?,
        })
    }

    /// Answers on both listeners, each in a task of its own, until `stopping` is cancelled.
    pub fn serve<T: Default + Send + 'static>(
        self,
        services: Services<T>,
        limits: &ServingLimits,
        stopping: &CancellationToken,
    ) -> Listeners {
        let in_flight = InFlightLayer::new(limits.requests_in_flight_max);
        let Services {
            public,
            admin,
            pages,
            observe,
        } = services;
        let layered = |kind, routes| layered(kind, routes, &observe, limits, &in_flight);
        let public = layered(ListenerKind::Public, public);
        let public = RpcOrPages {
            rpc: public,
            pages: None,
        };
        let admin = RpcOrPages {
            rpc: layered(ListenerKind::Admin, admin),
            pages: Some(pages),
        };
        let (limits, stopping) = (|| limits.clone(), || stopping.clone());
        let (public_addr, admin_addr) = (self.public.address(), self.admin.address());
        let public = serve(self.public, Protocols::Http2, limits(), public, stopping());
        let admin = serve(
            self.admin,
            Protocols::Http1And2,
            limits(),
            admin,
            stopping(),
        );
        Listeners {
            public_addr,
            admin_addr,
            public: tokio::spawn(public),
            admin: tokio::spawn(admin),
        }
    }
}

/// Puts `routes` behind the layers that every request passes: the counts, the deadline, the details
/// for tonic's errors, the limit of requests in flight, the kind of the listener, and the end of
/// idle health checks.
fn layered<T: Default + Send + 'static>(
    kind: ListenerKind,
    routes: Routes,
    observe: &ObserveLayer<T>,
    limits: &ServingLimits,
    in_flight: &InFlightLayer,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static
+ use<T> {
    ServiceBuilder::new()
        .layer(observe.clone())
        .layer(DeadlineLayer::new(limits))
        .layer(TonicErrorsLayer)
        .layer(in_flight.clone())
        .map_request(move |mut request: Request<Body>| {
            request.extensions_mut().insert(kind);
            request
        })
        .layer(IdleLayer::new(limits.idle_max))
        .service(routes.prepare())
}

impl Listeners {
    /// Returns the address of the public listener.
    #[must_use]
    pub fn public_addr(&self) -> SocketAddr {
        self.public_addr
    }

    /// Returns the address of the admin listener.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Waits until the requests in flight are answered, and cuts off the rest after `timeout`. The
    /// listeners' token must be cancelled before.
    ///
    /// # Errors
    /// If a listener panicked.
    pub async fn drain(self, timeout: Duration) -> Result<(), ListenerPanicked> {
        let aborts = [self.public.abort_handle(), self.admin.abort_handle()];
        let both = async { (self.public.await, self.admin.await) };
        match tokio::time::timeout(timeout, both).await {
            Ok((public, admin)) => public.and(admin).map_err(|_| ListenerPanicked),
            Err(_) => {
                let after_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(after_ms, "cut off what was still being answered");
                aborts.iter().for_each(tokio::task::AbortHandle::abort);
                Ok(())
            }
        }
    }
}
