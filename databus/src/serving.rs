//! What every server of a log is made of: the graph server, which owns a log or follows one, and the relay.
//!
//! | noun | file | what |
//! |---|---|---|
//! | log server | `log_server.rs` | a log, and the places for those who read and write it over the wire |
//! | publish, subscribe, log status | a file each | the calls of `databus.v1` |
//! | kinds | `kinds.rs` | a window's parts with only the changes that a subscriber wants |
//! | listener, transport | a file each | connections, with every limit of hyper and h2 stated |
//! | deadline, in flight, tonic errors | a file each | what every request goes through |
//! | refusal, status | a file each | why a request is not answered, and how that looks on the wire |
//! | health, routes | a file each | what stands on every listener |
//! | listeners | `listeners.rs` | how a server ends |

mod deadline;
mod failure;
mod health;
mod in_flight;
mod kinds;
mod listener;
mod listeners;
mod log_server;
mod log_status;
mod outgoing;
mod publish;
mod refusal;
mod routes;
mod services;
mod status;
mod subscribe;
mod tonic_errors;
mod transport;

pub use crate::limits::ServingLimits;
pub use deadline::{Deadline, DeadlineLayer, DeadlineService};
pub use health::Health;
pub use in_flight::{InFlightLayer, InFlightService};
pub use listener::{ListenError, Listener};
pub use listeners::{ListenerPanicked, Listeners};
pub use log_server::LogServer;
pub use log_status::log_status;
pub use publish::{Answers, publish};
pub use refusal::Refusal;
pub use routes::with_health;
pub use services::{DatabusRpc, PublisherRpc};
pub use status::info;
pub use subscribe::{Events, subscribe};
pub use tonic_errors::{Detailed, TonicErrorsLayer, TonicErrorsService};
pub use transport::{Protocols, serve};
