//! The site's graph in this process, from the same snapshot that the servers use.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cloud_engine::{Base, Graph, Manifest, NodeIndex, ResidentCopy, Writer, newest_snapshots};
use cloud_model::MemberId;

use crate::{data::Data, outcome::Outcome};

/// An open snapshot.
#[derive(Debug)]
pub struct Site {
    snapshot: PathBuf,
    manifest: Manifest,
    base: Arc<Base>,
    graph: Graph,
}

impl Site {
    /// Opens the snapshot of the site, and builds it first if it does not exist. Reads the graph
    /// from its file's map, or from a copy in memory.
    pub fn open(data: &Data, is_resident: bool) -> Outcome<Self> {
        let mapped = Self::at(&data.snapshot()?)?;
        let Some(copy) = ResidentCopy::begin(&mapped.base)?.filter(|_| is_resident) else {
            return Ok(mapped);
        };
        Ok(Self::with(mapped.snapshot, mapped.manifest, copy.finish()?))
    }

    /// Opens the newest snapshot in a folder, mapped.
    pub fn at(folder: &Path) -> Outcome<Self> {
        let snapshot = newest_snapshots(folder)?.into_iter().next();
        let snapshot = snapshot.ok_or_else(|| format!("no snapshot in {}", folder.display()))?;
        let manifest = Manifest::read(&snapshot)?;
        let base = Base::open(&snapshot, &manifest)?;
        Ok(Self::with(snapshot, manifest, base))
    }

    fn with(snapshot: PathBuf, manifest: Manifest, base: Base) -> Self {
        let base = Arc::new(base);
        let graph = Writer::new(base.clone(), manifest.scn).version().graph();
        Self {
            snapshot,
            manifest,
            base,
            graph,
        }
    }

    /// Returns the folder of the opened snapshot.
    pub fn snapshot(&self) -> &Path {
        &self.snapshot
    }

    /// Returns the manifest of the snapshot.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Creates a writer above the base.
    pub fn writer(&self) -> Writer {
        Writer::new(self.base.clone(), self.manifest.scn)
    }

    /// Returns the graph of the snapshot.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Returns the ids of all members, by node.
    pub fn member_ids(&self) -> Arc<[u64]> {
        self.graph
            .nodes()
            .map(|node| self.graph.member(node).get())
            .collect()
    }

    /// Returns the member with most connections.
    pub fn largest_hub(&self) -> Outcome<(NodeIndex, MemberId)> {
        let hub = self
            .graph
            .nodes()
            .max_by_key(|&node| self.graph.degree_of_node(node));
        let hub = hub.ok_or("the site has no members")?;
        Ok((hub, self.graph.member(hub)))
    }
}
