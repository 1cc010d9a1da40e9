//! The stream of changes: from the database's log (WAL) to windows of the databus.
//!
//! ```text
//! PostgreSQL --pgoutput--> Relations --TableRows--> Transaction --Commit--> WindowWriter --> log
//!     ^                                                                          |
//!     +------------ confirmed, once the window is durable in the log <-----------+
//! ```
//!
//! One transaction of the database is one window, whose offset is the position after its commit.
//! The database keeps its log from the position that was confirmed last. A restart goes on from the
//! last offset in the databus's log, which is never below what was confirmed.
//!
//! Imports from `bootstrap`, `connect`, `mapping`, `rows` and `state`.

mod capture;
mod dead_letters;
mod ended;
mod error;
mod first_copy;
mod metrics;
mod options;
pub mod pgoutput;
mod progress;
mod relations;
mod returning;
mod session;
mod slot;
mod streaming;
mod tables;
mod timeline;
mod transaction;
mod window_writer;

pub use capture::Capture;
pub use dead_letters::DeadLetterError;
pub use error::{CaptureError, SourceGap};
pub use metrics::write_metrics;
pub use options::{CaptureOptions, DEAD_LETTERS_MAX, PositionEvery};
pub use progress::{Figures, Progress};
