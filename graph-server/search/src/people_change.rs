//! What the log says about members and positions, with nodes in the place of member ids where a profile is looked up.

use cloud_engine::NodeIndex;
use cloud_model::MemberId;
use cloud_profile::{Mask, PositionId};
use cloud_proto::databus::v1::{Member, Position};

/// A change of one member's profile.
#[derive(Clone, Debug, PartialEq)]
pub enum PeopleChange {
    /// The member exists, and the fields that the mask names have these values.
    MemberUpserted {
        /// The member's node.
        node: NodeIndex,
        /// The member, who is also the one in `values`.
        member_id: MemberId,
        /// The values.
        values: Member,
        /// The fields that are stated.
        fields: Mask<Member>,
    },
    /// A connection names the member: one who did not exist does now, with nothing known but the id. Cheap for a member who
    /// exists, so that it may be sent for both ends of every connection.
    MemberCreated {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
    },
    /// The member does not exist.
    MemberRemoved {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
    },
    /// The member has this position. Nothing, when the member does not exist.
    PositionUpserted {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
        /// With the position's id.
        position: Position,
        /// The fields that are stated.
        fields: Mask<Position>,
    },
    /// The member does not have this position.
    PositionRemoved {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
        /// The position.
        position_id: PositionId,
    },
}

impl PeopleChange {
    /// Whose profile changes.
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

    /// The member at that node.
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
