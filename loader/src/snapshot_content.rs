//! The content of a snapshot: the members in the order of their ids, with profiles and connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloud_engine::{Base, FileError, Graph, Manifest, NodeIndex, Writer};
use cloud_model::{ConnectionTime, MemberId};
use cloud_profile::ProfileRecord;
use cloud_search::SnapshotProfiles;

use crate::inspect::snapshot_at;

/// The content of a snapshot. Its files stay open, so it can be read after they are deleted.
pub(crate) struct SnapshotContent {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) graph: Graph,
    /// The nodes of all members, in the order of their ids.
    pub(crate) nodes: Vec<NodeIndex>,
    pub(crate) profiles: SnapshotProfiles,
}

/// Why the content of a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The snapshot is damaged, or cannot be read.
    #[error(transparent)]
    Snapshot(#[from] FileError),
    /// The profiles are of another SCN than the graph, so that they are no site together.
    #[error("{0}: its profiles and search are behind its graph: use an earlier or later snapshot")]
    ProfilesBehind(PathBuf),
}

impl SnapshotContent {
    /// Opens a snapshot, or the newest one in the folder of a site.
    pub(crate) fn open(path: &Path) -> Result<Self, ContentError> {
        let path = snapshot_at(path)?;
        let manifest = Manifest::read(&path)?;
        let base = Arc::new(Base::open(&path, &manifest)?);
        let graph = Writer::new(base, manifest.scn).version().graph();
        let profiles = SnapshotProfiles::open(&path, &manifest)?;
        if manifest.profiles_scn() != manifest.scn {
            return Err(ContentError::ProfilesBehind(path));
        }
        let mut nodes: Vec<_> = graph.nodes().collect();
        nodes.sort_unstable_by_key(|node| graph.member(*node));
        Ok(Self {
            path,
            manifest,
            graph,
            nodes,
            profiles,
        })
    }

    /// Returns the profile of a node. A member without one has an empty one.
    pub(crate) fn profile(&self, node: NodeIndex) -> Result<ProfileRecord, FileError> {
        let id = self.graph.member(node).get();
        let mut record = self.profiles.profile(node, id)?.unwrap_or_default();
        record.member.get_or_insert_default().member_id = id;
        Ok(record)
    }

    /// Returns the connections of a node with members of higher ids, in the order of the ids. So
    /// each connection belongs to one node.
    pub(crate) fn connections_above(
        &self,
        node: NodeIndex,
    ) -> Result<Vec<(MemberId, ConnectionTime)>, FileError> {
        let id = self.graph.member(node);
        let connections = self.graph.connections(node)?.into_iter();
        let mut above: Vec<_> = connections
            .map(|to| (self.graph.member(to.node), to.time))
            .filter(|(other, _)| id < *other)
            .collect();
        above.sort_unstable();
        Ok(above)
    }
}
