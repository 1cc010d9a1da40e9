//! Applies windows to the graph.

use crate::{
    compaction::{Compaction, SharedWriter, lock},
    ingest::{
        applier::{Applier, FollowedWindow},
        changes::graph_changes,
        error::IngestError,
        progress::{Part, Progress},
    },
};
use cloud_model::SourceMark;
use std::sync::Arc;

/// The graph's applier: applies each window to the writer's overlay.
pub(crate) struct GraphApplier {
    pub(crate) writer: SharedWriter,
    pub(crate) compaction: Arc<Compaction>,
    pub(crate) progress: Arc<Progress>,
}

impl Applier for GraphApplier {
    fn part(&self) -> Part {
        Part::Graph
    }

    fn apply(&mut self, followed: &mut FollowedWindow) -> Result<(), IngestError> {
        let scn = followed.point.scn;
        let mut writer = lock(&self.writer);
        if scn <= writer.version().published() {
            return Ok(());
        }
        let changes = if followed.is_repeat {
            Vec::new()
        } else {
            graph_changes(&followed.window)
        };
        let created = if changes.is_empty() {
            writer.publish(scn)?;
            Vec::new()
        } else {
            let applied = writer.apply(scn, &changes)?;
            self.progress.passed_over(applied.not_existing);
            applied.created
        };
        self.compaction.overlay_is_of(&writer);
        // Done while the writer is locked: a compaction reads the graph and the marks of one SCN.
        self.progress.graph_reached(scn, mark(followed));
        followed.created = Some(created.iter().map(|created| created.member).collect());
        Ok(())
    }
}

/// Returns the source's offset that the window carries; `None` if it has no source or no offset, or
/// repeats an earlier one.
fn mark(followed: &FollowedWindow) -> Option<SourceMark> {
    let window = &followed.window;
    let states_offset = !window.source_id.is_empty() && window.source_offset > 0;
    (!followed.is_repeat && states_offset).then(|| SourceMark {
        source_id: window.source_id.clone(),
        offset: window.source_offset,
        scn: followed.point.scn,
    })
}
