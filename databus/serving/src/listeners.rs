//! The two listeners of a server, from the first moment of its start to the last of its shutdown.
//!
//! The public listener answers gRPC only. The admin listener answers gRPC, and the pages over HTTP.
//! Each request carries its [`ListenerKind`], from which a call knows on which side it was sent.
//!
//! | state | public listener | admin listener |
//! |---|---|---|
//! | starting | calls: UNAVAILABLE, with how far the start is | the same; `/livez` 200, `/readyz` 503 with it too |
//! | serving | calls | calls; the pages of the server |
//! | draining | no new connections; calls in flight end | as while starting, with "shutting down"; calls in flight end |

use crate::{
    DeadlineLayer, Health, IdleLayer, InFlightLayer, ListenError, Listener, ListenerRoutes,
    ObserveLayer, Refusal, Served, ServingLimits, TonicErrorsLayer,
    descriptors::{self, Connections},
    metrics::Page,
    pages::{RpcOrPages, pages},
    transport::{Protocols, serve},
};
use axum::Router;
use http::{Request, Response};
use std::{
    convert::Infallible,
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceBuilder, ServiceExt as _, util::Oneshot};

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
    limits: ServingLimits,
}

/// The parts of a server that exist before it has started.
pub struct Starting<T: 'static> {
    /// The services that the server will have.
    pub served: Served,
    /// The state of health checks.
    pub health: Health,
    /// The counts of all calls.
    pub observe: ObserveLayer<T>,
    /// Cancelled when the server shuts down.
    pub stopping: CancellationToken,
}

/// The services and pages of a server that has started.
pub struct Services {
    /// The services of the public listener.
    pub public: Routes,
    /// The services of the admin listener.
    pub admin: Routes,
    /// The pages of the admin listener, from [`pages`](crate::pages).
    pub pages: Router,
}

/// Two listeners that answer for a server which starts.
pub struct StartingListeners<S> {
    listeners: Listeners,
    public: Arc<Phases<S>>,
    admin: Arc<Phases<S>>,
    service: Box<dyn Fn(ListenerKind, Routes, Option<Router>) -> S + Send + Sync>,
}

/// Two listeners that answer until their token is cancelled; the admin listener answers its pages
/// on until this is dropped.
#[derive(Debug)]
pub struct Listeners {
    public_addr: SocketAddr,
    admin_addr: SocketAddr,
    public: AbortOnDropHandle<()>,
    admin: AbortOnDropHandle<()>,
    /// Answers the admin listener while the server drains.
    probes: AbortOnDropHandle<()>,
}

impl BoundListeners {
    /// Listens on both addresses; port 0 takes a free one. Connections are limited to what
    /// descriptors allow.
    ///
    /// # Errors
    /// If an address cannot be listened on.
    pub fn bind(
        public: SocketAddr,
        admin: SocketAddr,
        limits: ServingLimits,
    ) -> Result<Self, ListenError> {
        let descriptors = descriptors::limit();
        let connections_max = limits.connections_max;
        let connections = Connections::of(descriptors, limits.file_descriptors, connections_max);
        if !connections.are(connections_max) {
            tracing::warn!(
                descriptors,
                connections_max,
                public = connections.public,
                admin = connections.admin,
                "the system allows this process fewer connections than its settings do: raise the \
                 hard limit of open files"
            );
        }
        let bound = Self {
            public: Listener::bind(public, connections.public)?,
            admin: Listener::bind(admin, connections.admin)?,
            limits,
        };
        tracing::info!(
            public = %bound.public.address(),
            admin = %bound.admin.address(),
            "the listeners answer; the server starts"
        );
        for warning in bound.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(bound)
    }

    /// Returns the warnings for an operator: of addresses that other machines reach, because the
    /// server does not check who calls.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let listeners = [
            (ListenerKind::Public, &self.public),
            (ListenerKind::Admin, &self.admin),
        ];
        let warnings = listeners.map(|(kind, listener)| exposed(kind, listener.address()));
        warnings.into_iter().flatten().collect()
    }

    /// Answers on both listeners from now on, for a server that starts: see the table of this
    /// module. `stage` says how far the start is.
    ///
    /// # Errors
    /// If the descriptors of the protos cannot be read.
    pub fn start<T: Default + Send + 'static>(
        self,
        starting: Starting<T>,
        stage: impl Fn() -> String + Clone + Send + Sync + 'static,
    ) -> Result<StartingListeners<impl Answers>, tonic_reflection::server::Error> {
        let Self {
            public,
            admin,
            limits,
        } = self;
        let Starting {
            served,
            health,
            observe,
            stopping,
        } = starting;
        let begun = Instant::now();
        let is_stopping = stopping.clone();
        let refusal = move || {
            if is_stopping.is_cancelled() {
                Refusal::shutting_down()
            } else {
                Refusal::not_serving(&format!("starting: {}", stage()))
            }
        };
        let refusing = |kind| {
            let routes = ListenerRoutes::new(kind, served, &health)?;
            Ok::<_, tonic_reflection::server::Error>(routes.refusing(refusal.clone()).finish())
        };
        let calls = observe.calls();
        let (refused, not_ready) = (refusing(ListenerKind::Public)?, refusal.clone());
        let pages = pages(
            move || Err(not_ready()),
            move || {
                let mut page = Page::default();
                page.server(begun, false, &calls);
                page.into_text()
            },
        );
        let in_flight = InFlightLayer::new(limits.requests_in_flight_max);
        let layers = limits.clone();
        let service = move |kind, routes, pages| RpcOrPages {
            rpc: layered(kind, routes, &observe, &layers, &in_flight),
            pages,
        };
        let public_phases = Phases::new(service(ListenerKind::Public, refused, None));
        let refused = refusing(ListenerKind::Admin)?;
        let probes = service(ListenerKind::Admin, refused, Some(pages));
        let admin_phases = Phases::new(probes.clone());
        let (public_addr, admin_addr) = (public.address(), admin.address());
        let admin = Arc::new(admin);
        let spawn = |listener, protocols, service| {
            let (limits, stopping) = (limits.clone(), stopping.clone());
            AbortOnDropHandle::new(tokio::spawn(serve(
                listener, protocols, limits, service, stopping,
            )))
        };
        let in_phases = |phases: &Arc<Phases<_>>| InPhases(Arc::clone(phases));
        let listeners = Listeners {
            public_addr,
            admin_addr,
            public: spawn(
                Arc::new(public),
                Protocols::Http2,
                in_phases(&public_phases),
            ),
            admin: spawn(
                Arc::clone(&admin),
                Protocols::Http1And2,
                in_phases(&admin_phases),
            ),
            probes: AbortOnDropHandle::new(tokio::spawn(async move {
                stopping.cancelled().await;
                let never = CancellationToken::new();
                serve(admin, Protocols::Http1And2, limits, probes, never).await;
            })),
        };
        Ok(StartingListeners {
            listeners,
            public: public_phases,
            admin: admin_phases,
            service: Box::new(service),
        })
    }
}

/// Returns the warning of an address that other machines reach.
fn exposed(kind: ListenerKind, address: SocketAddr) -> Option<String> {
    // An IPv4 address may be written as an IPv6 one.
    let is_exposed = !address.ip().to_canonical().is_loopback();
    is_exposed.then(|| {
        format!(
            "the {kind} listener, {address}, is not on a loopback address, and the server does not \
             check who calls: keep other machines out by a firewall"
        )
    })
}

impl<S> StartingListeners<S> {
    /// Returns the address of the admin listener.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.listeners.admin_addr
    }

    /// Answers with the services and pages of the server from now on.
    pub fn serve(self, services: Services) -> Listeners {
        let Services {
            public,
            admin,
            pages,
        } = services;
        let public = (self.service)(ListenerKind::Public, public, None);
        let admin = (self.service)(ListenerKind::Admin, admin, Some(pages));
        // Each is set once, here.
        let _ = self.public.started.set(public);
        let _ = self.admin.started.set(admin);
        self.listeners
    }
}

/// A service that answers every request of a listener.
pub trait Answers:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The service of a listener while the server starts, and the one from then on.
struct Phases<S> {
    starting: S,
    started: OnceLock<S>,
}

impl<S> Phases<S> {
    fn new(starting: S) -> Arc<Self> {
        Arc::new(Self {
            starting,
            started: OnceLock::new(),
        })
    }
}

/// A service that answers each request with the one of the phase.
struct InPhases<S>(Arc<Phases<S>>);

impl<S> Clone for InPhases<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Answers> Service<Request<Body>> for InPhases<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Oneshot<S, Request<Body>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Phases { starting, started } = &*self.0;
        started.get().unwrap_or(starting).clone().oneshot(request)
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
) -> impl Answers + use<T> {
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
    /// listeners' token must be cancelled before. The admin listener goes on answering its pages,
    /// without the server's services, until [`close`](Self::close).
    ///
    /// # Errors
    /// If a listener panicked.
    pub async fn drain(&mut self, timeout: Duration) -> Result<(), ListenerPanicked> {
        let both = async { tokio::join!(&mut self.public, &mut self.admin) };
        match tokio::time::timeout(timeout, both).await {
            Ok((public, admin)) => public.and(admin).map_err(|_| ListenerPanicked),
            Err(_) => {
                let after_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(after_ms, "cut off what was still being answered");
                self.public.abort();
                self.admin.abort();
                Ok(())
            }
        }
    }

    /// Closes the admin listener.
    pub async fn close(mut self) {
        self.probes.abort();
        // Fails because it was aborted.
        let _ = (&mut self.probes).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_other_machines_reach_are_warned_of() {
        let check = |address: &str, is_exposed: bool| {
            let warning = exposed(ListenerKind::Admin, address.parse().unwrap());
            let begins = format!("the admin listener, {address}, is not on a loopback address");
            assert_eq!(warning.is_some(), is_exposed, "{address}");
            assert!(warning.is_none_or(|warning| warning.starts_with(&begins)));
        };
        check("127.0.0.1:50052", false);
        check("127.8.9.1:1", false);
        check("[::1]:1", false);
        check("[::ffff:127.0.0.1]:1", false);
        check("0.0.0.0:1", true);
        check("10.0.0.7:50052", true);
        check("[::]:1", true);
        check("[fe80::1]:1", true);
        check("[::ffff:10.0.0.7]:1", true);
    }
}
