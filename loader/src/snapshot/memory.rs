//! The memory that a build may take, and how it is shared out.
//!
//! An eighth of the limit and some MiB per core are left to buffers and to the allocator. All
//! memory that grows with the dump is counted:
//!
//! - Half-edges and the rows of members and positions. They go to files in the scratch folder when
//!   there is no room.
//! - Data that must stay in memory: 32 bytes per member.
//!
//! Rows and the graph are read and written, not mapped, so the system may reclaim the pages of the
//! file cache. Files are mapped in two places. The index maps its parts while they are merged. For
//! an order other than that of the ids, `graph.csr` and `times.bin` are mapped while their rows are
//! copied. The system may reclaim those pages too, but counts them as memory of the process.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use cloud_machine::memory_limit;

use crate::job::error::Error;

const MIB: u64 = 1 << 20;
/// The program itself, its stacks, and one table of tantivy per indexing thread.
const PROCESS_BYTES: u64 = 128 * MIB;
/// The blocks of rows and open buffers of a worker.
const WORKER_BYTES: u64 = 32 * MIB;
/// The least memory for held rows: with less, a build reads and writes more than it sorts.
const HELD_BYTES_MIN: u64 = 64 * MIB;
/// The memory of a member: its id, look-up, degree and component; later the id and offset of its
/// profile.
pub(crate) const BYTES_PER_MEMBER: u64 = 32;
/// The most memory for building the index: more does not make it faster.
const INDEX_BYTES_MAX: u64 = 1 << 30;

/// The most memory that a build takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit {
    bytes: u64,
    held_bytes: u64,
}

/// Why a `--memory` value was rejected: not a size, or too small.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The value is not a number and a unit.
    #[error("\"{0}\" is not a size such as 2GiB, 512MiB or 3000000000")]
    NotASize(String),
    /// The value is less than the fixed costs of a build and 64 MiB for held rows.
    #[error("{found} is too little memory: the least that works is {least}")]
    TooLittle {
        /// The limit that was given.
        found: Size,
        /// The least limit that works.
        least: Size,
    },
}

/// A number of bytes, printed in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl MemoryLimit {
    /// Makes a limit of so many bytes.
    ///
    /// # Errors
    /// When it is less than the least limit that works on this machine.
    pub fn new(bytes: u64) -> Result<Self, MemoryError> {
        let least = least_bytes(HELD_BYTES_MIN);
        if bytes < least {
            return Err(MemoryError::TooLittle {
                found: Size(bytes),
                least: Size(least),
            });
        }
        Ok(Self {
            bytes,
            held_bytes: bytes - bytes / 8 - fixed_bytes(),
        })
    }

    /// Returns half of the memory of the machine, or of the control group of this process. Returns
    /// the least limit that works if that is more.
    #[must_use]
    pub fn of_machine() -> Self {
        let bytes = memory_limit().unwrap_or(0) / 2;
        Self::new(bytes).unwrap_or(Self::least())
    }

    /// Returns the least limit that works on this machine.
    pub(crate) fn least() -> Self {
        Self {
            bytes: least_bytes(HELD_BYTES_MIN),
            held_bytes: HELD_BYTES_MIN,
        }
    }

    /// Returns the same limit, except that rows go to files as soon as `held_bytes` bytes of them
    /// are held. So small dumps can be used to test the handling of large ones.
    #[must_use]
    pub fn spilling_above(self, held_bytes: u64) -> Self {
        Self { held_bytes, ..self }
    }

    /// Returns the bytes above which rows are sorted on disk; once for members and once for
    /// positions.
    pub(crate) fn sorter_bytes(self) -> usize {
        (self.held_bytes / 8).min(512 * MIB) as usize
    }

    /// Returns the memory for building the index. From a limit of 2 GiB on it is always the same,
    /// so that the index is built in the same way.
    pub(crate) fn index_bytes(self) -> usize {
        (self.bytes / 2).min(INDEX_BYTES_MAX) as usize
    }
}

impl Default for MemoryLimit {
    fn default() -> Self {
        Self::of_machine()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(MIB))
    }
}

impl FromStr for MemoryLimit {
    type Err = MemoryError;

    fn from_str(text: &str) -> Result<Self, MemoryError> {
        let Size(bytes) = text.parse()?;
        Self::new(bytes)
    }
}

impl FromStr for Size {
    type Err = MemoryError;

    fn from_str(text: &str) -> Result<Self, MemoryError> {
        let not_a_size = || MemoryError::NotASize(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kib" | "k" => 1 << 10,
            "mib" | "m" => MIB,
            "gib" | "g" => 1 << 30,
            "tib" | "t" => 1 << 40,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            _ => return Err(not_a_size()),
        };
        let number: u64 = number.parse().map_err(|_| not_a_size())?;
        number.checked_mul(unit).map(Self).ok_or_else(not_a_size)
    }
}

/// The memory of a running build, shared by its workers.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: MemoryLimit,
    held: AtomicU64,
}

impl Memory {
    pub(crate) fn new(limit: MemoryLimit) -> Self {
        Self {
            limit,
            held: AtomicU64::new(0),
        }
    }

    pub(crate) fn take(&self, bytes: u64) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes the memory that each member needs as long as the build runs.
    pub(crate) fn take_for_members(&self, members: usize) -> Result<(), Error> {
        self.check_members(members as u64)?;
        self.take(members as u64 * BYTES_PER_MEMBER);
        Ok(())
    }

    /// Fails with `TooLittleMemory` when there are more members than [`Self::members_max`].
    pub(crate) fn check_members(&self, members: u64) -> Result<(), Error> {
        if members <= self.members_max() {
            return Ok(());
        }
        Err(Error::TooLittleMemory {
            found: Size(self.limit.bytes),
            members,
            least: Size(least_bytes(2 * members * BYTES_PER_MEMBER)),
        })
    }

    /// Returns the largest number of members: they may take half of the memory. There is no limit
    /// below `HELD_BYTES_MIN`, which only tests set.
    pub(crate) fn members_max(&self) -> u64 {
        match self.limit.held_bytes {
            ..HELD_BYTES_MIN => u64::MAX,
            held_bytes => held_bytes / 2 / BYTES_PER_MEMBER,
        }
    }

    /// Returns whether rows should go to files. The last quarter is reserved for sorting.
    pub(crate) fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.limit.held_bytes / 4 * 3
    }

    /// Returns the bytes that can be taken before the memory is full.
    pub(crate) fn left(&self) -> u64 {
        (self.limit.held_bytes / 4 * 3).saturating_sub(self.held.load(Ordering::Relaxed))
    }

    /// Returns the bytes for sorting, which do not depend on what is held.
    pub(crate) fn sort_bytes(&self) -> u64 {
        self.limit.held_bytes / 4
    }

    /// Returns the most bytes that may be held.
    pub(crate) fn held_bytes_max(&self) -> u64 {
        self.limit.held_bytes
    }
}

fn fixed_bytes() -> u64 {
    PROCESS_BYTES + rayon::current_num_threads() as u64 * WORKER_BYTES
}

/// Returns the least limit under which `held_bytes` bytes may be held.
fn least_bytes(held_bytes: u64) -> u64 {
    ((held_bytes + fixed_bytes()) * 8).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("2GiB", 2 << 30),
            ("2 gib", 2 << 30),
            ("900MB", 900_000_000),
            ("3000000000", 3_000_000_000),
            ("1T", 1 << 40),
        ] {
            assert_eq!(
                text.parse::<MemoryLimit>().map(|limit| limit.bytes),
                Ok(bytes),
                "{text}"
            );
        }
        for text in ["", "GiB", "2 bananas", "-1", "1.5GiB", "99999999TiB"] {
            assert_eq!(
                text.parse::<MemoryLimit>(),
                Err(MemoryError::NotASize(text.to_owned()))
            );
        }
    }

    #[test]
    fn the_least_that_works_works_and_less_does_not() {
        let least = least_bytes(HELD_BYTES_MIN);
        assert!(MemoryLimit::new(least).unwrap().held_bytes >= HELD_BYTES_MIN);
        let error = MemoryLimit::new(least - 1).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(&format!("the least that works is {}", Size(least))),
            "{error}"
        );
        let memory = Memory::new(MemoryLimit::new(least).unwrap());
        let Err(Error::TooLittleMemory {
            least: Size(least), ..
        }) = memory.take_for_members(10_000_000)
        else {
            panic!("10 M members do not fit");
        };
        let memory = Memory::new(MemoryLimit::new(least).unwrap());
        memory.take_for_members(10_000_000).unwrap();
    }
}
