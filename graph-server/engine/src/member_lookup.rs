//! From a base's member id to its node: by arithmetic when ids are dense, else by a table of buckets over the ids' range.
//!
//! Ids are ascending in node order. Dense (`first..first + n`): one subtraction. Else the range is cut into about n / 8
//! buckets of equal width, the table says where each begins, and a binary search in one bucket does the rest: some ten
//! comparisons at most for ids that are spread evenly, log2(n) for any. The table takes half a byte a member.

/// Members in a bucket, were they spread evenly.
const MEMBERS_PER_BUCKET: u64 = 8;

/// Finds nodes by member id.
pub(crate) struct MemberLookup {
    first: u64,
    kind: Kind,
}

enum Kind {
    Dense { nodes: u64 },
    Buckets { shift: u32, starts: Box<[u32]> },
}

impl MemberLookup {
    /// For ids that ascend and are fewer than `u32::MAX`. One pass over them, unless they are dense.
    pub(crate) fn new(member_ids: &[u64]) -> Self {
        let (Some(&first), Some(&last)) = (member_ids.first(), member_ids.last()) else {
            return Self {
                first: 0,
                kind: Kind::Dense { nodes: 0 },
            };
        };
        let nodes = member_ids.len() as u64;
        let span = last - first;
        if span == nodes - 1 {
            return Self {
                first,
                kind: Kind::Dense { nodes },
            };
        }
        let mut shift = 0;
        // Two buckets at least, so that the shift stays below 64.
        while span >> shift >= nodes.div_ceil(MEMBERS_PER_BUCKET).max(2) {
            shift += 1;
        }
        let buckets = (span >> shift) as usize + 1;
        let mut starts = Vec::with_capacity(buckets + 1);
        for (node, id) in member_ids.iter().enumerate() {
            let bucket = ((id - first) >> shift) as usize;
            if starts.len() <= bucket {
                starts.resize(bucket + 1, node as u32);
            }
        }
        starts.push(nodes as u32);
        Self {
            first,
            kind: Kind::Buckets {
                shift,
                starts: starts.into(),
            },
        }
    }

    /// The node of `id`, among the ids that the lookup was made for.
    #[inline]
    pub(crate) fn find(&self, member_ids: &[u64], id: u64) -> Option<u32> {
        let distance = id.checked_sub(self.first)?;
        match &self.kind {
            Kind::Dense { nodes } => (distance < *nodes).then_some(distance as u32),
            Kind::Buckets { shift, starts } => {
                let bucket = usize::try_from(distance >> shift).ok()?;
                let start = *starts.get(bucket)?;
                let end = *starts.get(bucket + 1)?;
                let rank = member_ids[start as usize..end as usize]
                    .binary_search(&id)
                    .ok()?;
                Some(start + rank as u32)
            }
        }
    }

    /// Memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.kind {
            Kind::Dense { .. } => 0,
            Kind::Buckets { starts, .. } => std::mem::size_of_val(&**starts) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(member_ids: &[u64], asked: &[u64]) {
        let lookup = MemberLookup::new(member_ids);
        for id in asked.iter().chain(member_ids) {
            let expected = member_ids.binary_search(id).ok().map(|rank| rank as u32);
            assert_eq!(
                lookup.find(member_ids, *id),
                expected,
                "{id} in {member_ids:?}"
            );
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
        fn finds_what_is_there(ids in prop::collection::btree_set(1..5_000u64, 0..400), factor in 1..u64::MAX / 5_000) {
            let member_ids: Vec<u64> = ids.iter().map(|id| id * factor).collect();
            let asked: Vec<u64> = (0..5_001).map(|id| id * factor).collect();
            check(&member_ids, &asked);
        }
    }
}
