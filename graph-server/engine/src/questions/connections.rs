//! Lists a member's connections with their times, newest first or by id, a page at a time.

use std::cmp::Reverse;

use crate::{
    files::file_error::FileError,
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        id_page::id_page,
        member_list::MemberList,
    },
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

/// Returns at most `limit` of the member's connections after `after`, in `order`. By id a page
/// costs the page, and the blocks of times that hold it. The newest first: O(d + limit log limit),
/// which reads the times of all connections.
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
    match order {
        ConnectionOrder::Recent => recent_page(graph, node, after, limit, budget),
        ConnectionOrder::Id => page_by_id(graph, node, after, limit, budget),
    }
}

/// Returns all of the member's connections, newest first. O(d log d). Reads the times of all
/// connections.
///
/// # Errors
/// [`ConnectionsError`] when the budget is exceeded or the times cannot be read.
pub fn recent_connections(
    graph: &Graph,
    node: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Vec<ListedConnection>, ConnectionsError> {
    budget.spend(graph.neighbours(node).count_max())?;
    let connections = graph.connections(node)?.into_iter();
    let mut listed: Vec<_> = connections
        .map(|connection| listed(graph, connection))
        .collect();
    listed.sort_unstable_by_key(recency);
    Ok(listed)
}

fn recent_page(
    graph: &Graph,
    node: NodeIndex,
    after: Option<ListedConnection>,
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<ConnectionsPage, ConnectionsError> {
    budget.spend(graph.neighbours(node).count_max())?;
    let connections = graph.connections(node)?;
    let total = connections.len() as u64;
    let after = after.map(|after| recency(&after));
    let mut page = Smallest::new(limit);
    for connection in connections {
        let key = recency(&listed(graph, connection));
        if after.is_none_or(|after| key > after) {
            page.push(key);
        }
    }
    let (page, more) = page.finish();
    let listed = |(Reverse(time), member)| ListedConnection { member, time };
    Ok(ConnectionsPage {
        connections: page.into_iter().map(listed).collect(),
        total,
        more,
    })
}

fn page_by_id(
    graph: &Graph,
    node: NodeIndex,
    after: Option<ListedConnection>,
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<ConnectionsPage, ConnectionsError> {
    let list = MemberList::connections(graph, node);
    let total = list.total(budget)?;
    let after = after.map(|after| after.member);
    let (mut page, more) = id_page(graph, &list, (after, limit), budget)?;
    page.sort_unstable_by_key(|&(_, node)| node);
    let nodes: Vec<NodeIndex> = page.iter().map(|&(_, node)| node).collect();
    let times = graph.times(node, &nodes);
    budget.spend(times.cost())?;
    let listed = |((member, _), time)| ListedConnection { member, time };
    let mut connections: Vec<_> = page.into_iter().zip(times.read()?).map(listed).collect();
    connections.sort_unstable_by_key(|listed| listed.member);
    Ok(ConnectionsPage {
        connections,
        total,
        more,
    })
}

fn listed(graph: &Graph, connection: Connection) -> ListedConnection {
    ListedConnection {
        member: graph.member(connection.node),
        time: connection.time,
    }
}

/// Returns the sort key of [`ConnectionOrder::Recent`]. The unknown time is the smallest, and so
/// comes last.
fn recency(listed: &ListedConnection) -> (Reverse<ConnectionTime>, MemberId) {
    (Reverse(listed.time), listed.member)
}
