//! The reasons why arrays are not a graph: lengths, orders and ids that contradict each other.

use cloud_model::MemberId;

/// The arrays are not a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// More nodes than a node index of 32 bits can name; the last index is reserved.
    #[error("{nodes} members are more than 32-bit node indexes can name")]
    TooManyNodes {
        /// The number of nodes.
        nodes: usize,
    },
    /// An array has the wrong length.
    #[error("{section} has {found} numbers, not {expected}")]
    WrongCount {
        /// The array.
        section: &'static str,
        /// The length that it should have.
        expected: u64,
        /// The length that it has.
        found: u64,
    },
    /// A member id is 0, or not above the previous one.
    #[error("member id {id} of node {node} is 0 or not above the previous one")]
    MemberIdsNotAscending {
        /// The node.
        node: usize,
        /// Its member id.
        id: u64,
    },
    /// The list of nodes by member id names a node out of range, or one whose id is 0 or not above
    /// the previous one.
    #[error(
        "nodes by id: entry {rank} is node {node}, which is out of range or not the next by id"
    )]
    NodesByIdNotAscending {
        /// Its place in the list.
        rank: usize,
        /// The node that is named there.
        node: u32,
    },
    /// An offset is below the previous one, or the first is not 0, or one is beyond the targets.
    #[error("offset {offset} of node {node} is out of order")]
    OffsetsNotAscending {
        /// The node.
        node: usize,
        /// Its offset.
        offset: u64,
    },
    /// A row does not ascend, or names a node out of range, or its own node.
    #[error("the neighbours of node {node} are not ascending nodes other than itself")]
    WrongRow {
        /// The node.
        node: usize,
    },
    /// The list of absent nodes does not ascend, or names a node that is out of range or has
    /// neighbours.
    #[error(
        "absent nodes: entry {rank} is node {node}, \
         which is out of range, out of order or has neighbours"
    )]
    WrongAbsent {
        /// Its place in the list.
        rank: usize,
        /// The node that is named there.
        node: u32,
    },
    /// An edge names a member that is not in the list of members.
    #[error("member {id} of a connection is not in the list of members")]
    UnknownMember {
        /// The member.
        id: MemberId,
    },
}
