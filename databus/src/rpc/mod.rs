//! The calls of `databus.v1` on the log that the process owns: the graph server with an embedded log, and the relay.
//!
//! | noun | file | what |
//! |---|---|---|
//! | log server | `log_server.rs` | a log, and the places for those who read and write it over the wire |
//! | publish, subscribe, log status | a file each | the calls |
//! | kinds | `kinds.rs` | a window's parts with only the changes that a subscriber wants |
//! | failure | `failure.rs` | what the log answers when it cannot, as refusals |
//!
//! Imports from `log` and the top of the crate.

mod failure;
mod kinds;
mod log_server;
mod log_status;
mod publish;
mod services;
mod subscribe;

pub use log_server::LogServer;
pub use log_status::log_status;
pub use publish::{Answers, publish};
pub use services::{DatabusRpc, PublisherRpc};
pub use subscribe::{Events, subscribe};
