//! Who stands how close to whom: the member graph of one site in memory, and the questions asked of it.
//!
//! # Two arrays
//!
//! The graph is held in compressed sparse rows. Members have a dense number each, the node index. `offsets[u]` is where the
//! neighbours of node `u` start in `targets`, and `offsets[u + 1]` where they end:
//!
//! ```text
//!    0 --- 1 --- 3        node      0     1       2     3
//!     \   /               offsets   0     2       5     7    8
//!       2                 targets   1 2   0 2 3   0 1   1
//! ```
//!
//! A connection stands in both members' rows: 8 bytes. The arrays are a file, mapped and never written: the [`Base`].
//!
//! # What changed since
//!
//! Changes come in windows from a log, and each window has a number, the [`Scn`]. They go into chains beside the base, each
//! entry stamped with its SCN. Base, chains and the last SCN that readers may see are a [`Version`]. One [`Writer`] appends; a
//! reader takes a [`Graph`], the version at one SCN, and skips what is newer. Readers take no lock, and every answer is exact as
//! of the SCN that it states.
//!
//! Changes are folded into a new base now and then: [`Fold`] writes one, and the writer goes over to it between two windows. The
//! [`Current`] version is then another one; whoever holds the one before keeps it.
//!
//! # Questions
//!
//! A [`View`] holds a viewer's 1st and 2nd degree. It costs one visit to each edge of the viewer's connections (some thousands),
//! and then a whole page of questions is look-ups:
//!
//! ```
//! use std::sync::Arc;
//! use cloud_engine::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let member = |id| MemberId::new(id).ok_or("0 is no member");
//! let (ann, ben, cleo, dan) = (member(10)?, member(20)?, member(30)?, member(40)?);
//! let since = ConnectionTime::from_millis(1_215_000_000_000);
//! let base = Base::from_edges(&[ann, ben, cleo, dan], &[(ann, ben, since), (ben, cleo, since)])?;
//!
//! let mut writer = Writer::new(Arc::new(base), Scn::BEGINNING);
//! let version = writer.version().clone();
//! let before = version.graph();
//! writer.apply(Scn::new(1), &[GraphChange::ConnectionAdded { member: cleo, other: dan, time: since }])?;
//!
//! let graph = version.graph();
//! let nodes: Vec<NodeIndex> = [ann, ben, cleo, dan].iter().filter_map(|&member| graph.node(member)).collect();
//! let mut budget = Budget::unlimited();
//! let view = View::build(&graph, nodes[0], &mut Scratch::new(), &mut budget)?;
//! let mut asked = view.whole(&graph);
//! let page = degrees(&mut asked, &nodes, &mut budget)?;
//! assert_eq!(page, [Degree::Itself, Degree::First, Degree::Second, Degree::Third]);
//! assert_eq!(shortest_path(&mut asked, nodes[3], &mut budget)?, [ann, ben, cleo, dan]);
//! assert_eq!(shared_connections(&graph, nodes[0], nodes[2], &mut budget)?, [ben]);
//!
//! // The graph from before is as it was; and the view holds there too, since nothing near Ann has changed.
//! assert!(!before.connected(nodes[2], nodes[3]));
//! assert!(view.holds_for(&before));
//! # Ok(())
//! # }
//! ```
//!
//! | question | call | visits |
//! |---|---|---|
//! | a viewer's 1st and 2nd degree | [`View::build`] | the edges of the viewer's connections |
//! | a page's degrees | [`degrees`] | the edges of the targets further than 2nd |
//! | the same, from a view of another SCN | [`View::at`], [`degrees`] | the same, and the entries between the two SCNs |
//! | the same, for a hub | [`degrees_from_targets`] | the edges of the targets' connections |
//! | whom both know | [`shared_connections`], [`shared_page`] | the edges of both |
//! | through whom | [`shortest_path`] | the edges of both, and of one between |
//! | in how many ways, and which | [`shortest_paths`] | the edges around both, level by level, until they meet |
//! | how large the network is | [`network_sizes`] | nothing; for the 3rd degree the edges of the 2nd |
//! | who is in it | [`network_members`] | the members at the degree; for the 3rd the edges of the 2nd |
//! | whom the viewer may know | [`suggest_connections`] | the edges of the viewer's connections |
//! | a member's list | [`connections_by`] | the member's edges, and their times on disk |
//!
//! Each takes a [`Budget`] of edges, and is refused when it would go over it, never cut short in silence.
//!
//! # What is not here
//!
//! No wire format, no log, no clock, no threads and no global state: who calls brings them. Names and words about members are
//! the search crate's. Nothing here is locked, so nothing here waits.
//!
//! # Sources
//!
//! Compressed sparse rows are the form of the Graph 500 and GAP benchmarks (Beamer, Asanović, Patterson: "The GAP Benchmark
//! Suite", 2015). Multi-version chains read by timestamp: Bernstein and Goodman, "Multiversion Concurrency Control", 1983;
//! beside a CSR base: Zhu et al., "LiveGraph", VLDB 2020. Compressed sets: Lemire et al., "Roaring Bitmaps", 2018.

mod base;
mod files;
mod graph;
mod neighbours;
mod node_index;
mod overlay;
mod questions;
mod sets;
mod timed_neighbours;
mod visit;

pub use base::base_graph::{Base, BaseBytes};
pub use base::csr::{Csr, GraphContent};
pub use base::digest::{ContentDigest, ContentHasher, LineageHasher};
pub use base::graph_arrays::GraphArrays;
pub use base::graph_file::GRAPH_NAME;
pub use base::graph_writer::{GraphWriter, UnsealedGraph, write_graph};
pub use base::times_file::TIMES_NAME;
pub use files::content_error::ContentError;
pub use files::file_error::FileError;
pub use files::manifest::{
    MANIFEST_NAME, Manifest, ManifestFile, StandsAt, newest_snapshots, snapshot_name,
};
pub use graph::Graph;
pub use neighbours::Neighbours;
pub use node_index::NodeIndex;
pub use overlay::change::{Applied, Created, GraphChange};
pub use overlay::current::Current;
pub use overlay::fold::{Fold, Folded};
pub use overlay::recovery::{Recovered, read_overlay, remove_overlays};
pub use overlay::version::{OverlayStats, Version};
pub use overlay::writer::{ApplyError, Writer};
pub use questions::budget::{Budget, EDGES_BETWEEN_CHECKS, Stopped};
pub use questions::connections::{
    ConnectionOrder, ConnectionsError, ConnectionsPage, ListedConnection, connections_by,
};
pub use questions::degrees::{Degree, degree, degrees, degrees_from_targets};
pub use questions::members_page::MembersPage;
pub use questions::network::{NetworkDegree, network_members};
pub use questions::path::shortest_path;
pub use questions::paths::{PathsQuestion, ShortestPaths, shortest_paths};
pub use questions::shared::{shared_connections, shared_cost, shared_page};
pub use questions::sizes::{Sizes, network_sizes};
pub use questions::suggest::{Suggestion, suggest_connections};
pub use questions::third::third_cost;
pub use questions::view::View;
pub use questions::view_at::ViewAt;
pub use sets::node_set::{NodeSet, Nodes};
pub use sets::scratch::Scratch;
pub use timed_neighbours::Connection;
pub use visit::{AllEdges, Edge, Edges, Visited};
