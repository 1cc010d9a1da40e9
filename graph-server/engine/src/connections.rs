//! "Here is a member, list the connections": with their times, newest first or by id, a page at a time.

use std::cmp::Reverse;

use crate::budget::{Budget, Stopped};
use crate::file_error::FileError;
use crate::graph::Graph;
use crate::ids::{ConnectionTime, MemberId, NodeIndex, Scn};
use crate::smallest::Smallest;
use crate::summary::{LastWord, LastWords};
use crate::version::Version;

/// A neighbour, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub node: NodeIndex,
    /// When the connection was made.
    pub time: ConnectionTime,
}

/// How a member's connections are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionOrder {
    /// Newest first; of one time, and of unknown time (which come last), by id.
    Recent,
    /// By id.
    Id,
}

/// One line of the list, which is also where a next page goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListedConnection {
    /// The other end.
    pub member: MemberId,
    /// When the connection was made.
    pub time: ConnectionTime,
}

/// A page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionsPage {
    /// In order.
    pub connections: Vec<ListedConnection>,
    /// How many there are on all pages.
    pub total: u64,
    /// Whether there are more after this page.
    pub more: bool,
}

/// The list cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionsError {
    /// Over the request's budget.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The times cannot be read, or are damaged.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The member's connections in `order`, those behind `after`, at most `limit`. O(d + limit log limit); the times of all are
/// read.
pub fn connections_by(
    graph: &Graph,
    node: NodeIndex,
    order: ConnectionOrder,
    after: Option<ListedConnection>,
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<ConnectionsPage, ConnectionsError> {
    budget.spend(graph.neighbours(node).count_max())?;
    let connections = graph.connections(node)?;
    let total = connections.len() as u64;
    let listed = |connection: Connection| ListedConnection {
        member: graph.member(connection.node),
        time: connection.time,
    };
    let after = after.map(|after| order.key(&after));
    let mut page = Smallest::new(limit);
    for listed in connections.into_iter().map(listed) {
        let key = order.key(&listed);
        if after.is_none_or(|after| key > after) {
            page.push((key, listed.time));
        }
    }
    let (page, more) = page.finish();
    let listed = |((_, member), time)| ListedConnection { member, time };
    Ok(ConnectionsPage {
        connections: page.into_iter().map(listed).collect(),
        total,
        more,
    })
}

impl ConnectionOrder {
    fn key(self, listed: &ListedConnection) -> (Reverse<ConnectionTime>, MemberId) {
        match self {
            // The unknown time is the smallest, and so comes last.
            Self::Recent => (Reverse(listed.time), listed.member),
            Self::Id => (Reverse(ConnectionTime::UNKNOWN), listed.member),
        }
    }
}

/// The neighbours of a node with their times, ascending by node.
pub(crate) fn connections_at(
    version: &Version,
    node: NodeIndex,
    scn: Scn,
) -> Result<Vec<Connection>, FileError> {
    let LastWords { words, base_counts } = LastWords::of(node, version.overlay.chain(node, scn));
    let of_base: Vec<Connection> = if base_counts {
        let times = version.base.row_times(node)?;
        let row = version.base.row(node).iter().zip(times);
        row.map(|(&node, time)| Connection {
            node: NodeIndex::new(node),
            time: ConnectionTime::from_millis(time),
        })
        .collect()
    } else {
        Vec::new()
    };
    if words.is_empty() {
        return Ok(of_base);
    }
    let mut merged = Vec::with_capacity(of_base.len() + words.len());
    merge(of_base, &words, |connection| merged.push(connection));
    Ok(merged)
}

/// Calls `visit` with the connections after the changes, ascending as both are.
pub(crate) fn merge(
    of_base: impl IntoIterator<Item = Connection>,
    changes: &[LastWord],
    mut visit: impl FnMut(Connection),
) {
    let mut of_base = of_base.into_iter().peekable();
    for change in changes {
        while let Some(connection) =
            of_base.next_if(|connection| connection.node.get() < change.neighbour)
        {
            visit(connection);
        }
        of_base.next_if(|connection| connection.node.get() == change.neighbour);
        if change.stamp.is_added() {
            visit(Connection {
                node: NodeIndex::new(change.neighbour),
                time: change.stamp.time(),
            });
        }
    }
    of_base.for_each(visit);
}
