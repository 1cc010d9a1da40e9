//! The parts of every server, with or without a log: listeners, deadlines, refusals, the process.
//!
//! | noun | file | content |
//! |---|---|---|
//! | listener, transport | a file each | connections, with every limit of hyper and h2 stated |
//! | listeners | `listeners.rs` | the two listeners of every server from its start to its end, and the layers before its services |
//! | observe, metrics | a file, a folder | call counts, the log line of a slow call, the page of metrics |
//! | pages | `pages.rs` | `/metrics`, `/livez`, `/readyz` |
//! | deadline, in flight, tonic errors | a file each | the layers that every request passes |
//! | refusal, reason, status | a file each | why a request is not answered, and its form on the wire |
//! | health, routes | a file each | the services of every listener |
//! | process, log | a file, a folder | signals, panics, and the log on stderr |
//! | descriptors | `descriptors.rs` | how connections and files share them |
//! | undated | `undated.rs` | pages while the clock is before 1970 |
//! | listen address | `listen_address.rs` | an address as text |
//! | limits | `limits.rs` | every limit of the wire |
//!
//! The crate knows no log and no graph, and has no calls of its own.

mod deadline;
mod descriptors;
mod health;
mod idle;
mod in_flight;
pub mod limits;
pub mod listen_address;
mod listener;
mod listeners;
pub mod log;
pub mod metrics;
mod observe;
mod outgoing;
mod pages;
pub mod process;
pub mod reason;
mod refusal;
mod routes;
mod status;
mod tonic_errors;
mod transport;
mod undated;

pub use deadline::{Deadline, DeadlineLayer, DeadlineService};
pub use health::Health;
pub use idle::{IdleLayer, IdleService};
pub use in_flight::{InFlightLayer, InFlightService};
pub use limits::ServingLimits;
pub use listener::ListenError;
pub(crate) use listener::Listener;
pub use listeners::{
    Answers, BoundListeners, ListenerKind, ListenerPanicked, Listeners, Services, Starting,
    StartingListeners,
};
pub use observe::{ObserveLayer, ObserveService, Observed, SlowCall};
pub use pages::pages;
pub use reason::Reason;
pub use refusal::Refusal;
pub use routes::{ListenerRoutes, Served};
pub use status::DOMAIN;
pub use tonic_errors::{Detailed, TonicErrorsLayer, TonicErrorsService, refusal_of_tonic};
