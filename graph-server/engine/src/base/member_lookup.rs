//! Finds the node of a base's member id: by arithmetic when ids are dense, else by a table of
//! buckets over the ids' range.
//!
//! A look-up finds a rank: the place of an id among the ids in ascending order. Where nodes are in
//! that order, the rank is the node; else the list of nodes by id names it.
//!
//! - Dense ids (`first..first + n`): the rank is one subtraction.
//! - Other ids: the range is cut into buckets of equal width, and the table holds the first rank of
//!   each. A binary search in one bucket finds the rank: a few steps for ids that are spread
//!   evenly, log2(n) at most.

use crate::{
    base::id_order::IdOrder,
    memory::{
        large_array::{LargeArray, Purpose},
        read_ahead::read_ahead,
        shared_array::Array,
    },
};

/// Members in a bucket if they were spread evenly, where nodes are in order of their ids: half a
/// byte a member.
const MEMBERS_PER_BUCKET: u64 = 8;
/// Members in a bucket where nodes are in another order, so that each comparison reads a distant
/// node: two bytes a member.
const MEMBERS_PER_BUCKET_BY_LIST: u64 = 2;

/// Finds nodes by member id. A clone shares the table.
#[derive(Clone)]
pub(crate) struct MemberLookup {
    first: u64,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Dense { nodes: u64 },
    Buckets { shift: u32, starts: Array<u32> },
}

impl MemberLookup {
    /// Builds the look-up for ids that ascend in `ids`' order and are fewer than `u32::MAX`. One
    /// pass, unless they are dense.
    pub(crate) fn new(ids: IdOrder<'_>) -> Self {
        let Some((first, last)) = ids.bounds() else {
            return Self {
                first: 0,
                kind: Kind::Dense { nodes: 0 },
            };
        };
        let nodes = ids.member_ids().len() as u64;
        let span = last - first;
        if span == nodes - 1 {
            return Self {
                first,
                kind: Kind::Dense { nodes },
            };
        }
        let per_bucket = if ids.is_node_order() {
            MEMBERS_PER_BUCKET
        } else {
            MEMBERS_PER_BUCKET_BY_LIST
        };
        let mut shift = 0;
        // At least two buckets, so that the shift stays below 64.
        while span >> shift >= nodes.div_ceil(per_bucket).max(2) {
            shift += 1;
        }
        let buckets = (span >> shift) as usize + 1;
        // The number of ids in the buckets before. Counting in node order reads memory in sequence.
        let mut starts = LargeArray::<u32>::zeroed(Purpose::Graph, buckets + 1);
        for id in ids.member_ids() {
            starts[((id - first) >> shift) as usize + 1] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        Self {
            first,
            kind: Kind::Buckets {
                shift,
                starts: starts.into(),
            },
        }
    }

    /// Returns the node of `id`, among the ids that the look-up was built for.
    #[inline]
    pub(crate) fn find(&self, ids: IdOrder<'_>, id: u64) -> Option<u32> {
        let distance = id.checked_sub(self.first)?;
        match &self.kind {
            Kind::Dense { nodes } => (distance < *nodes).then(|| ids.node(distance as u32)),
            Kind::Buckets { shift, starts } => {
                let bucket = usize::try_from(distance >> shift).ok()?;
                let start = *starts.get(bucket)?;
                let end = *starts.get(bucket + 1)?;
                ids.find_between(start, end, id)
            }
        }
    }

    /// Prefetches what [`find`](Self::find) reads of each id.
    pub(crate) fn read_ahead(&self, ids: IdOrder<'_>, asked: impl Iterator<Item = u64> + Clone) {
        match &self.kind {
            Kind::Dense { nodes } => asked
                .filter_map(|id| id.checked_sub(self.first))
                .filter(|distance| distance < nodes)
                .for_each(|distance| ids.read_ahead(distance as u32)),
            Kind::Buckets { shift, starts } => {
                let buckets = asked
                    .filter_map(|id| usize::try_from(id.checked_sub(self.first)? >> shift).ok());
                buckets
                    .clone()
                    .for_each(|bucket| read_ahead(starts, bucket));
                buckets
                    .filter_map(|bucket| starts.get(bucket))
                    .for_each(|&start| ids.read_ahead(start));
            }
        }
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.kind {
            Kind::Dense { .. } => 0,
            Kind::Buckets { starts, .. } => starts.bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Looks the ids up with nodes in order of their ids, and in a few other orders.
    fn check(ascending: &[u64], asked: &[u64]) {
        for rotation in 0..ascending.len().clamp(1, 4) {
            let mut member_ids = ascending.to_vec();
            member_ids.rotate_left(rotation);
            member_ids[rotation..].reverse();
            let mut nodes_by_id: Vec<u32> = (0..member_ids.len() as u32).collect();
            nodes_by_id.sort_by_key(|&node| member_ids[node as usize]);
            check_order(IdOrder::new(&member_ids, &nodes_by_id), asked);
        }
        check_order(IdOrder::new(ascending, &[]), asked);
    }

    fn check_order(ids: IdOrder<'_>, asked: &[u64]) {
        let lookup = MemberLookup::new(ids);
        let nodes: BTreeMap<u64, u32> = ids.member_ids().iter().copied().zip(0..).collect();
        for id in asked.iter().chain(ids.member_ids()) {
            let expected = nodes.get(id).copied();
            assert_eq!(lookup.find(ids, *id), expected, "{id} in {nodes:?}");
        }
    }

    #[test]
    fn extremes() {
        let around = [
            0,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            100,
            u64::MAX / 2,
            u64::MAX - 1,
            u64::MAX,
        ];
        for member_ids in [
            &[][..],
            &[1],
            &[u64::MAX],
            &[1, u64::MAX],
            &[3, 4, 5],
            &[3, 4, 6],
            &[1, 2, 3, u64::MAX],
        ] {
            check(member_ids, &around);
        }
    }

    proptest! {
        #[test]
        fn finds_what_is_there(
            ids in prop::collection::btree_set(1..5_000u64, 0..400),
            factor in 1..u64::MAX / 5_000,
        ) {
            let member_ids: Vec<u64> = ids.iter().map(|id| id * factor).collect();
            let asked: Vec<u64> = (0..5_001).map(|id| id * factor).collect();
            check(&member_ids, &asked);
        }
    }
}
