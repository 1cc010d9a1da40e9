//! A row with its times: the neighbours of a node, and since when each is connected, as of one SCN.

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

/// A neighbour, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub node: NodeIndex,
    /// When the connection was made.
    pub time: ConnectionTime,
}

/// The neighbours of a node with their times, ascending by node: its row in the base, and its chain.
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
