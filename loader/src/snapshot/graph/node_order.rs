//! How the nodes of a snapshot are numbered: by `member_table.rs`, or by `community_order.rs`.

use clap::ValueEnum;

/// The order of the nodes. No answer depends on it: only how fast it is found, and how large files and views are.
///
/// By id is the default: it takes half the time to build, and a search over the wire is mostly the wire. In communities a search of
/// one term in the engine takes a third less (2 million members), a view a tenth less at the median and as much at p99, and the hot
/// part of the snapshot is 7 % larger (22 million members). (Bench: group `order`.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum NodeOrder {
    /// By member id. Ids without gaps are found by arithmetic.
    #[default]
    Id,
    /// Members who know each other near each other. 4 bytes more a member, for finding ids.
    Community,
}
