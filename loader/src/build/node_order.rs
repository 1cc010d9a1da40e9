//! How the nodes of a snapshot are numbered: by `member_table.rs`, or by `community_order.rs`.

use clap::ValueEnum;

/// The order of the nodes. No answer depends on it: only how fast it is found, and how large files and views are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum NodeOrder {
    /// By member id. Ids without gaps are found by arithmetic.
    #[default]
    Id,
    /// Members who know each other near each other. 4 bytes more a member, for finding ids.
    Community,
}
