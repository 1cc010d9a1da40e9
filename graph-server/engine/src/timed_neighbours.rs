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

/// The times of a node's connections to some neighbours: those that the chain has, and the places
/// in the node's row of those that are read from the base.
#[derive(Debug)]
pub struct ConnectionTimes<'a> {
    base: &'a Base,
    node: NodeIndex,
    times: Vec<ConnectionTime>,
    /// The places of the times that the base has, ascending.
    places: Vec<usize>,
    /// The places of the same in `times`.
    of_base: Vec<usize>,
}

impl<'a> ConnectionTimes<'a> {
    /// Looks up the neighbours, which must ascend, in the node's chain and row.
    pub(crate) fn new(
        base: &'a Base,
        node: NodeIndex,
        chain: Chain<'_>,
        neighbours: &[NodeIndex],
    ) -> Self {
        let LastWords { words, base_counts } = LastWords::of(node, chain);
        let row = if base_counts { base.row(node) } else { &[] };
        let mut times = vec![ConnectionTime::UNKNOWN; neighbours.len()];
        let (mut places, mut of_base) = (Vec::new(), Vec::new());
        for (at, (neighbour, time)) in neighbours.iter().zip(&mut times).enumerate() {
            let neighbour = neighbour.get();
            match words.binary_search_by_key(&neighbour, |word| word.neighbour) {
                Ok(word) if words[word].stamp.is_added() => *time = words[word].stamp.time(),
                Ok(_) => {}
                Err(_) => {
                    if let Ok(place) = row.binary_search(&neighbour) {
                        places.push(place);
                        of_base.push(at);
                    }
                }
            }
        }
        Self {
            base,
            node,
            times,
            places,
            of_base,
        }
    }

    /// Returns the number of times that [`read`](Self::read) reads from the base.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.base.times_cost(self.node, &self.places)
    }

    /// Returns the times in the order of the neighbours; unknown for a node that is no neighbour.
    ///
    /// # Errors
    /// [`FileError`] when the file of times cannot be read or is damaged.
    pub fn read(mut self) -> Result<Vec<ConnectionTime>, FileError> {
        let found = self.base.times_of_places(self.node, &self.places)?;
        for (at, millis) in self.of_base.into_iter().zip(found) {
            self.times[at] = ConnectionTime::from_millis(millis);
        }
        Ok(self.times)
    }
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
