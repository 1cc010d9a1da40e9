//! A row with its times: the neighbours of a node, each with the time of its connection, as of one
//! SCN.

use crate::{
    base::base_graph::Base,
    files::file_error::FileError,
    node_index::NodeIndex,
    overlay::{
        chains::Chain,
        summary::{LastWord, LastWords},
    },
};
use cloud_model::ConnectionTime;

/// A neighbour, and the time of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The node at the other end.
    pub node: NodeIndex,
    /// The time at which the connection was made.
    pub time: ConnectionTime,
}

/// Returns the neighbours of a node with their times, ascending by node, from its row in the base
/// and its chain.
pub(crate) fn connections_at(
    base: &Base,
    node: NodeIndex,
    chain: Chain<'_>,
) -> Result<Vec<Connection>, FileError> {
    let LastWords { words, base_counts } = LastWords::of(node, chain);
    let of_base: Vec<Connection> = if base_counts {
        let times = base.row_times(node)?;
        let row = base.row(node).iter().zip(times);
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

/// Calls `visit` with each connection that remains after the changes, in ascending order. Both
/// inputs ascend.
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
