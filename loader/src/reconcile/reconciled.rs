//! The result of a reconciliation, as it is printed.

use std::fmt;
use std::path::PathBuf;

use cloud_model::Scn;

use crate::{KeptSlot, Rejected};

/// The numbers of changes that were published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DifferenceCounts {
    /// Members that were removed, with their positions and connections.
    pub members_removed: u64,
    /// Members that were added.
    pub members_added: u64,
    /// Members whose own fields changed.
    pub members_changed: u64,
    /// Positions that were removed from members that stay.
    pub positions_removed: u64,
    /// Positions that were added or changed.
    pub positions_stated: u64,
    /// Connections that were removed between members that stay.
    pub connections_removed: u64,
    /// Connections that were added, or got another time.
    pub connections_stated: u64,
}

/// A site that has what its core database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// The numbers of changes.
    pub counts: DifferenceCounts,
    /// The log's head before.
    pub from: Scn,
    /// The SCN of the window from which capture goes on.
    pub to: Scn,
    /// The slot, which keeps the changes from there on.
    pub slot: KeptSlot,
    /// The folder with the state for capture.
    pub state: PathBuf,
    /// The bad rows that were skipped, if `on_error` allows it and there are any.
    pub rejected: Option<Rejected>,
}

impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(
            f,
            "members      {} removed, {} added, {} changed",
            counts.members_removed, counts.members_added, counts.members_changed
        )?;
        writeln!(
            f,
            "positions    {} removed, {} added or changed",
            counts.positions_removed, counts.positions_stated
        )?;
        writeln!(
            f,
            "connections  {} removed, {} added or with another time",
            counts.connections_removed, counts.connections_stated
        )?;
        writeln!(f, "log          SCN {} to {}", self.from, self.to)?;
        writeln!(
            f,
            "slot         {} keeps the changes after {}",
            self.slot.name, self.slot.lsn
        )?;
        writeln!(f, "state        {}", self.state.display())?;
        if let Some(Rejected { rows, list }) = &self.rejected {
            writeln!(f, "rejected     {rows} rows: {}", list.display())?;
        }
        writeln!(
            f,
            "next         start capture with this state; a server with --core-database whose state \
             it is goes on by itself"
        )
    }
}
