//! How the nodes of a snapshot are numbered: by `member_table.rs`, or by `community_order.rs`.

use clap::ValueEnum;

/// The order of the nodes. No answer depends on it: it changes how fast an answer is found, and how
/// large files and views are.
///
/// `Id` is the default: it takes half the time to build, and a search over the wire is mostly the
/// wire. With `Community`, a search of one term in the engine takes a third less (2 million
/// members). A view takes a tenth less at the median and as much at p99. The hot part of the
/// snapshot is 7 % larger (22 million members). (Bench: group `order`.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum NodeOrder {
    /// By member id: ids without gaps are found by arithmetic.
    #[default]
    Id,
    /// Connected members near each other: takes 4 bytes more per member, for finding ids.
    Community,
}
