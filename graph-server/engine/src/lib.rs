//! The graph engine: a compressed sparse row base, an overlay of later changes, views and traversals.

mod base;
mod budget;
mod change;
mod connections;
mod csr;
mod degrees;
mod digest;
mod file_error;
mod graph;
mod graph_file;
mod ids;
mod lazy_array;
mod manifest;
mod member_lookup;
mod memory_map;
mod neighbours;
mod new_members;
mod overlay;
mod overlay_file;
mod path;
mod scratch;
mod section_writer;
mod shared;
mod sizes;
mod times_file;
mod version;
mod view;
mod visit;
mod writer;

pub use base::{Base, BaseBytes};
pub use budget::{Budget, Stopped};
pub use change::{Applied, Created, GraphChange};
pub use connections::{
    Connection, ConnectionOrder, ConnectionsError, ConnectionsPage, ListedConnection,
    connections_by,
};
pub use csr::{ContentError, Csr, GraphContent};
pub use degrees::{Degree, degree, degrees, degrees_from_targets};
pub use digest::{ContentDigest, ContentHasher, LineageHasher};
pub use file_error::FileError;
pub use graph::Graph;
pub use graph_file::{GRAPH_NAME, write_graph};
pub use ids::{ConnectionTime, InvalidHexId, LineageId, LogId, MemberId, NodeIndex, Scn};
pub use manifest::{
    MANIFEST_NAME, Manifest, ManifestFile, SourceMark, StandsAt, newest_snapshots, snapshot_name,
};
pub use neighbours::Neighbours;
pub use overlay_file::{Recovered, read_overlay};
pub use path::shortest_path;
pub use scratch::Scratch;
pub use shared::shared_connections;
pub use sizes::{Sizes, network_sizes};
pub use times_file::TIMES_NAME;
pub use version::{OverlayStats, Version};
pub use view::View;
pub use visit::{AllEdges, Edge, Edges, Visited};
pub use writer::{ApplyError, Writer};
