//! Distributes half-edges to partitions by the high bits of their source, so that each partition
//! can be sorted inside a cache.
//!
//! Each worker has a small buffer per partition and hands it over when it is full. So writes go to
//! few places at a time, and nothing is copied when a partition grows. This follows the radix
//! partitioning of Schuhknecht et al., "On the Surprising Difficulty of Simple Things", VLDB'15.
//!
//! When the memory is full, the worker that notices it writes partitions to the scratch file, each
//! in one piece, until there is room again. The next worker that spills continues with the
//! partition after these.

use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zerocopy::IntoBytes as _;

use crate::{
    job::error::Error,
    snapshot::{
        memory::Memory,
        sort::{half_edge::HalfEdge, scratch_file::ScratchFile},
    },
};

/// The most partitions. For 22 million members and 240 million half-edges, 2048 partitions hold 1
/// to 2 MiB each: a core's second-level cache. Their open buffers fit the range of the TLB.
const PARTITIONS_MAX: u64 = 2048;
const HALF_EDGES_PER_PARTITION: u64 = 1 << 17;
/// The most half-edges of a buffer: 16 or 32 KiB.
const BUFFER_LENGTH_MAX: usize = 2048;
const BUFFER_LENGTH_MIN: usize = 16;

/// The partitions, which all workers fill.
#[derive(Debug)]
pub(crate) struct Partitions<'m, E> {
    /// The number of low bits of a source that do not belong to its partition's number.
    shift: u32,
    buffer_length: usize,
    full: Vec<Mutex<Pieces<E>>>,
    memory: &'m Memory,
    scratch: ScratchFile,
    /// The number of spills so far. It chooses the next partition to spill.
    next_spilled: AtomicUsize,
}

/// The half-edges of a partition, in no order.
#[derive(Debug, Default)]
pub(crate) struct Pieces<E> {
    pub(crate) held: Vec<Vec<E>>,
    /// The pieces in the scratch file.
    pub(crate) spilled: Vec<Spilled>,
}

/// A piece in the scratch file: `length` half-edges from offset `at` on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spilled {
    pub(crate) at: u64,
    pub(crate) length: usize,
}

impl<E> Pieces<E> {
    pub(crate) fn len(&self) -> usize {
        let held: usize = self.held.iter().map(Vec::len).sum();
        held + self.spilled_len()
    }

    pub(crate) fn spilled_len(&self) -> usize {
        self.spilled.iter().map(|piece| piece.length).sum()
    }

    /// Returns the bytes of the pieces in memory.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held.iter().map(bytes_of).sum()
    }
}

fn bytes_of<E>(piece: &Vec<E>) -> u64 {
    (piece.capacity() * size_of::<E>()) as u64
}

impl<'m, E: HalfEdge> Partitions<'m, E> {
    /// Makes partitions for about `half_edges` half-edges with sources below `members`. Half-edges
    /// that do not fit the memory go to `directory`.
    pub(crate) fn new(
        members: usize,
        half_edges: u64,
        directory: &Path,
        memory: &'m Memory,
    ) -> Result<Self, Error> {
        let wanted = (half_edges / HALF_EDGES_PER_PARTITION).clamp(1, PARTITIONS_MAX);
        let width = (members as u64).div_ceil(wanted).max(1).next_power_of_two();
        let count = (members as u64).div_ceil(width).max(1);
        let open_buffers = count * rayon::current_num_threads() as u64;
        let buffer_bytes = memory.held_bytes_max() / 16 / open_buffers;
        let buffer_length =
            (buffer_bytes as usize / size_of::<E>()).clamp(BUFFER_LENGTH_MIN, BUFFER_LENGTH_MAX);
        memory.take(open_buffers * (buffer_length * size_of::<E>()) as u64);
        Ok(Self {
            shift: width.ilog2(),
            buffer_length,
            full: (0..count)
                .map(|_| {
                    Mutex::new(Pieces {
                        held: Vec::new(),
                        spilled: Vec::new(),
                    })
                })
                .collect(),
            memory,
            scratch: ScratchFile::create(directory, "half-edges")?,
            next_spilled: AtomicUsize::new(0),
        })
    }

    /// Returns the number of sources of a partition.
    pub(crate) fn width(&self) -> usize {
        1 << self.shift
    }

    /// Returns the pieces of each partition, and the scratch file with the spilled ones. The
    /// partitions cannot be filled any more.
    pub(crate) fn into_pieces(self) -> (Vec<Pieces<E>>, ScratchFile) {
        let buffers = self.full.len() * rayon::current_num_threads() * self.buffer_length;
        self.memory.give_back((buffers * size_of::<E>()) as u64);
        let pieces = self
            .full
            .into_iter()
            .map(|pieces| pieces.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect();
        (pieces, self.scratch)
    }

    fn hand_over(&self, partition: usize, buffer: Vec<E>) {
        if let Some(mut pieces) = self.pieces(partition)
            && !buffer.is_empty()
        {
            self.memory.take(bytes_of(&buffer));
            pieces.held.push(buffer);
        }
    }

    fn pieces(&self, partition: usize) -> Option<MutexGuard<'_, Pieces<E>>> {
        let pieces = self.full.get(partition)?;
        Some(pieces.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Spills until there is room, each partition at most once.
    fn make_room(&self) -> Result<(), Error> {
        let mut turns = 0;
        while self.memory.is_full() && turns < self.full.len() {
            let turn = self.next_spilled.fetch_add(1, Ordering::Relaxed);
            self.spill(turn % self.full.len())?;
            turns += 1;
        }
        Ok(())
    }

    fn spill(&self, partition: usize) -> Result<(), Error> {
        let Some(held) = self
            .pieces(partition)
            .map(|mut pieces| mem::take(&mut pieces.held))
        else {
            return Ok(());
        };
        if held.is_empty() {
            return Ok(());
        }
        let bytes: u64 = held.iter().map(bytes_of).sum();
        let joined = held.concat();
        drop(held);
        let at = self.scratch.append(joined.as_bytes())?;
        if let Some(mut pieces) = self.pieces(partition) {
            pieces.spilled.push(Spilled {
                at,
                length: joined.len(),
            });
        }
        self.memory.give_back(bytes);
        Ok(())
    }
}

/// The buffers of one worker. They are handed over when it is dropped.
#[derive(Debug)]
pub(crate) struct Scatter<'a, E: HalfEdge> {
    partitions: &'a Partitions<'a, E>,
    buffers: Vec<Vec<E>>,
    /// The error that spilling failed with.
    failed: Option<Error>,
}

impl<'a, E: HalfEdge> Scatter<'a, E> {
    pub(crate) fn new(partitions: &'a Partitions<'a, E>) -> Self {
        Self {
            partitions,
            buffers: partitions.full.iter().map(|_| Vec::new()).collect(),
            failed: None,
        }
    }

    /// Adds both half-edges of a connection.
    #[inline]
    pub(crate) fn connection(&mut self, member: u32, other: u32, time: u64) {
        self.push(E::new(member, other, time));
        self.push(E::new(other, member, time));
    }

    /// Returns the error since the last call, if any. To be called every few thousand connections,
    /// and at the end.
    pub(crate) fn outcome(&mut self) -> Result<(), Error> {
        self.failed.take().map_or(Ok(()), Err)
    }

    #[inline]
    fn push(&mut self, half_edge: E) {
        let partition = (half_edge.source() >> self.partitions.shift) as usize;
        let Some(buffer) = self.buffers.get_mut(partition) else {
            unreachable!(
                "sources are below the number of members that the partitions were made for"
            );
        };
        if buffer.len() == buffer.capacity() {
            let partitions = self.partitions;
            let full = mem::replace(buffer, Vec::with_capacity(partitions.buffer_length));
            partitions.hand_over(partition, full);
            if partitions.memory.is_full() && self.failed.is_none() {
                self.failed = partitions.make_room().err();
            }
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
