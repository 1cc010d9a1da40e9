//! What the log says about members and positions, with nodes in the place of member ids where a profile is looked up.

use cloud_engine::NodeIndex;
use cloud_model::MemberId;
use cloud_proto::databus::v1::{Member, Position};
use prost_types::FieldMask;

/// A change of one member's profile.
#[derive(Clone, Debug, PartialEq)]
pub enum PeopleChange {
    /// The member exists, and the fields that the mask names (absent: all) have these values.
    MemberUpserted {
        /// The member's node.
        node: NodeIndex,
        /// With the member's id.
        member: Member,
        /// Names of `Member`'s fields.
        fields: Option<FieldMask>,
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
        /// Names of `Position`'s fields.
        fields: Option<FieldMask>,
    },
    /// The member does not have this position.
    PositionRemoved {
        /// The member's node.
        node: NodeIndex,
        /// The member.
        member_id: MemberId,
        /// The position.
        position_id: u64,
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
    pub(crate) fn member_id(&self) -> u64 {
        match self {
            Self::MemberUpserted { member, .. } => member.member_id,
            Self::MemberCreated { member_id, .. }
            | Self::MemberRemoved { member_id, .. }
            | Self::PositionUpserted { member_id, .. }
            | Self::PositionRemoved { member_id, .. } => member_id.get(),
        }
    }
}
