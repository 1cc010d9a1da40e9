//! Connections to the core database: its address, the password, the settings of a session.
//!
//! Imports nothing from the other folders.

mod database;
mod error;
mod password;
mod tls;

pub use database::{Database, Session};
pub use error::ConnectError;
