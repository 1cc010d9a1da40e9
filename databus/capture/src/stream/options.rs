//! The options of a capture.

use std::{path::PathBuf, time::Duration};

use crate::{connect::Database, mapping::Mapping};

/// The database that is captured, and the log that its changes go to.
#[derive(Debug)]
pub struct CaptureOptions {
    /// The database.
    pub database: Database,
    /// The mapping.
    pub mapping: Mapping,
    /// The replication slot.
    pub slot: String,
    /// The publication.
    pub publication: String,
    /// The admin listener of the log's owner, as `http://HOST:PORT`.
    pub log: String,
    /// The folder of the state and of the rows that are set aside.
    pub state: PathBuf,
    /// The least time between a window and an empty one that only states the position.
    pub position_every: Duration,
    /// The most rows that are set aside in a run.
    pub dead_letters_max: u64,
}
