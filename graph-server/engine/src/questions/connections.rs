//! "Here is a member, list the connections": with their times, newest first or by id, a page at a time.

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
