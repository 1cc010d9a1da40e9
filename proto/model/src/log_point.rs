//! A point in a log.

use crate::{History, Scn};

/// An SCN, and the log's history up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPoint {
    /// The SCN of the last window before the point.
    pub scn: Scn,
    /// The history up to that window; `None` if it is not known: a version without histories wrote
    /// the window or stated the point.
    pub history: Option<History>,
}

impl LogPoint {
    /// Returns whether the points have one SCN and two histories, so that they are of two logs.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        let known = self.history.zip(other.history);
        self.scn == other.scn && known.is_some_and(|(here, there)| here != there)
    }
}

impl From<Scn> for LogPoint {
    /// Returns a point whose history is not known.
    fn from(scn: Scn) -> Self {
        Self { scn, history: None }
    }
}
