//! Why the server, or a part of it, no longer follows the log.

use crate::log_source::LogSourceError;
use cloud_engine::ApplyError;

/// The log is not followed any more. What is answered stays right, and grows old.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The log cannot be read on.
    #[error(transparent)]
    LogSource(#[from] LogSourceError),
    /// A window does not fit the graph.
    #[error("the graph cannot follow the log: {0}")]
    Graph(#[from] ApplyError),
    /// A window does not fit the profiles, or they cannot be written.
    #[error("profiles and search cannot follow the log: {0}")]
    Profiles(#[from] cloud_search::ApplyError),
    /// The thread that commits profiles has ended.
    #[error("profiles and search have stopped")]
    ProfilesStopped,
}
