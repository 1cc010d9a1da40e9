//! Member ids by node, and the order of the ids: that of the nodes, or that of a separate list of
//! nodes.

use crate::files::{content_error::ContentError, read_ahead::read_ahead};

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
        if nodes >= u32::MAX as usize {
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
