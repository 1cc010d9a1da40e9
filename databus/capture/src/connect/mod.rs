//! Connections to the core database: its address, the password, the settings of a session.
//!
//! Imports from no other folder of the crate.

mod database;
mod error;
pub(crate) mod names;
mod password;
mod tls;

pub use database::{Database, Session};
pub use error::ConnectError;
pub use names::{DEFAULT_PUBLICATION, DEFAULT_SLOT, DEFAULT_STATE, publication_name, slot_name};
