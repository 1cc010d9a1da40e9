//! Turns half-edges into the rows of the graph.
//!
//! Each partition is sorted by itself, repeats are dropped, and the rows are passed on in order of
//! their sources. The next partitions are sorted while the caller takes the previous rows.
//!
//! Memory: the partitions sorted at a time fit a quarter of the memory that may be held. A
//! partition that alone does not fit is read several times, each time for a range of its sources.

use rayon::prelude::*;
use zerocopy::IntoBytes as _;

use crate::{
    job::error::Error,
    snapshot::{
        memory::Memory,
        sort::{
            half_edge::HalfEdge,
            partitions::{Partitions, Pieces},
            scratch_file::ScratchFile,
        },
    },
};

/// The number of partitions sorted at a time: enough for every core.
const BATCH: usize = 64;

/// The rows of consecutive sources.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The length of each row.
    pub(crate) degrees: Vec<u32>,
    /// The rows, concatenated, each in ascending order.
    pub(crate) targets: Vec<u32>,
    /// The time of each target. Empty if the dump has no times.
    pub(crate) times: Vec<u64>,
}

/// Passes the rows of all members to `take`, in order. The earliest known time of repeated
/// half-edges is kept.
///
/// Returns the number of surplus rows of the dump: those that repeat a connection, in either
/// direction.
pub(crate) fn for_each_rows<E: HalfEdge>(
    members: usize,
    partitions: Partitions<'_, E>,
    memory: &Memory,
    mut take: impl FnMut(&Rows) -> Result<(), Error> + Send,
) -> Result<u64, Error> {
    let width = partitions.width();
    let (pieces, scratch) = partitions.into_pieces();
    let half_edges: u64 = pieces.iter().map(|pieces| pieces.len() as u64).sum();
    let sorter = Sorter::<E> {
        members,
        width,
        scratch: &scratch,
        memory,
        length_max: (memory.sort_bytes() / 2 / bytes_in_work::<E>()).max(1) as usize,
        half_edges: std::marker::PhantomData,
    };
    let mut kept = 0;
    let mut taken = |rows: &Rows| {
        kept += rows.targets.len() as u64;
        take(rows)
    };
    let mut pieces = pieces.into_iter().enumerate().peekable();
    let mut sorted: Vec<Rows> = Vec::new();
    loop {
        let (mut batch, mut length) = (Vec::new(), 0);
        while batch.len() < BATCH
            && let Some((partition, pieces)) =
                pieces.next_if(|(_, pieces)| length + pieces.len() <= sorter.length_max)
        {
            length += pieces.len();
            batch.push((partition, pieces));
        }
        let is_last = batch.is_empty();
        let (outcome, next) = rayon::join(
            || sorted.iter().try_for_each(&mut taken),
            || sorter.sort_all(batch),
        );
        outcome?;
        sorted = next?;
        if is_last {
            match pieces.next() {
                None => break,
                Some((partition, pieces)) => {
                    sorter.sort_in_ranges(partition, pieces, &mut taken)?;
                }
            }
        }
    }
    Ok((half_edges - kept) / 2)
}

/// Returns the bytes that sorting one half-edge takes: as read, as ordered, and as a part of a row.
fn bytes_in_work<E: HalfEdge>() -> u64 {
    (2 * size_of::<E>() + size_of::<u32>() + if E::TIMED { size_of::<u64>() } else { 0 }) as u64
}

struct Sorter<'a, E> {
    members: usize,
    width: usize,
    scratch: &'a ScratchFile,
    memory: &'a Memory,
    /// The number of half-edges that may be sorted at a time.
    length_max: usize,
    half_edges: std::marker::PhantomData<E>,
}

impl<E: HalfEdge> Sorter<'_, E> {
    fn sort_all(&self, batch: Vec<(usize, Pieces<E>)>) -> Result<Vec<Rows>, Error> {
        batch
            .into_par_iter()
            .map(|(partition, pieces)| self.sort(partition, pieces))
            .collect()
    }

    fn sort(&self, partition: usize, pieces: Pieces<E>) -> Result<Rows, Error> {
        let spilled = pieces
            .spilled
            .iter()
            .map(|piece| self.read(piece.at, piece.length))
            .collect::<Result<Vec<_>, _>>()?;
        let rows = rows(self.sources(partition), &[&pieces.held, &spilled]);
        self.memory.give_back(pieces.held_bytes());
        Ok(rows)
    }

    /// Sorts a partition that is too large for [`Self::sort`]. Each pass gathers the half-edges of
    /// as many sources as fit.
    fn sort_in_ranges(
        &self,
        partition: usize,
        pieces: Pieces<E>,
        mut take: impl FnMut(&Rows) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sources = self.sources(partition);
        let mut from = sources.start;
        while from < sources.end {
            let mut range = Range {
                sources: from..sources.end,
                found: Vec::new(),
                length_max: self.length_max,
            };
            for held in &pieces.held {
                range.add(held);
            }
            for spilled in &pieces.spilled {
                for first in (0..spilled.length).step_by(self.length_max) {
                    let length = self.length_max.min(spilled.length - first);
                    let at = spilled.at + (first * size_of::<E>()) as u64;
                    range.add(&self.read(at, length)?);
                }
            }
            from = range.sources.end;
            take(&rows(range.sources, &[&[range.found]]))?;
        }
        self.memory.give_back(pieces.held_bytes());
        Ok(())
    }

    fn sources(&self, partition: usize) -> std::ops::Range<usize> {
        let first = partition * self.width;
        first..(first + self.width).min(self.members)
    }

    fn read(&self, at: u64, length: usize) -> Result<Vec<E>, Error> {
        let mut half_edges = vec![E::default(); length];
        self.scratch.read(half_edges.as_mut_bytes(), at)?;
        Ok(half_edges)
    }
}

/// Gathers the half-edges of a range of sources. The range shrinks when there are too many of them.
struct Range<E> {
    sources: std::ops::Range<usize>,
    found: Vec<E>,
    length_max: usize,
}

impl<E: HalfEdge> Range<E> {
    fn add(&mut self, half_edges: &[E]) {
        for half_edge in half_edges {
            if self.sources.contains(&(half_edge.source() as usize)) {
                self.found.push(*half_edge);
                if self.found.len() > self.length_max {
                    self.shrink();
                }
            }
        }
    }

    /// Drops repeats. If too many half-edges remain, also drops the sources of the upper half. A
    /// single source is kept, since a row cannot be split.
    fn shrink(&mut self) {
        self.found.sort_unstable();
        self.found.dedup_by_key(|half_edge| half_edge.ends());
        let middle = self.found.get(self.found.len() / 2).copied();
        let sources = |half_edge: Option<&E>| half_edge.map_or(0, |found| found.source() as usize);
        let (first, last) = (sources(self.found.first()), sources(self.found.last()));
        if self.found.len() > self.length_max / 2 && first < last {
            self.sources.end = sources(middle.as_ref()).max(first + 1);
            let end = self.sources.end;
            self.found
                .retain(|half_edge| (half_edge.source() as usize) < end);
        }
        self.length_max = self.length_max.max(2 * self.found.len());
    }
}

/// Counts the half-edges of each source, orders them by source, and sorts each row. Takes O(m log
/// d).
fn rows<E: HalfEdge>(sources: std::ops::Range<usize>, pieces: &[&[Vec<E>]]) -> Rows {
    let half_edges = || pieces.iter().flat_map(|pieces| pieces.iter()).flatten();
    let row_of = |half_edge: &E| half_edge.source() as usize - sources.start;
    let mut ends = vec![0usize; sources.len()];
    for half_edge in half_edges() {
        match ends.get_mut(row_of(half_edge)) {
            Some(count) => *count += 1,
            None => unreachable!("half-edges are partitioned by their source"),
        }
    }
    let mut start = 0;
    for end in &mut ends {
        // The entry is the begin of the row until the row is filled.
        start += std::mem::replace(end, start);
    }
    let mut ordered = vec![E::default(); start];
    for half_edge in half_edges() {
        if let Some(next) = ends.get_mut(row_of(half_edge))
            && let Some(slot) = ordered.get_mut(*next)
        {
            *slot = *half_edge;
            *next += 1;
        }
    }
    let mut rows = Rows {
        degrees: Vec::with_capacity(sources.len()),
        targets: Vec::with_capacity(start),
        times: Vec::with_capacity(if E::TIMED { start } else { 0 }),
    };
    let mut rest = ordered.as_mut_slice();
    let mut start = 0;
    for end in ends {
        let (row, behind) = rest.split_at_mut(end - start);
        row.sort_unstable();
        rows.push(row);
        (rest, start) = (behind, end);
    }
    rows
}

impl Rows {
    /// Appends a sorted row, with the first of each group of repeats.
    fn push<E: HalfEdge>(&mut self, row: &[E]) {
        let before = self.targets.len();
        let mut last = None;
        for half_edge in row {
            if last == Some(half_edge.target()) {
                continue;
            }
            last = Some(half_edge.target());
            self.targets.push(half_edge.target());
            if E::TIMED {
                self.times.push(half_edge.time());
            }
        }
        self.degrees.push((self.targets.len() - before) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{
        memory::MemoryLimit,
        sort::{
            half_edge::{Timed, Untimed},
            partitions::Scatter,
        },
    };
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The slow way: a map of every half-edge to its earliest known time.
    fn oracle(members: usize, edges: &[(u32, u32, u64)], timed: bool) -> (Rows, u64) {
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
        let mut degrees = vec![0; members];
        for (source, _) in map.keys() {
            degrees[*source as usize] += 1;
        }
        let rows = Rows {
            degrees,
            targets: map.keys().map(|ends| ends.1).collect(),
            times: map.values().copied().filter(|_| timed).collect(),
        };
        (rows, (edges.len() - map.len() / 2) as u64)
    }

    fn check<E: HalfEdge>(
        members: usize,
        edges: &[(u32, u32, u64)],
        hint: u64,
        held_bytes: Option<u64>,
    ) {
        let limit = MemoryLimit::of_machine();
        let limit = held_bytes.map_or(limit, |bytes| limit.spilling_above(bytes));
        let (memory, directory) = (Memory::new(limit), tempfile::tempdir().unwrap());
        let partitions = Partitions::<E>::new(members, hint, directory.path(), &memory).unwrap();
        let (front, back) = edges.split_at(edges.len() / 2);
        for part in [front, back] {
            let mut scatter = Scatter::new(&partitions);
            for &(member, other, time) in part {
                scatter.connection(member, other, time);
            }
            scatter.outcome().unwrap();
        }
        let mut found = Rows::default();
        let repeated = for_each_rows(members, partitions, &memory, |rows| {
            found.degrees.extend(&rows.degrees);
            found.targets.extend(&rows.targets);
            found.times.extend(&rows.times);
            Ok(())
        });
        assert_eq!((found, repeated.unwrap()), oracle(members, edges, E::TIMED));
        assert_eq!(
            memory.left(),
            Memory::new(limit).left(),
            "all is given back"
        );
    }

    proptest! {
        #[test]
        fn rows_equal_a_map_of_every_half_edge(
            members in 2usize..200,
            seeds in prop::collection::vec((any::<u32>(), any::<u32>(), 0u64..4), 0..400),
            hint in prop::sample::select(vec![0u64, 1 << 17, 1 << 20, 1 << 40]),
            held_bytes in prop::sample::select(vec![None, Some(0u64), Some(300), Some(5_000)]),
        ) {
            let node = |seed: u32| seed % members as u32;
            let edges: Vec<_> = seeds
                .iter()
                .map(|&(one, other, time)| (node(one), node(other), time))
                .filter(|(one, other, _)| one != other)
                .collect();
            check::<Timed>(members, &edges, hint, held_bytes);
            check::<Untimed>(members, &edges, hint, held_bytes);
        }
    }

    #[test]
    fn no_members_make_an_empty_graph() {
        check::<Timed>(0, &[], 0, None);
    }
}
