//! The key that decides where the graph is read.

use serde::{Deserialize, Serialize};

/// Where the graph is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GraphMemory {
    /// In the map of the snapshot's file. Processes that map one file share its memory.
    Mapped,
    /// In a copy in memory, which the server makes while it serves.
    Resident,
    /// In a copy if it fits beside all budgets, or else in the map.
    Auto,
}
