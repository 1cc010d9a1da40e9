//! The calls of `databus.v1` on a log that the process owns: in a relay, or in a graph server with
//! an embedded log.
//!
//! | noun | file | what |
//! |---|---|---|
//! | log server | `log_server.rs` | a log that is served over the wire, with the permits and counters of its calls |
//! | publish, subscribe, log status | a file each | the calls |
//! | log metrics, sent SCNs | a file each | what an operator sees of the log and its streams |
//! | window room | `window_room.rs` | the bytes of published windows that are on their way |
//! | kinds | `kinds.rs` | a window's parts with only the changes that a subscriber wants |
//! | refusals | `refusals.rs` | the error responses of a log, and those for its own errors |
//!
//! Imports from `log` and the top of the crate.

mod kinds;
mod log_metrics;
mod log_server;
mod log_status;
mod publish;
mod refusals;
mod sent_scns;
mod services;
mod subscribe;
mod window_room;

pub use log_metrics::write_log_metrics;
pub use log_server::LogServer;
pub use log_status::log_status;
pub use publish::{Answers, publish};
pub use refusals::{REASONS, not_owner, other_history, other_log};
pub use services::{DatabusRpc, PublisherRpc};
pub use subscribe::{Events, subscribe};
