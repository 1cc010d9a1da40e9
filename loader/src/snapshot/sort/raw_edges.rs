//! Connections between ids whose node indexes are not known yet. They are kept only if there is no
//! members file. Blocks that do not fit the memory go to a scratch file.

use std::mem;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zerocopy::IntoBytes;

use crate::{
    job::error::Error,
    snapshot::{memory::Memory, sort::scratch_file::ScratchFile},
};

/// A block of connections, in columns: 16 bytes each, 24 with times.
#[derive(Debug, Default)]
pub(crate) struct RawEdges {
    ends: Vec<[u64; 2]>,
    /// The time of each connection. Empty if the dump has no times.
    times: Vec<u64>,
}

impl RawEdges {
    /// The most connections of a block. Blocks are a few MiB and are freed one by one as they are
    /// used.
    pub(crate) const LENGTH_MAX: usize = 1 << 18;

    /// Makes an empty block with its full capacity, so that nothing is copied when it grows.
    fn with_capacity(length: usize, timed: bool) -> Self {
        Self {
            ends: Vec::with_capacity(length),
            times: Vec::with_capacity(if timed { length } else { 0 }),
        }
    }

    #[inline]
    pub(crate) fn push<const TIMED: bool>(&mut self, member: u64, other: u64, time: u64) {
        self.ends.push([member, other]);
        if TIMED {
            self.times.push(time);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.ends.iter().flatten().copied()
    }

    /// Returns both ends of each connection.
    pub(crate) fn ends(&self) -> &[[u64; 2]] {
        &self.ends
    }

    /// Returns the time of each connection; 0 if unknown.
    pub(crate) fn times(&self) -> impl Iterator<Item = u64> + '_ {
        self.times.iter().copied().chain(std::iter::repeat(0))
    }

    fn bytes(&self) -> u64 {
        (self.ends.capacity() * size_of::<[u64; 2]>() + self.times.capacity() * size_of::<u64>())
            as u64
    }
}

/// All blocks of a dump.
#[derive(Debug)]
pub(crate) struct RawBlocks<'m> {
    blocks: Mutex<Vec<Block>>,
    scratch: ScratchFile,
    memory: &'m Memory,
    block_length: usize,
}

#[derive(Debug)]
enum Block {
    Held(RawEdges),
    Spilled {
        length: usize,
        ends_at: u64,
        times_at: Option<u64>,
    },
}

impl Block {
    fn len(&self) -> usize {
        match self {
            Self::Held(edges) => edges.len(),
            Self::Spilled { length, .. } => *length,
        }
    }
}

impl<'m> RawBlocks<'m> {
    pub(crate) fn new(directory: &Path, memory: &'m Memory) -> Result<Self, Error> {
        let workers = rayon::current_num_threads() as u64;
        let block_length = memory.held_bytes_max() / 16 / workers / 24;
        Ok(Self {
            blocks: Mutex::default(),
            scratch: ScratchFile::create(directory, "connections")?,
            memory,
            block_length: (block_length as usize).clamp(1, RawEdges::LENGTH_MAX),
        })
    }

    /// Returns the number of connections with which a block is handed over.
    pub(crate) fn block_length(&self) -> usize {
        self.block_length
    }

    /// Keeps a block, or spills it, and leaves the buffer empty. A block is spilled if less than a
    /// third of what may be held would stay free: that third is for the members' ids.
    pub(crate) fn hand_over(&self, edges: &mut RawEdges) -> Result<(), Error> {
        if edges.len() == 0 {
            return Ok(());
        }
        let bytes = edges.bytes();
        let block = if self.memory.left() < self.memory.held_bytes_max() / 3 + bytes {
            let ends_at = self.scratch.append(edges.ends.as_bytes())?;
            let times_at = match edges.times.is_empty() {
                true => None,
                false => Some(self.scratch.append(edges.times.as_bytes())?),
            };
            let length = edges.len();
            edges.ends.clear();
            edges.times.clear();
            Block::Spilled {
                length,
                ends_at,
                times_at,
            }
        } else {
            self.memory.take(bytes);
            let next = RawEdges::with_capacity(self.block_length, !edges.times.is_empty());
            Block::Held(mem::replace(edges, next))
        };
        lock(&self.blocks).push(block);
        Ok(())
    }

    /// Returns the number of connections.
    pub(crate) fn len(&self) -> u64 {
        let blocks = lock(&self.blocks);
        blocks.iter().map(|block| block.len() as u64).sum()
    }

    /// Visits every block once, in no order, on all cores. Each core has a state of its own.
    pub(crate) fn for_each<S: Send>(
        &self,
        new_state: impl Fn() -> S + Sync,
        visit: impl Fn(&mut S, &RawEdges) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        self.visit_all(new_state, visit, |block| lock(&self.blocks).push(block))
    }

    /// Visits every block like [`Self::for_each`], and frees each after its visit.
    pub(crate) fn drain<S: Send>(
        self,
        new_state: impl Fn() -> S + Sync,
        visit: impl Fn(&mut S, &RawEdges) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        self.visit_all(new_state, visit, |block| {
            if let Block::Held(edges) = block {
                self.memory.give_back(edges.bytes());
            }
        })
    }

    fn visit_all<S: Send>(
        &self,
        new_state: impl Fn() -> S + Sync,
        visit: impl Fn(&mut S, &RawEdges) -> Result<(), Error> + Sync,
        visited: impl Fn(Block) + Sync,
    ) -> Result<(), Error> {
        let mut blocks = mem::take(&mut *lock(&self.blocks));
        // Blocks in memory come first: freeing them makes room for the results of the others.
        blocks.sort_by_key(|block| matches!(block, Block::Held(_)));
        let blocks = Mutex::new(blocks);
        let outcomes = rayon::broadcast(|_| {
            let (mut state, mut read) = (new_state(), RawEdges::default());
            loop {
                let Some(block) = lock(&blocks).pop() else {
                    return Ok(());
                };
                let edges = match &block {
                    Block::Held(edges) => edges,
                    Block::Spilled {
                        length,
                        ends_at,
                        times_at,
                    } => {
                        self.read(&mut read, *length, *ends_at, *times_at)?;
                        &read
                    }
                };
                visit(&mut state, edges)?;
                visited(block);
            }
        });
        outcomes.into_iter().collect()
    }

    fn read(
        &self,
        edges: &mut RawEdges,
        length: usize,
        ends_at: u64,
        times_at: Option<u64>,
    ) -> Result<(), Error> {
        edges.ends.resize(length, [0; 2]);
        self.scratch.read(edges.ends.as_mut_bytes(), ends_at)?;
        if let Some(at) = times_at {
            edges.times.resize(length, 0);
            self.scratch.read(edges.times.as_mut_bytes(), at)?;
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
