//! A graph with its nodes in another order: rows are moved, targets get their new numbers and are
//! sorted.

use cloud_engine::{LargeArray, Purpose};
use rayon::prelude::*;

/// The numbers of rows that a thread takes at a time, and that are in a batch at most.
const ROWS_AT_ONCE: usize = 1 << 10;
const ROWS_HANDED_ON: usize = 1 << 16;
/// The bytes of a target with its time, in a batch and while its row is sorted.
const BYTES_PER_TARGET: u64 = 28;

/// Another order of a graph's nodes.
pub(crate) struct Renumbering {
    /// The old number of each new node.
    old: Vec<u32>,
    /// The new number of each old node.
    new: LargeArray<u32>,
}

/// The concatenated rows of consecutive nodes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RowBatch {
    /// The length of each row.
    pub(crate) degrees: Vec<u32>,
    pub(crate) targets: Vec<u32>,
    /// The time of each target. Empty if no time is known.
    pub(crate) times: Vec<u64>,
}

impl Renumbering {
    /// Makes an order from `old`: all nodes by their old numbers, each once, in their new order.
    pub(crate) fn new(old: Vec<u32>) -> Self {
        let mut new = LargeArray::<u32>::zeroed(Purpose::Build, old.len());
        for (number, &node) in (0..).zip(&old) {
            new[node as usize] = number;
        }
        Self { old, new }
    }

    /// Returns the new number of each old node. If the old numbers are ranks of member ids, these
    /// are the nodes in order of member ids.
    pub(crate) fn into_new(self) -> Vec<u32> {
        self.new.to_vec()
    }

    /// Returns values that are in the old order in the new order.
    pub(crate) fn reordered(&self, by_old: &[u64]) -> Vec<u64> {
        self.old.iter().map(|&old| by_old[old as usize]).collect()
    }

    /// Passes all rows to `take`, in the new order. `row` and `times` return those of an old node;
    /// the times may be empty. A batch has as many rows as fit `bytes_max`, but at least one.
    pub(crate) fn for_each_batch<'a, E>(
        &self,
        bytes_max: u64,
        row: impl Fn(u32) -> &'a [u32] + Sync,
        times: impl Fn(u32) -> &'a [u64] + Sync,
        mut take: impl FnMut(&RowBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = self.old.as_slice();
        while !left.is_empty() {
            let (batch, behind) = left.split_at(batch_length(left, bytes_max, &row));
            left = behind;
            let parts: Vec<RowBatch> = batch
                .par_chunks(ROWS_AT_ONCE)
                .map(|old| self.rows(old, &row, &times))
                .collect();
            parts.iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    fn rows<'a>(
        &self,
        old: &[u32],
        row: impl Fn(u32) -> &'a [u32],
        times: impl Fn(u32) -> &'a [u64],
    ) -> RowBatch {
        let mut batch = RowBatch::with_capacity(
            old.len(),
            old.iter().map(|&node| row(node).len()).sum(),
            old.iter().map(|&node| times(node).len()).sum(),
        );
        let mut timed = Vec::new();
        for &node in old {
            let (row, times) = (row(node), times(node));
            let targets = row.iter().map(|&target| self.new[target as usize]);
            batch.degrees.push(row.len() as u32);
            if times.is_empty() {
                let start = batch.targets.len();
                batch.targets.extend(targets);
                batch.targets[start..].sort_unstable();
            } else {
                timed.clear();
                timed.extend(targets.zip(times.iter().copied()));
                timed.sort_unstable();
                batch
                    .targets
                    .extend(timed.iter().map(|&(target, _)| target));
                batch.times.extend(timed.iter().map(|&(_, time)| time));
            }
        }
        batch
    }
}

impl RowBatch {
    fn with_capacity(rows: usize, targets: usize, times: usize) -> Self {
        Self {
            degrees: Vec::with_capacity(rows),
            targets: Vec::with_capacity(targets),
            times: Vec::with_capacity(times),
        }
    }
}

/// Returns how many of the first rows fit `bytes_max`: at least one, since a row is never split.
fn batch_length<'a>(old: &[u32], bytes_max: u64, row: impl Fn(u32) -> &'a [u32]) -> usize {
    let mut bytes = 0;
    let fits = |&&node: &&u32| {
        bytes += row(node).len() as u64 * BYTES_PER_TARGET;
        bytes <= bytes_max
    };
    let length = old.iter().take(ROWS_HANDED_ON).take_while(fits).count();
    length.max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_the_same_by_their_new_numbers(
            old in Just((0..40).collect::<Vec<u32>>()).prop_shuffle(),
            edges in prop::collection::btree_map((0..40u32, 0..40u32), any::<u64>(), 0..300),
            is_timed in any::<bool>(),
            bytes_max in prop::sample::select(vec![0u64, 100, 1_000, u64::MAX]),
        ) {
            let of_node = |node: u32| edges.range((node, 0)..(node + 1, 0));
            let rows: Vec<Vec<u32>> = (0..40)
                .map(|node| of_node(node).map(|(&(_, target), _)| target).collect())
                .collect();
            let times: Vec<Vec<u64>> = (0..40)
                .map(|node| of_node(node).map(|(_, &time)| time).filter(|_| is_timed).collect())
                .collect();
            let renumbering = Renumbering::new(old.clone());
            let mut found = RowBatch::default();
            let take = |batch: &RowBatch| {
                let bytes = batch.targets.len() as u64 * BYTES_PER_TARGET;
                let is_one_row = batch.degrees.len() == 1;
                assert!(bytes <= bytes_max || is_one_row, "{bytes} of {bytes_max} bytes");
                found.degrees.extend(&batch.degrees);
                found.targets.extend(&batch.targets);
                found.times.extend(&batch.times);
                Ok::<(), ()>(())
            };
            let row = |node: u32| rows[node as usize].as_slice();
            let times = |node: u32| times[node as usize].as_slice();
            renumbering.for_each_batch(bytes_max, row, times, take).unwrap();
            let mut expected = RowBatch::default();
            for &node in &old {
                let new = |target: u32| renumbering.new[target as usize];
                let row: BTreeMap<u32, u64> = of_node(node)
                    .map(|(&(_, target), &time)| (new(target), time))
                    .collect();
                expected.degrees.push(row.len() as u32);
                expected.targets.extend(row.keys());
                expected.times.extend(row.values().filter(|_| is_timed));
            }
            prop_assert_eq!(found, expected);
            let ids: Vec<u64> = (100..140).collect();
            let by_node = renumbering.reordered(&ids);
            let by_id: Vec<u64> = renumbering
                .into_new()
                .iter()
                .map(|&node| by_node[node as usize])
                .collect();
            prop_assert_eq!(by_id, ids);
        }
    }
}
