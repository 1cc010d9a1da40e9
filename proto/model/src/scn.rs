//! The system change number.

use crate::number_text;
use serde::{Deserialize, Serialize};

/// System change number: where a window stands in the log. Increases along the log and may have gaps: never count or
/// add one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scn(u64);

impl Scn {
    /// Before the first window.
    pub const BEGINNING: Scn = Scn(0);

    /// The SCN with this number.
    pub const fn new(scn: u64) -> Self {
        Self(scn)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

number_text!(Scn);
