//! Half-edges thrown into partitions by the high bits of their source, so that each can be sorted inside a cache.
//!
//! Each worker keeps a small buffer a partition and hands it over when it is full: writes go to few places at a time, and
//! nothing is copied while it grows. After the radix partitioning of Schuhknecht et al., "On the Surprising Difficulty of
//! Simple Things", VLDB'15.

use std::mem;
use std::sync::{Mutex, PoisonError};

use super::half_edge::HalfEdge;

/// 2048 partitions of 22 million members and 240 million half-edges hold 1 to 2 MiB each, a core's second-level cache;
/// their open buffers stay within the translation cache's reach.
const PARTITIONS_MAX: u64 = 2048;
const HALF_EDGES_PER_PARTITION: u64 = 1 << 17;
/// 16 or 32 KiB.
const BUFFER_LENGTH: usize = 2048;

/// What all workers fill.
#[derive(Debug)]
pub(crate) struct Partitions<E> {
    /// A source's partition is its high bits above these.
    shift: u32,
    /// Full buffers by partition.
    full: Vec<Mutex<Vec<Vec<E>>>>,
}

impl<E: HalfEdge> Partitions<E> {
    /// For sources below `members`, of about so many half-edges.
    pub(crate) fn new(members: usize, half_edges: u64) -> Self {
        let wanted = (half_edges / HALF_EDGES_PER_PARTITION).clamp(1, PARTITIONS_MAX);
        let width = (members as u64).div_ceil(wanted).max(1).next_power_of_two();
        let count = (members as u64).div_ceil(width).max(1);
        Self {
            shift: width.ilog2(),
            full: (0..count).map(|_| Mutex::default()).collect(),
        }
    }

    /// How many sources a partition has.
    pub(crate) fn width(&self) -> usize {
        1 << self.shift
    }

    /// The half-edges of each partition, in pieces.
    pub(crate) fn into_pieces(self) -> Vec<Vec<Vec<E>>> {
        self.full
            .into_iter()
            .map(|pieces| pieces.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }

    fn hand_over(&self, partition: usize, buffer: Vec<E>) {
        if let Some(pieces) = self.full.get(partition)
            && !buffer.is_empty()
        {
            pieces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(buffer);
        }
    }
}

/// One worker's buffers; they are handed over when it is dropped.
#[derive(Debug)]
pub(crate) struct Scatter<'a, E: HalfEdge> {
    partitions: &'a Partitions<E>,
    buffers: Vec<Vec<E>>,
}

impl<'a, E: HalfEdge> Scatter<'a, E> {
    pub(crate) fn new(partitions: &'a Partitions<E>) -> Self {
        Self {
            partitions,
            buffers: partitions.full.iter().map(|_| Vec::new()).collect(),
        }
    }

    /// Both halves of a connection.
    pub(crate) fn connection(&mut self, member: u32, other: u32, time: u64) {
        self.push(E::new(member, other, time));
        self.push(E::new(other, member, time));
    }

    fn push(&mut self, half_edge: E) {
        let partition = (half_edge.source() >> self.partitions.shift) as usize;
        let Some(buffer) = self.buffers.get_mut(partition) else {
            unreachable!(
                "sources are below the number of members that the partitions were made for"
            );
        };
        if buffer.len() == buffer.capacity() {
            let full = mem::replace(buffer, Vec::with_capacity(BUFFER_LENGTH));
            self.partitions.hand_over(partition, full);
        }
        buffer.push(half_edge);
    }
}

impl<E: HalfEdge> Drop for Scatter<'_, E> {
    fn drop(&mut self) {
        for (partition, mut buffer) in mem::take(&mut self.buffers).into_iter().enumerate() {
            buffer.shrink_to_fit();
            self.partitions.hand_over(partition, buffer);
        }
    }
}
