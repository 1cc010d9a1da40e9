//! The options of a capture.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{connect::Database, mapping::Mapping};

/// The most rows that are set aside in a run, unless another number is given.
pub const DEAD_LETTERS_MAX: u64 = 1000;

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
    pub position_every: PositionEvery,
    /// Whether the rows of the database are copied into the log first, and the slot is made, if the
    /// log has no window of the database.
    pub copies_first: bool,
    /// Whether a state is begun where there is none, as if nothing had changed since the log's last
    /// window.
    pub begins_state: bool,
    /// The most rows that are set aside in a run.
    pub dead_letters_max: u64,
}

/// The least time between a window and an empty one, which may change while capture runs.
#[derive(Clone)]
pub struct PositionEvery(Arc<dyn Fn() -> Duration + Send + Sync>);

impl PositionEvery {
    /// Returns a time that is computed whenever it is needed: several times in a second.
    pub fn computed(time: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(time))
    }

    /// Returns the time as it is now.
    #[must_use]
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl From<Duration> for PositionEvery {
    fn from(time: Duration) -> Self {
        Self::computed(move || time)
    }
}

impl fmt::Debug for PositionEvery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.now(), formatter)
    }
}
