//! `databus capture postgres`: suggests a mapping, checks it, prepares the database, and streams.
//!
//! Imports from `catalogue`, `check`, `connect`, `mapping` and `suggest`.

mod capture;

pub use capture::{Capture, CaptureError, Mode, Postgres, Source};
