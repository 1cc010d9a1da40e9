//! The newest version. The writer replaces it when a new base is ready; each reader loads it once
//! for a request.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{graph::Graph, overlay::version::Version};
use cloud_model::Scn;

/// The place of the newest version. It is cheap to clone, and all clones are the same place.
///
/// **Why SCNs never go back.** The next version begins at the SCN that the previous one published
/// last. The previous one publishes nothing more. A reader that loads the version and then its SCN
/// sees at least as much as any earlier reader.
#[derive(Clone)]
pub struct Current(Arc<ArcSwap<Version>>);

impl Current {
    pub(crate) fn new(version: Arc<Version>) -> Self {
        Self(Arc::new(ArcSwap::new(version)))
    }

    /// Returns the version. Load it once for a request, and drop it at the end.
    #[must_use]
    pub fn version(&self) -> Arc<Version> {
        self.0.load_full()
    }

    /// Returns the graph at the published SCN.
    #[must_use]
    pub fn graph(&self) -> Graph {
        self.version().graph()
    }

    /// Replaces the version. Only the one writer calls this.
    pub(crate) fn publish(&self, version: Arc<Version>) {
        self.0.store(version);
    }

    /// Returns the graph at an SCN, by [`Version::graph_at`].
    #[must_use]
    pub fn graph_at(&self, scn: Scn) -> Option<Graph> {
        self.version().graph_at(scn)
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Current({:?})", self.version())
    }
}
