//! The progress of a source.

use crate::Scn;
use serde::{Deserialize, Serialize};

/// The last offset of a source that was applied, and its window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceMark {
    /// The source.
    pub source_id: String,
    /// The place of the window in the source.
    pub offset: u64,
    /// The place of the window in the log.
    pub scn: Scn,
}
