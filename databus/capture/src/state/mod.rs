//! What is known of the database from the bootstrap on, between two runs of capture: the mapping, and
//! the tables as the catalogue had them.
//!
//! Imports from `connect` and `mapping`.

mod error;
mod state_folder;
mod tables_state;

pub use error::StateError;
pub use state_folder::{State, StateFolder};
pub(crate) use tables_state::{TableState, TablesState};
