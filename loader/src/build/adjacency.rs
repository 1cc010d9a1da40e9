//! From half-edges to the arrays of the graph: each partition is sorted by itself, repeats are dropped, and what is left
//! is appended in order of sources.

use rayon::prelude::*;

use super::half_edge::HalfEdge;
use super::partitions::Partitions;

/// The compressed sparse rows: the neighbours of node `n` are `targets[offsets[n]..offsets[n + 1]]`, ascending, and
/// `times` says of each when the connection was made (milliseconds since 1970, 0 when unknown).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Adjacency {
    pub(crate) offsets: Vec<u64>,
    pub(crate) targets: Vec<u32>,
    pub(crate) times: Vec<u64>,
    /// Connections that were there more than once, either way round: how many rows were too many.
    pub(crate) repeated: u64,
}

/// Partitions sorted at a time: enough for every core, few enough that little is held twice.
const BATCH: usize = 64;

/// One partition, sorted.
struct Sorted {
    degrees: Vec<u32>,
    targets: Vec<u32>,
    times: Vec<u64>,
    dropped: u64,
}

/// Sorts and drops repeats; the earliest time stays. Frees each partition when it is sorted. O(m log m) in the half-edges
/// of a partition.
pub(crate) fn adjacency<E: HalfEdge>(members: usize, partitions: Partitions<E>) -> Adjacency {
    let width = partitions.width();
    let mut partitions = partitions.into_pieces();
    let half_edges: usize = partitions.iter().flatten().map(Vec::len).sum();
    let mut result = Adjacency::default();
    result.offsets.reserve_exact(members + 1);
    result.offsets.push(0);
    result.targets.reserve_exact(half_edges);
    result
        .times
        .reserve_exact(if E::TIMED { half_edges } else { 0 });
    let mut dropped = 0;
    for (batch, pieces) in partitions.chunks_mut(BATCH).enumerate() {
        let sorted: Vec<Sorted> = pieces
            .par_iter_mut()
            .enumerate()
            .map(|(index, pieces)| {
                let first = (batch * BATCH + index) * width;
                sort(
                    first,
                    width.min(members.saturating_sub(first)),
                    std::mem::take(pieces),
                )
            })
            .collect();
        for partition in sorted {
            let mut end = result.targets.len() as u64;
            result
                .offsets
                .extend(partition.degrees.iter().map(|&degree| {
                    end += u64::from(degree);
                    end
                }));
            result.targets.extend_from_slice(&partition.targets);
            result.times.extend_from_slice(&partition.times);
            dropped += partition.dropped;
        }
    }
    if !E::TIMED {
        // Pages of zeros that nobody writes cost no memory.
        result.times = vec![0; result.targets.len()];
    }
    result.repeated = dropped / 2;
    assert_eq!(result.offsets.len(), members + 1, "every member has a row");
    result
}

/// Sources are `first..first + width`.
fn sort<E: HalfEdge>(first: usize, width: usize, pieces: Vec<Vec<E>>) -> Sorted {
    let mut half_edges = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
    for piece in pieces {
        half_edges.extend_from_slice(&piece);
    }
    let before = half_edges.len();
    half_edges.sort_unstable();
    half_edges.dedup_by_key(|half_edge: &mut E| half_edge.ends());
    let mut degrees = vec![0u32; width];
    for half_edge in &half_edges {
        match degrees.get_mut(half_edge.source() as usize - first) {
            Some(degree) => *degree += 1,
            None => unreachable!("half-edges are partitioned by their source"),
        }
    }
    Sorted {
        degrees,
        targets: half_edges
            .iter()
            .map(|half_edge| half_edge.target())
            .collect(),
        times: half_edges
            .iter()
            .filter(|_| E::TIMED)
            .map(|half_edge| half_edge.time())
            .collect(),
        dropped: (before - half_edges.len()) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::half_edge::{Timed, Untimed};
    use super::super::partitions::Scatter;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The slow way: a map of every half-edge with its earliest known time.
    fn oracle(members: usize, edges: &[(u32, u32, u64)], timed: bool) -> Adjacency {
        let mut map = BTreeMap::new();
        for &(member, other, time) in edges {
            for ends in [(member, other), (other, member)] {
                let kept: &mut u64 = map.entry(ends).or_insert(time);
                *kept = [*kept, time]
                    .into_iter()
                    .filter(|&time| time > 0)
                    .min()
                    .unwrap_or(0);
            }
        }
        let mut offsets = vec![0; members + 1];
        for (source, _) in map.keys() {
            for offset in &mut offsets[*source as usize + 1..] {
                *offset += 1;
            }
        }
        Adjacency {
            offsets,
            targets: map.keys().map(|ends| ends.1).collect(),
            times: map
                .values()
                .map(|&time| if timed { time } else { 0 })
                .collect(),
            repeated: (edges.len() - map.len() / 2) as u64,
        }
    }

    fn check<E: HalfEdge>(members: usize, edges: &[(u32, u32, u64)], hint: u64, timed: bool) {
        let partitions = Partitions::<E>::new(members, hint);
        let (front, back) = edges.split_at(edges.len() / 2);
        for part in [front, back] {
            let mut scatter = Scatter::new(&partitions);
            for &(member, other, time) in part {
                scatter.connection(member, other, time);
            }
        }
        assert_eq!(
            adjacency(members, partitions),
            oracle(members, edges, timed)
        );
    }

    proptest! {
        #[test]
        fn rows_equal_a_map_of_every_half_edge(
            members in 2usize..200,
            seeds in prop::collection::vec((any::<u32>(), any::<u32>(), 0u64..4), 0..400),
            hint in prop::sample::select(vec![0u64, 1 << 17, 1 << 20, 1 << 40]),
        ) {
            let node = |seed: u32| seed % members as u32;
            let edges: Vec<_> = seeds.iter().map(|&(one, other, time)| (node(one), node(other), time))
                .filter(|(one, other, _)| one != other).collect();
            check::<Timed>(members, &edges, hint, true);
            check::<Untimed>(members, &edges, hint, false);
        }
    }

    #[test]
    fn no_members_make_an_empty_graph() {
        check::<Timed>(0, &[], 0, true);
    }
}
