//! The progress of a source.

use crate::Scn;
use serde::{Deserialize, Serialize};

/// The offset of the last window of a source that was applied, and the SCN of that window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceMark {
    /// The id of the source.
    pub source_id: String,
    /// The place of the window in the source.
    pub offset: u64,
    /// The place of the window in the log.
    pub scn: Scn,
}
