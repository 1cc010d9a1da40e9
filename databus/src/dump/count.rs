//! Counts the windows of a log, and their changes by kind.

use crate::{LogFiles, LoggedWindow};
use cloud_model::Scn;
use cloud_profile::Change;
use serde_json::{Map, Value, json};

/// The kinds of changes, by their names in the protos.
const KINDS: [&str; 6] = [
    "member_upserted",
    "member_removed",
    "position_upserted",
    "position_removed",
    "connection_added",
    "connection_removed",
];

/// The counts so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    windows: u64,
    changes: [u64; KINDS.len()],
    /// The SCNs of the first and the last window.
    scns: Option<(Scn, Scn)>,
}

impl Counts {
    pub(super) fn add(&mut self, LoggedWindow { scn, window, .. }: &LoggedWindow) {
        self.windows += 1;
        let (first, _) = self.scns.unwrap_or((*scn, *scn));
        self.scns = Some((first, *scn));
        let [
            members,
            removed_members,
            positions,
            removed_positions,
            added,
            removed,
        ] = &mut self.changes;
        for change in &window.changes {
            *match change {
                Change::MemberUpserted { .. } => &mut *members,
                Change::MemberRemoved { .. } => &mut *removed_members,
                Change::PositionUpserted { .. } => &mut *positions,
                Change::PositionRemoved { .. } => &mut *removed_positions,
                Change::ConnectionAdded { .. } => &mut *added,
                Change::ConnectionRemoved { .. } => &mut *removed,
            } += 1;
        }
    }

    /// Returns the counts as text for people, and as JSON.
    pub(super) fn lines(&self, files: &LogFiles) -> (String, Value) {
        let status = files.status();
        let [first, last] = self
            .scns
            .map_or([0; 2], |(first, last)| [first.get(), last.get()]);
        let (log_id, lineage) = (files.log_id(), files.origin());
        let mut text = format!("log       {log_id}\nlineage   {lineage}\n");
        text += &format!(
            "segments  {} ({} bytes), readable after SCN {}\n",
            status.segments, status.bytes, status.oldest_after_scn
        );
        text += &format!("windows   {} (SCN {first} to {last})\n", self.windows);
        let mut changes = Map::new();
        for (kind, count) in KINDS.iter().zip(self.changes) {
            text += &format!("{count:>9} {kind}\n");
            changes.insert((*kind).to_owned(), json!(count));
        }
        let json = json!({
            "log_id": log_id.to_string(),
            "lineage_id": lineage.to_string(),
            "segments": status.segments,
            "bytes": status.bytes,
            "oldest_after_scn": status.oldest_after_scn.get(),
            "windows": self.windows,
            "first_scn": first,
            "last_scn": last,
            "changes": changes,
        });
        (text, json)
    }
}
