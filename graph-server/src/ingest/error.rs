//! Why the server, or a part of it, no longer follows the log.

use crate::log_source::LogSourceError;
use cloud_engine::ApplyError;
use cloud_serving::process::Panicked;

/// Why the log is no longer followed. Answers remain correct as of their SCN, which no longer
/// advances.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The log cannot be read further.
    #[error(transparent)]
    LogSource(#[from] LogSourceError),
    /// A window does not fit the graph.
    #[error("the graph cannot follow the log: {0}")]
    Graph(#[from] ApplyError),
    /// A window does not fit the profiles, or they cannot be written.
    #[error("profiles and search cannot follow the log: {0}")]
    Profiles(#[from] cloud_search::ApplyError),
    /// A library panicked while profiles or search were written.
    #[error("profiles and search: {0}")]
    ProfilesPanicked(#[from] Panicked),
    /// The thread that commits profiles has ended.
    #[error("profiles and search have stopped")]
    ProfilesStopped,
}
