//! How far a source has come.

use crate::Scn;
use serde::{Deserialize, Serialize};

/// The last offset of a source that was applied, and the window that it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceMark {
    /// The source.
    pub source_id: String,
    /// Where the window stood in it.
    pub offset: u64,
    /// Where the window stands in the log.
    pub scn: Scn,
}
