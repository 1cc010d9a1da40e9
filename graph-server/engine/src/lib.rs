//! The member graph of one site in memory, and the queries that it answers: degrees, shared
//! connections, paths.
//!
//! # Two arrays
//!
//! The graph is held in compressed sparse rows. Each member has a dense number, the node index.
//! `offsets[u]` is where the neighbours of node `u` start in `targets`, and `offsets[u + 1]` is
//! where they end:
//!
//! ```text
//!    0 --- 1 --- 3        node      0     1       2     3
//!     \   /               offsets   0     2       5     7    8
//!       2                 targets   1 2   0 2 3   0 1   1
//! ```
//!
//! A connection stands in both members' rows: 8 bytes. The arrays are a file that is mapped and
//! never written: the [`Base`]. A [`ResidentCopy`] moves them into large pages of memory.
//!
//! # Changes since the base
//!
//! Changes come in windows from a log, and each window has a number, the [`Scn`]. They are appended
//! to chains beside the base, and each entry is stamped with its SCN. A [`Version`] is a base, its
//! chains and the last SCN that readers may see. One [`Writer`] appends. A reader takes a
//! [`Graph`], the version at one SCN, and skips newer entries. Readers take no lock, and every
//! answer is exact as of the SCN that it states.
//!
//! From time to time the changes are folded into a new base: [`Fold`] writes it, and the writer
//! switches to it between two windows. [`Current`] then returns the new version; readers that hold
//! the previous one keep it.
//!
//! # Questions
//!
//! A [`View`] holds a viewer's 1st and 2nd degree. It costs one visit to each edge of the viewer's
//! connections (some thousands). After that, the degree of each member of a page is a look-up:
//!
//! ```
//! use cloud_engine::*;
//! use cloud_model::{ConnectionTime, MemberId, Scn};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let member = |id| MemberId::new(id).ok_or("0 is no member");
//! let (ann, ben, cleo, dan) = (member(10)?, member(20)?, member(30)?, member(40)?);
//! let time = ConnectionTime::from_millis(1_215_000_000_000);
//! let base = Base::from_edges(&[ann, ben, cleo, dan], &[(ann, ben, time), (ben, cleo, time)])?;
//!
//! let mut writer = Writer::new(Arc::new(base), Scn::BEGINNING);
//! let version = writer.version().clone();
//! let before = version.graph();
//! let added =
//!     GraphChange::ConnectionAdded { member: cleo, other: dan, time, existing_only: false };
//! writer.apply(Scn::new(1), &[added])?;
//!
//! let graph = version.graph();
//! let members = [ann, ben, cleo, dan];
//! let nodes: Vec<NodeIndex> = members.iter().filter_map(|&member| graph.node(member)).collect();
//! let mut budget = Budget::unlimited();
//! let view = View::build(&graph, nodes[0], &mut Scratch::new(), &mut budget)?;
//! let mut now = view.whole(&graph);
//! let page = degrees(&mut now, &nodes, &mut budget)?;
//! assert_eq!(page, [Degree::Itself, Degree::First, Degree::Second, Degree::Third]);
//! assert_eq!(shortest_path(&mut now, nodes[3], &mut budget)?, [ann, ben, cleo, dan]);
//! assert_eq!(shared_connections(&graph, nodes[0], nodes[2], &mut budget)?, [ben]);
//!
//! // The earlier graph is unchanged. The view holds there too: nothing near Ann has changed.
//! assert!(!before.connected(nodes[2], nodes[3]));
//! assert!(view.holds_for(&before));
//! # Ok(())
//! # }
//! ```
//!
//! | question | call | visits |
//! |---|---|---|
//! | a viewer's 1st and 2nd degree | [`View::build`] | the edges of the viewer's connections |
//! | a page's degrees | [`degrees`] | the edges of the targets beyond 2nd |
//! | the same, at another SCN | [`View::at`], [`degrees`] | the same, and the entries between |
//! | the same, for a hub | [`degrees_from_targets`] | the edges of the targets' connections |
//! | the connections two share | [`shared_connections`], [`shared_page`] | the edges of both |
//! | one shortest path | [`shortest_path`] | the edges of both, and of one between |
//! | all shortest paths | [`shortest_paths`] | the edges around both, by level, until they meet |
//! | the network's size | [`network_sizes`] | none; for the 3rd degree the edges of the 2nd |
//! | the network's members | [`network_members`] | the page; for the 3rd the edges of the 2nd |
//! | suggested members | [`suggest_connections`] | the edges of the viewer's connections |
//! | a member's connections | [`connections_by`] | the page; for the newest all, with their times |
//! | the edges among some members | [`subgraph`] | of each pair, the edges of the smaller one |
//!
//! Each call takes a [`Budget`] of edges. A call that would exceed it returns an error; no answer
//! is truncated silently.
//!
//! # Outside this crate
//!
//! The crate has no wire format, log, clock or threads: the caller brings them. Its only global
//! state is the table of the process's large maps, by which memory is attributed
//! ([`large_maps`]). Names and texts of members belong to the search crate. Nothing takes a lock,
//! so nothing waits, except that an array of 2 MiB or more is entered into that table.
//!
//! [`Scn`]: cloud_model::Scn
//!
//! # Sources
//!
//! Compressed sparse rows are the form of the Graph 500 and GAP benchmarks (Beamer, Asanović,
//! Patterson: "The GAP Benchmark Suite", 2015). Multi-version chains read by timestamp: Bernstein
//! and Goodman, "Multiversion Concurrency Control", 1983; beside a CSR base: Zhu et al.,
//! "LiveGraph", VLDB 2020. Compressed sets: Lemire et al., "Roaring Bitmaps", 2018.

mod base;
mod files;
mod graph;
mod memory;
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
pub use base::policy_file::POLICY_NAME;
pub use base::resident_copy::ResidentCopy;
pub use base::times_file::TIMES_NAME;
pub use files::content_error::ContentError;
pub use files::file_error::FileError;
pub use files::histories_file::{HISTORIES_NAME, read_histories, write_histories};
pub use files::manifest::{
    FileRole, MANIFEST_NAME, Manifest, ManifestFile, SourceOffset, StandsAt,
};
pub use files::snapshot_names::{newest_snapshots, snapshot_name};
pub use graph::Graph;
pub use memory::large_array::{LARGE_PAGE_BYTES, LargeArray, LargeMap, Purpose, large_maps};
pub use neighbours::Neighbours;
pub use node_index::NodeIndex;
pub use overlay::change::{Applied, Created, GraphChange};
pub use overlay::current::Current;
pub use overlay::fold::{Fold, Folded};
pub use overlay::policy_at::{Block, Restriction};
pub use overlay::recovery::{Recovered, read_overlay, remove_overlays};
pub use overlay::version::{OverlayStats, Version};
pub use overlay::writer::{ApplyError, Writer};
pub use questions::budget::{Budget, EDGES_BETWEEN_CHECKS, Stopped};
pub use questions::connections::{
    ConnectionOrder, ConnectionsError, ConnectionsPage, ListedConnection, connections_by,
    recent_connections,
};
pub use questions::degrees::{Degree, degree, degrees, degrees_from_targets};
pub use questions::member_list::MemberList;
pub use questions::members_page::MembersPage;
pub use questions::network::{NetworkDegree, network_members};
pub use questions::path::shortest_path;
pub use questions::paths::{PathsQuestion, ShortestPaths, shortest_paths};
pub use questions::shared::{shared_connections, shared_cost, shared_page};
pub use questions::sizes::{Sizes, network_sizes};
pub use questions::subgraph::{SubgraphConnection, subgraph};
pub use questions::suggest::{
    Suggestion, SuggestionsPage, SuggestionsQuestion, suggest_connections, suggestions_cost,
};
pub use questions::third::{third_cost, third_degree};
pub use questions::view::View;
pub use questions::view_at::ViewAt;
pub use sets::node_set::{NodeSet, Nodes};
pub use sets::scratch::Scratch;
pub use timed_neighbours::{Connection, ConnectionTimes};
pub use visit::{Edge, Edges, Visited};
