//! The changes of profiles in a log: of members and positions, with the nodes by which profiles are
//! found.

use cloud_engine::NodeIndex;
use cloud_model::MemberId;
use cloud_profile::{Mask, PositionId};
use cloud_proto::databus::v1::{Member, Position};

/// A change of one member's profile.
#[derive(Clone, Debug, PartialEq)]
pub enum ProfileChange {
    /// The member exists, and the fields named by the mask have these values.
    MemberUpserted {
        /// The member's node.
        node: NodeIndex,
        /// The member, who is also the one in `values`.
        member_id: MemberId,
        /// The values.
        values: Box<Member>,
        /// The fields that are stated.
        fields: Mask<Member>,
        /// Whether the change creates no member.
        existing_only: bool,
    },
    /// A connection or a position implies the member. A member who did not exist is created, with
    /// nothing known but the id. This costs little for a member who exists, so that it may be sent
    /// for both ends of every connection.
    MemberCreated {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
    },
    /// The member no longer exists.
    MemberRemoved {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
    },
    /// The member has this position. Has no effect if the member does not exist.
    PositionUpserted {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
        /// The values, with the position's id.
        position: Box<Position>,
        /// The fields that are stated.
        fields: Mask<Position>,
    },
    /// The member no longer has this position.
    PositionRemoved {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
        /// The position.
        position_id: PositionId,
    },
}

impl ProfileChange {
    /// Returns the node of the member whose profile changes.
    #[must_use]
    pub fn node(&self) -> NodeIndex {
        match self {
            Self::MemberUpserted { node, .. }
            | Self::MemberCreated { node, .. }
            | Self::MemberRemoved { node, .. }
            | Self::PositionUpserted { node, .. }
            | Self::PositionRemoved { node, .. } => *node,
        }
    }

    /// Returns the id of that member.
    pub(crate) fn member_id(&self) -> MemberId {
        match self {
            Self::MemberUpserted { member_id, .. }
            | Self::MemberCreated { member_id, .. }
            | Self::MemberRemoved { member_id, .. }
            | Self::PositionUpserted { member_id, .. }
            | Self::PositionRemoved { member_id, .. } => *member_id,
        }
    }
}
