//! Member ids by node, and the order of the ids: that of the nodes, or that of a separate list of
//! nodes.

use std::ops::Range;

use crate::{
    base::policy_row::NODES_MAX, files::content_error::ContentError, memory::read_ahead::read_ahead,
};

/// Member ids by node, with their order. A rank is a place in the order of ids. Where the ids
/// ascend by node, rank and node are the same number.
#[derive(Clone, Copy)]
pub(crate) struct IdOrder<'a> {
    member_ids: &'a [u64],
    /// The nodes in ascending order of member id. Empty when the ids ascend by node.
    nodes_by_id: &'a [u32],
}

impl<'a> IdOrder<'a> {
    /// Pairs ids with their order. The caller runs [`check`](Self::check) unless the order is known
    /// to hold.
    pub(crate) fn new(member_ids: &'a [u64], nodes_by_id: &'a [u32]) -> Self {
        Self {
            member_ids,
            nodes_by_id,
        }
    }

    /// Checks that all ids ascend strictly by rank, from 1 up, and are few enough. A list as long
    /// as the nodes, whose ids ascend strictly, names each node once. One pass.
    pub(crate) fn check(self) -> Result<(), ContentError> {
        let nodes = self.member_ids.len();
        if nodes > NODES_MAX as usize {
            return Err(ContentError::TooManyNodes { nodes });
        }
        let mut before = 0;
        if self.is_node_order() {
            for (node, &id) in self.member_ids.iter().enumerate() {
                if id <= before {
                    return Err(ContentError::MemberIdsNotAscending { node, id });
                }
                before = id;
            }
            return Ok(());
        }
        if self.nodes_by_id.len() != nodes {
            return Err(ContentError::WrongCount {
                section: "nodes by id",
                expected: nodes as u64,
                found: self.nodes_by_id.len() as u64,
            });
        }
        for (rank, &node) in self.nodes_by_id.iter().enumerate() {
            match self.member_ids.get(node as usize) {
                Some(&id) if id > before => before = id,
                _ => return Err(ContentError::NodesByIdNotAscending { rank, node }),
            }
        }
        Ok(())
    }

    /// Returns the member ids by node.
    pub(crate) fn member_ids(self) -> &'a [u64] {
        self.member_ids
    }

    /// Returns whether rank and node are the same number.
    pub(crate) fn is_node_order(self) -> bool {
        self.nodes_by_id.is_empty()
    }

    /// Returns the smallest id and the largest.
    pub(crate) fn bounds(self) -> Option<(u64, u64)> {
        let last = self.member_ids.len().checked_sub(1)?;
        let id = |rank: usize| self.member_ids[self.node(rank as u32) as usize];
        Some((id(0), id(last)))
    }

    /// Returns the node of a rank, which must be below the number of nodes.
    #[inline]
    pub(crate) fn node(self, rank: u32) -> u32 {
        if self.is_node_order() {
            rank
        } else {
            self.nodes_by_id[rank as usize]
        }
    }

    /// Returns the number of nodes, from node 0 up, whose ids ascend strictly. One pass over them,
    /// unless all do.
    pub(crate) fn ascending_nodes(self) -> u32 {
        if self.is_node_order() {
            return self.member_ids.len() as u32;
        }
        let pairs = self.member_ids.windows(2);
        let ascending = pairs.take_while(|pair| pair[0] < pair[1]).count();
        (ascending + 1).min(self.member_ids.len()) as u32
    }

    /// Returns the ranks of the ids above `after` and below `before`. Two binary searches.
    pub(crate) fn ranks_between(self, after: Option<u64>, before: Option<u64>) -> Range<u32> {
        let start = after.map_or(0, |after| self.first_rank(|id| id > after));
        let end = match before {
            Some(before) => self.first_rank(|id| id >= before),
            None => self.member_ids.len() as u32,
        };
        start..end.max(start)
    }

    /// Returns the lowest rank whose id is `high`, which must hold for all ids above one.
    fn first_rank(self, high: impl Fn(u64) -> bool) -> u32 {
        let rank = if self.is_node_order() {
            self.member_ids.partition_point(|&id| !high(id))
        } else {
            let id = |node: u32| self.member_ids[node as usize];
            self.nodes_by_id.partition_point(|&node| !high(id(node)))
        };
        rank as u32
    }

    /// Prefetches the entry at a rank.
    #[inline]
    pub(crate) fn read_ahead(self, rank: u32) {
        if self.is_node_order() {
            read_ahead(self.member_ids, rank as usize);
        } else {
            read_ahead(self.nodes_by_id, rank as usize);
        }
    }

    /// Returns the node of `id` when its rank is in `start..end`. A binary search.
    #[inline]
    pub(crate) fn find_between(self, start: u32, end: u32, id: u64) -> Option<u32> {
        let ranks = start as usize..end as usize;
        if self.is_node_order() {
            let within = self.member_ids[ranks].binary_search(&id).ok()?;
            return Some(start + within as u32);
        }
        let nodes = &self.nodes_by_id[ranks];
        let within = nodes.binary_search_by_key(&id, |&node| self.member_ids[node as usize]);
        Some(nodes[within.ok()?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_ascending_nodes_are_counted() {
        let check = |ids: &[u64], by_id: &[u32], ascending: u32| {
            let order = IdOrder::new(ids, by_id);
            order.check().unwrap();
            assert_eq!(order.ascending_nodes(), ascending, "{ids:?}");
            let mut sorted = ids.to_vec();
            sorted.sort_unstable();
            for after in 0..12 {
                for before in 0..12 {
                    let expected = sorted
                        .iter()
                        .filter(|&&id| id > after && id < before)
                        .count();
                    let ranks = order.ranks_between(Some(after), Some(before));
                    assert_eq!(ranks.len(), expected, "{after} to {before} of {ids:?}");
                    let first = sorted.partition_point(|&id| id <= after) as u32;
                    assert_eq!(ranks.start, first);
                }
            }
            assert_eq!(order.ranks_between(None, None), 0..ids.len() as u32);
        };
        check(&[], &[], 0);
        check(&[7], &[], 1);
        check(&[2, 3, 9], &[], 3);
        check(&[9, 3, 2], &[2, 1, 0], 1);
        check(&[2, 8, 9, 4, 5], &[0, 3, 4, 1, 2], 3);
    }
}
