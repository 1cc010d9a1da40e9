//! A graph as compressed sparse rows: offsets and targets, with the member ids of nodes and the
//! times of connections.
//!
//! `offsets[u]..offsets[u + 1]` is where the neighbours of node `u` stand in `targets`, ascending.
//! An undirected edge stands twice, once in each end's row. `times` is aligned with `targets`, and
//! `member_ids` with the nodes.
//!
//! Nodes may be numbered in any order. Where member ids do not ascend by node, `nodes_by_id` lists
//! the nodes in ascending order of member id. Look-ups go through that list, and nothing else
//! depends on the order.

use crate::{base::id_order::IdOrder, files::content_error::ContentError};
use cloud_model::{ConnectionTime, MemberId};

/// A graph's arrays, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct GraphContent<'a> {
    /// The member id of each node: distinct and not 0.
    pub member_ids: &'a [u64],
    /// The nodes in ascending order of member id. Empty when nodes are numbered in that order.
    pub nodes_by_id: &'a [u32],
    /// The start of each node's row, and one more number for the end of the last row.
    pub offsets: &'a [u64],
    /// The rows. Each ascends, and no node is its own neighbour.
    pub targets: &'a [u32],
    /// The time of each target, in milliseconds since 1970; 0 when unknown.
    pub times: &'a [u64],
}

/// A graph's arrays, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Csr {
    /// The member id of each node, as [`GraphContent::member_ids`].
    pub member_ids: Vec<u64>,
    /// The nodes by member id, as [`GraphContent::nodes_by_id`].
    pub nodes_by_id: Vec<u32>,
    /// The starts of the rows, as [`GraphContent::offsets`].
    pub offsets: Vec<u64>,
    /// The rows, as [`GraphContent::targets`].
    pub targets: Vec<u32>,
    /// The times of the targets, as [`GraphContent::times`].
    pub times: Vec<u64>,
}

/// An offset of either width.
pub(crate) trait Offset: Copy + Send + Sync {
    fn get(self) -> u64;
}

impl Offset for u32 {
    fn get(self) -> u64 {
        u64::from(self)
    }
}

impl Offset for u64 {
    fn get(self) -> u64 {
        self
    }
}

/// Checks that the arrays are a graph, in one pass over each. Does not check that each edge stands
/// in both rows.
pub(crate) fn check_graph<O: Offset>(
    ids: IdOrder<'_>,
    offsets: &[O],
    targets: &[u32],
) -> Result<(), ContentError> {
    ids.check()?;
    let nodes = ids.member_ids().len();
    check_count("offsets", nodes as u64 + 1, offsets.len() as u64)?;
    let mut start = 0;
    for (node, offset) in offsets.iter().enumerate() {
        let end = offset.get();
        if end < start || end > targets.len() as u64 || (node == 0 && end != 0) {
            return Err(ContentError::OffsetsNotAscending { node, offset: end });
        }
        if let Some(node) = node.checked_sub(1) {
            check_row(node, nodes, &targets[start as usize..end as usize])?;
        }
        start = end;
    }
    check_count("targets", start, targets.len() as u64)
}

/// Checks that the absent nodes ascend, are in range, and have no neighbours.
pub(crate) fn check_absent<O: Offset>(offsets: &[O], absent: &[u32]) -> Result<(), ContentError> {
    let mut next = 0;
    for (rank, &node) in absent.iter().enumerate() {
        let is_bare = match offsets.get(node as usize..) {
            Some([start, end, ..]) => start.get() == end.get(),
            _ => false,
        };
        if node < next || !is_bare {
            return Err(ContentError::WrongAbsent { rank, node });
        }
        next = node + 1;
    }
    Ok(())
}

pub(crate) fn check_row(node: usize, nodes: usize, row: &[u32]) -> Result<(), ContentError> {
    let mut next = 0;
    for &target in row {
        let target = target as usize;
        if target < next || target >= nodes || target == node {
            return Err(ContentError::WrongRow { node });
        }
        next = target + 1;
    }
    Ok(())
}

pub(crate) fn check_count(
    section: &'static str,
    expected: u64,
    found: u64,
) -> Result<(), ContentError> {
    if found == expected {
        return Ok(());
    }
    Err(ContentError::WrongCount {
        section,
        expected,
        found,
    })
}

impl GraphContent<'_> {
    /// Checks that the arrays are a graph, in one pass over each. Does not check that each edge
    /// stands in both rows.
    ///
    /// # Errors
    /// [`ContentError`] names the first contradiction.
    pub fn check(&self) -> Result<(), ContentError> {
        let ids = IdOrder::new(self.member_ids, self.nodes_by_id);
        check_graph(ids, self.offsets, self.targets)?;
        check_count("times", self.targets.len() as u64, self.times.len() as u64)
    }
}

impl Csr {
    /// Builds the arrays in memory, with nodes in ascending order of member id: O(m log m), for
    /// tests, benches and small graphs.
    ///
    /// Members may come in any order and repeatedly, and edges in either direction. The earliest
    /// known time of duplicate edges is kept. An edge of a member with itself is dropped.
    ///
    /// # Errors
    /// [`ContentError`] when an edge names a member that is not in `members`, or when there are too
    /// many members.
    pub fn from_edges(
        members: &[MemberId],
        edges: &[(MemberId, MemberId, ConnectionTime)],
    ) -> Result<Self, ContentError> {
        let mut members = members.to_vec();
        members.sort_unstable();
        members.dedup();
        Self::in_node_order(&members, edges)
    }

    /// Builds the arrays in memory, with nodes in the order of `members`, which are distinct.
    ///
    /// # Errors
    /// [`ContentError`] when a member repeats, or as for [`from_edges`](Self::from_edges).
    pub fn in_node_order(
        members: &[MemberId],
        edges: &[(MemberId, MemberId, ConnectionTime)],
    ) -> Result<Self, ContentError> {
        let member_ids: Vec<u64> = members.iter().map(|member| member.get()).collect();
        let mut nodes_by_id: Vec<u32> = (0..member_ids.len() as u32).collect();
        nodes_by_id.sort_unstable_by_key(|&node| member_ids[node as usize]);
        IdOrder::new(&member_ids, &nodes_by_id).check()?;
        let node_of = |id: MemberId| {
            let rank =
                nodes_by_id.binary_search_by_key(&id.get(), |&node| member_ids[node as usize]);
            rank.map(|rank| nodes_by_id[rank])
                .map_err(|_| ContentError::UnknownMember { id })
        };
        let mut half_edges = Vec::with_capacity(edges.len() * 2);
        for &(one, other, time) in edges {
            let (one, other) = (node_of(one)?, node_of(other)?);
            // An unknown time sorts behind every known one here.
            let order = time.millis().wrapping_sub(1);
            half_edges.extend([(one, other, order), (other, one, order)]);
        }
        half_edges.retain(|(one, other, _)| one != other);
        half_edges.sort_unstable();
        half_edges.dedup_by_key(|(one, other, _)| (*one, *other));
        let mut offsets = vec![0; member_ids.len() + 1];
        for &(node, _, _) in &half_edges {
            offsets[node as usize + 1] += 1;
        }
        for node in 0..member_ids.len() {
            offsets[node + 1] += offsets[node];
        }
        let targets = half_edges.iter().map(|&(_, other, _)| other).collect();
        let times = half_edges
            .iter()
            .map(|&(_, _, order)| order.wrapping_add(1))
            .collect();
        if nodes_by_id.is_sorted() {
            nodes_by_id.clear();
        }
        Ok(Self {
            member_ids,
            nodes_by_id,
            offsets,
            targets,
            times,
        })
    }

    /// Borrows the arrays.
    #[must_use]
    pub fn content(&self) -> GraphContent<'_> {
        GraphContent {
            member_ids: &self.member_ids,
            nodes_by_id: &self.nodes_by_id,
            offsets: &self.offsets,
            targets: &self.targets,
            times: &self.times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> MemberId {
        MemberId::new(id).expect("not 0")
    }

    #[test]
    fn edges_become_rows() {
        let time = ConnectionTime::from_millis;
        let members = [member(30), member(10), member(20)];
        let edges = [
            (member(10), member(30), time(7)),
            (member(30), member(10), time(5)),
            (member(10), member(30), time(0)),
            (member(20), member(20), time(1)),
            (member(20), member(10), time(0)),
        ];
        let by_id = Csr {
            member_ids: vec![10, 20, 30],
            nodes_by_id: vec![],
            offsets: vec![0, 2, 3, 4],
            targets: vec![1, 2, 0, 0],
            times: vec![0, 5, 0, 5],
        };
        let as_given = Csr {
            member_ids: vec![30, 10, 20],
            nodes_by_id: vec![1, 2, 0],
            offsets: vec![0, 1, 3, 4],
            targets: vec![1, 0, 2, 1],
            times: vec![5, 5, 0, 0],
        };
        for (csr, expected) in [
            (Csr::from_edges(&members, &edges), by_id),
            (Csr::in_node_order(&members, &edges), as_given),
        ] {
            let csr = csr.expect("a graph");
            assert_eq!(csr, expected);
            assert_eq!(csr.content().check(), Ok(()));
        }
        let repeated = Csr::in_node_order(&[member(5), member(5)], &[]);
        let expected = ContentError::NodesByIdNotAscending { rank: 1, node: 1 };
        assert_eq!(repeated, Err(expected));
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        let check = |member_ids: &[u64], nodes_by_id: &[u32], offsets: &[u64], targets: &[u32]| {
            GraphContent {
                member_ids,
                nodes_by_id,
                offsets,
                targets,
                times: &vec![0; targets.len()],
            }
            .check()
            .is_ok()
        };
        assert!(check(&[], &[], &[0], &[]));
        assert!(check(&[5, 6], &[], &[0, 1, 2], &[1, 0]));
        assert!(check(&[6, 5], &[1, 0], &[0, 1, 2], &[1, 0]));
        for (member_ids, nodes_by_id, offsets, targets) in [
            (&[][..], &[][..], &[][..], &[][..]),
            (&[0], &[], &[0, 0], &[]),
            (&[6, 5], &[], &[0, 1, 2], &[1, 0]),
            (&[6, 5], &[0, 1], &[0, 1, 2], &[1, 0]),
            (&[6, 5], &[1, 1], &[0, 1, 2], &[1, 0]),
            (&[6, 5], &[1, 2], &[0, 1, 2], &[1, 0]),
            (&[6, 5], &[1], &[0, 1, 2], &[1, 0]),
            (&[6, 0], &[1, 0], &[0, 1, 2], &[1, 0]),
            (&[6, 6], &[1, 0], &[0, 1, 2], &[1, 0]),
            (&[5, 6], &[], &[0, 1], &[1, 0]),
            (&[5, 6], &[], &[0, 1, 3], &[1, 0]),
            (&[5, 6], &[], &[0, 2, 1], &[1, 0]),
            (&[5, 6], &[], &[1, 1, 2], &[1, 0]),
            (&[5, 6], &[], &[0, 1, 1], &[1, 0]),
            (&[5, 6], &[], &[0, 1, 2], &[2, 0]),
            (&[5, 6], &[], &[0, 1, 2], &[0, 0]),
            (&[5, 6], &[], &[0, 2, 2], &[1, 1]),
        ] {
            assert!(
                !check(member_ids, nodes_by_id, offsets, targets),
                "{member_ids:?} {nodes_by_id:?} {offsets:?} {targets:?}"
            );
        }
    }
}
