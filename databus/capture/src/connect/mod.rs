//! Connections to the core database: its address, the password, the settings of a session.
//!
//! Imports from no other folder of the crate.

mod database;
mod error;
mod password;
mod tls;

pub use database::{Database, Session};
pub use error::ConnectError;
