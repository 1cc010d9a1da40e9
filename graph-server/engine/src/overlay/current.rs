//! The version that readers ask now. The writer replaces it when a new base is there; each reader takes it once for a request.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{graph::Graph, overlay::version::Version};
use cloud_model::Scn;

/// Where readers find the newest version. Cheap to clone; all clones are the same place.
///
/// **Why SCNs never go back.** The next version begins at the SCN that the one before has published last, and that one publishes
/// nothing any more. Whoever takes the version and then its SCN sees at least what anybody saw before.
#[derive(Clone)]
pub struct Current(Arc<ArcSwap<Version>>);

impl Current {
    pub(crate) fn new(version: Arc<Version>) -> Self {
        Self(Arc::new(ArcSwap::new(version)))
    }

    /// The version. To be taken once for a request, and dropped with it.
    pub fn version(&self) -> Arc<Version> {
        self.0.load_full()
    }

    /// The graph at the published SCN.
    pub fn graph(&self) -> Graph {
        self.version().graph()
    }

    /// For the one writer.
    pub(crate) fn publish(&self, version: Arc<Version>) {
        self.0.store(version);
    }

    /// The graph at an SCN: see [`Version::graph_at`].
    pub fn graph_at(&self, scn: Scn) -> Option<Graph> {
        self.version().graph_at(scn)
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Current({:?})", self.version())
    }
}
