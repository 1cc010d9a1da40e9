//! Why arrays are no graph: lengths, orders and ids that contradict each other.

use cloud_model::MemberId;

/// The arrays are no graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// More nodes than a node index of 32 bits can name (the last index is kept free).
    #[error("{nodes} members are more than 32-bit node indexes can name")]
    TooManyNodes {
        /// How many there are.
        nodes: usize,
    },
    /// An array has the wrong length.
    #[error("{section} has {found} numbers, not {expected}")]
    WrongCount {
        /// The array.
        section: &'static str,
        /// What it should have.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// A member id is 0, or not above the one before it.
    #[error("member id {id} of node {node} is 0 or not above the one before")]
    MemberIdsNotAscending {
        /// The node.
        node: usize,
        /// Its member id.
        id: u64,
    },
    /// The list of nodes by member id names a node that is not there, or whose id is 0 or not above that of the one before it.
    #[error("nodes by id: number {rank} is node {node}, which is not there or not next by id")]
    NodesByIdNotAscending {
        /// Where it stands in the list.
        rank: usize,
        /// What stands there.
        node: u32,
    },
    /// An offset is below the one before it, or the first is not 0, or one is beyond the targets.
    #[error("offset {offset} of node {node} is out of order")]
    OffsetsNotAscending {
        /// The node.
        node: usize,
        /// Its offset.
        offset: u64,
    },
    /// A row is not ascending, names a node that is not there, or its own node.
    #[error("the neighbours of node {node} are not ascending nodes other than itself")]
    WrongRow {
        /// The node.
        node: usize,
    },
    /// The list of nodes without a member is not ascending, or names one that is not there or that has neighbours.
    #[error(
        "nodes without a member: number {rank} is node {node}, which is not there, not next or has neighbours"
    )]
    WrongAbsent {
        /// Where it stands in the list.
        rank: usize,
        /// What stands there.
        node: u32,
    },
    /// An edge names a member that is not in the list of members.
    #[error("member {id} of a connection is not in the list of members")]
    UnknownMember {
        /// The member.
        id: MemberId,
    },
}
