//! The site's graph in this process: mapped from the same snapshot that the servers use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloud_engine::{Base, Graph, Manifest, NodeIndex, Writer, newest_snapshots};
use cloud_model::MemberId;

use crate::data::Data;
use crate::outcome::Outcome;

/// An open snapshot.
#[derive(Debug)]
pub struct Site {
    snapshot: PathBuf,
    manifest: Manifest,
    base: Arc<Base>,
    graph: Graph,
}

impl Site {
    /// Opens the snapshot of the site, after building it if it is not there.
    pub fn open(data: &Data) -> Outcome<Self> {
        Self::at(&data.snapshot()?)
    }

    /// Opens the newest snapshot in a folder.
    pub fn at(folder: &Path) -> Outcome<Self> {
        let snapshot = newest_snapshots(folder)?.into_iter().next();
        let snapshot = snapshot.ok_or_else(|| format!("no snapshot in {}", folder.display()))?;
        let manifest = Manifest::read(&snapshot)?;
        let base = Arc::new(Base::open(&snapshot, &manifest)?);
        let graph = Writer::new(base.clone(), manifest.scn).version().graph();
        Ok(Self {
            snapshot,
            manifest,
            base,
            graph,
        })
    }

    /// The folder of the snapshot that was opened.
    pub fn snapshot(&self) -> &Path {
        &self.snapshot
    }

    /// What the snapshot says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A writer of its own above the base.
    pub fn writer(&self) -> Writer {
        Writer::new(self.base.clone(), self.manifest.scn)
    }

    /// The graph as it is in the snapshot.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// All members' ids, by node.
    pub fn member_ids(&self) -> Arc<[u64]> {
        self.graph
            .nodes()
            .map(|node| self.graph.member(node).get())
            .collect()
    }

    /// The member with most connections.
    pub fn largest_hub(&self) -> Outcome<(NodeIndex, MemberId)> {
        let hub = self
            .graph
            .nodes()
            .max_by_key(|&node| self.graph.degree_of_node(node));
        let hub = hub.ok_or("the site has no members")?;
        Ok((hub, self.graph.member(hub)))
    }
}
