//! The state of capture between two runs, from the bootstrap on: the mapping, and
//! the tables as the catalogue had them.
//!
//! Imports from `connect` and `mapping`.

mod error;
mod state_folder;
mod tables_state;

pub use error::StateError;
pub use state_folder::{State, StateFolder};
pub(crate) use tables_state::{TableState, TablesState};
