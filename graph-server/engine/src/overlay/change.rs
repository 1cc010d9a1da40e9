//! What a change of the log says about the graph. A change states what is true, so applying it twice is applying it once.

use crate::node_index::NodeIndex;
use cloud_model::{ConnectionTime, MemberId};

/// One change of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphChange {
    /// The member exists.
    MemberAdded(MemberId),
    /// The member does not exist, and neither do the member's connections.
    MemberRemoved(MemberId),
    /// The two are connected since `time`. One that was not known, or was removed, exists from here on.
    ConnectionAdded {
        /// One end.
        member: MemberId,
        /// The other end.
        other: MemberId,
        /// When the connection was made; it replaces what was known before.
        time: ConnectionTime,
    },
    /// The two are not connected.
    ConnectionRemoved {
        /// One end.
        member: MemberId,
        /// The other end.
        other: MemberId,
    },
}

impl GraphChange {
    /// The members that it names, one or two.
    pub(crate) fn members(&self) -> impl Iterator<Item = MemberId> + use<> {
        let (one, other) = match *self {
            Self::MemberAdded(member) | Self::MemberRemoved(member) => (member, None),
            Self::ConnectionAdded { member, other, .. }
            | Self::ConnectionRemoved { member, other } => (member, Some(other)),
        };
        std::iter::once(one).chain(other)
    }
}

/// A member that did not exist before a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The member.
    pub member: MemberId,
    /// Where it stands: a new node index, or the old one of a member that comes back.
    pub node: NodeIndex,
    /// Whether a connection brought it in, so that nothing but the id is known of it.
    pub by_connection: bool,
}

/// What a window did to who exists, in the window's order. One that was removed and came back is in both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Members that exist now.
    pub created: Vec<Created>,
    /// Members that were removed.
    pub removed: Vec<(MemberId, NodeIndex)>,
    /// Connections of a member with itself: they mean nothing and are left out.
    pub ignored: u64,
}
