//! The changes of the log that concern the graph and its policy. A change states a fact, so
//! applying it twice equals applying it once.

use crate::node_index::NodeIndex;
use cloud_model::{ConnectionTime, MemberId, RestrictionKind};

/// One change of the graph or of its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphChange {
    /// The member exists.
    MemberAdded(MemberId),
    /// The member and all of its connections do not exist.
    MemberRemoved(MemberId),
    /// The change is about this member only if it exists. It is then as it was; otherwise it is
    /// counted.
    MemberNamed(MemberId),
    /// The two are connected, with this time. A member that is unknown or removed exists from here
    /// on, unless `existing_only` is true: the change is then counted, and nothing else.
    ConnectionAdded {
        /// One end.
        member: MemberId,
        /// The other end.
        other: MemberId,
        /// The time at which the connection was made; it replaces any earlier value.
        time: ConnectionTime,
        /// Whether the change creates no member.
        existing_only: bool,
    },
    /// The two are not connected.
    ConnectionRemoved {
        /// One end.
        member: MemberId,
        /// The other end.
        other: MemberId,
    },
    /// The one blocks the other. This and the following hold whether the members exist or not. An
    /// id that they name gets a node, and keeps it.
    MemberBlocked {
        /// The member who blocks.
        blocker: MemberId,
        /// The member who is blocked.
        blocked: MemberId,
    },
    /// The one does not block the other.
    MemberUnblocked {
        /// The member who blocked.
        blocker: MemberId,
        /// The member who was blocked.
        blocked: MemberId,
    },
    /// A restriction of this kind stands against the member.
    MemberRestricted {
        /// The member.
        member: MemberId,
        /// The kind; it replaces an earlier restriction of the kind.
        kind: RestrictionKind,
        /// The time at which it should end, in milliseconds since 1970, of which at most 2^62 - 1
        /// count; 0 if none is stated. Only [`MemberUnrestricted`](Self::MemberUnrestricted) ends
        /// it.
        ends_at: u64,
    },
    /// No restriction of this kind stands against the member.
    MemberUnrestricted {
        /// The member.
        member: MemberId,
        /// The kind.
        kind: RestrictionKind,
    },
    /// The member's list of connections is closed.
    ConnectionListClosed(MemberId),
    /// The member's list of connections is open.
    ConnectionListOpened(MemberId),
}

impl GraphChange {
    /// Returns the one or two members that the change names.
    pub(crate) fn members(&self) -> impl Iterator<Item = MemberId> + use<> {
        let (one, other) = match *self {
            Self::MemberAdded(member)
            | Self::MemberNamed(member)
            | Self::MemberRemoved(member)
            | Self::MemberRestricted { member, .. }
            | Self::MemberUnrestricted { member, .. }
            | Self::ConnectionListClosed(member)
            | Self::ConnectionListOpened(member) => (member, None),
            Self::ConnectionAdded { member, other, .. }
            | Self::ConnectionRemoved { member, other } => (member, Some(other)),
            Self::MemberBlocked { blocker, blocked }
            | Self::MemberUnblocked { blocker, blocked } => (blocker, Some(blocked)),
        };
        std::iter::once(one).chain(other)
    }
}

/// A member that did not exist before a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The member.
    pub member: MemberId,
    /// Its place: a new node index, or the old one of a member that comes back.
    pub node: NodeIndex,
    /// Whether a connection created it, so that only its id is known.
    pub by_connection: bool,
}

/// The members that a window created and removed, in the window's order. One that was removed and
/// came back is in both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Members that exist now.
    pub created: Vec<Created>,
    /// Members that were removed.
    pub removed: Vec<(MemberId, NodeIndex)>,
    /// The number of connections and blocks of a member with itself, which are ignored.
    pub ignored: u64,
    /// The number of changes of existing members only, of which one does not exist.
    pub not_existing: u64,
}
