//! A server with a core database: it builds its site from the database once, and captures the
//! database's changes into its own log from then on.
//!
//! ```text
//! core database --bootstrap--> data/site (snapshot), and a slot that keeps later changes
//!               --capture----> data/log --> graph, profiles and search
//!                              data/capture: the state of capture, and rows that were set aside
//! ```
//!
//! Imports from `config` and `ingest`.

mod bootstrap;
mod capture_thread;
mod error;

pub(crate) use bootstrap::bootstrap;
pub(crate) use capture_thread::CaptureThread;
pub use error::CoreDatabaseError;
