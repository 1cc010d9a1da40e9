//! Lists a member's connections with their times, newest first or by id, a page at a time.

use std::cmp::Reverse;

use crate::{
    files::file_error::FileError,
    graph::Graph,
    node_index::NodeIndex,
    questions::budget::{Budget, Stopped},
    sets::smallest::Smallest,
    timed_neighbours::Connection,
};
use cloud_model::{ConnectionTime, MemberId};

/// The order of a member's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionOrder {
    /// Newest first. Connections of the same time are ordered by id; those of unknown time come
    /// last, by id.
    Recent,
    /// Ascending by id.
    Id,
}

/// One connection of the list. It is also the key from which the next page continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListedConnection {
    /// The member at the other end.
    pub member: MemberId,
    /// The time at which the connection was made.
    pub time: ConnectionTime,
}

/// A page of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionsPage {
    /// The connections, in order.
    pub connections: Vec<ListedConnection>,
    /// The number of connections on all pages.
    pub total: u64,
    /// Whether more connections follow this page.
    pub more: bool,
}

/// The list cannot be returned.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionsError {
    /// The request exceeds its budget.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The times cannot be read, or are damaged.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Returns at most `limit` of the member's connections after `after`, in `order`. O(d + limit log
/// limit). Reads the times of all connections.
///
/// # Errors
/// [`ConnectionsError`] when the budget is exceeded or the times cannot be read.
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
