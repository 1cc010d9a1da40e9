//! How much memory a build may take, and who has how much of it.
//!
//! Of the limit, an eighth and some MiB a core are left to buffers and to the allocator. Everything that grows with the dump is
//! counted: half-edges and rows of people, which go to files in the scratch folder when there is no room, and what must stay in
//! memory, 32 bytes a member. Rows and the graph are read and written, not mapped, so the pages of the file cache are the
//! system's to take back. Files are mapped in two places: the index maps its parts while they are merged, and for an order other
//! than that of the ids `graph.csr` and `times.bin` are mapped while their rows are copied. The system may take those pages back
//! too, but counts them as the process's memory.

use std::fmt;
use std::fs;
use std::path::{Component, Path};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::job::error::Error;

const MIB: u64 = 1 << 20;
/// The program itself, its stacks, and a table of tantivy's for each thread that indexes.
const PROCESS_BYTES: u64 = 128 * MIB;
/// Blocks of rows and open buffers.
const WORKER_BYTES: u64 = 32 * MIB;
/// Below this, more is read and written than sorted.
const HELD_BYTES_MIN: u64 = 64 * MIB;
/// Id, look-up, degree and component; later id and offset of the profile.
pub(crate) const BYTES_PER_MEMBER: u64 = 32;
/// More does not make it faster.
const INDEX_BYTES_MAX: u64 = 1 << 30;
/// Where the control groups of version 2 stand.
const GROUPS: &str = "/sys/fs/cgroup";

/// The most memory that a build takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit {
    bytes: u64,
    held_bytes: u64,
}

/// Why a size of memory is none, or none that works.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// It is not a number and a unit.
    #[error("\"{0}\" is not a size such as 2GiB, 512MiB or 3000000000")]
    NotASize(String),
    /// Not even one block of rows for each core would fit.
    #[error("{found} is too little memory: the least that works is {least}")]
    TooLittle {
        /// What was asked for.
        found: Size,
        /// What works.
        least: Size,
    },
}

/// Bytes, printed in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl MemoryLimit {
    /// At most so many bytes.
    ///
    /// # Errors
    /// When it is less than the least that works here.
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

    /// Half of what the machine, or the control group of this process, has; the least that works if that is more.
    #[must_use]
    pub fn of_machine() -> Self {
        let bytes = machine_bytes().unwrap_or(0) / 2;
        Self::new(bytes).unwrap_or(Self::least())
    }

    /// The least that works here.
    pub(crate) fn least() -> Self {
        Self {
            bytes: least_bytes(HELD_BYTES_MIN),
            held_bytes: HELD_BYTES_MIN,
        }
    }

    /// The same limit, but rows go to files as soon as so many bytes of them are held: to try what happens to large dumps
    /// with small ones.
    #[must_use]
    pub fn spilling_above(self, held_bytes: u64) -> Self {
        Self { held_bytes, ..self }
    }

    /// Rows of people above this are sorted on disk; once for members and once for positions.
    pub(crate) fn sorter_bytes(self) -> usize {
        (self.held_bytes / 8).min(512 * MIB) as usize
    }

    /// What building the index may take: from 2 GiB on always the same, so that the index is put together alike.
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
        Self::new(number.checked_mul(unit).ok_or_else(not_a_size)?)
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

    /// For what must be in memory as long as there are members.
    pub(crate) fn take_for_members(&self, members: usize) -> Result<(), Error> {
        self.check_members(members as u64)?;
        self.take(members as u64 * BYTES_PER_MEMBER);
        Ok(())
    }

    /// Errors with `TooLittleMemory` when there are more members than there may be.
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

    /// How many members there may be: they take half. Any number under a limit that no build is given, but tests set.
    pub(crate) fn members_max(&self) -> u64 {
        match self.limit.held_bytes {
            ..HELD_BYTES_MIN => u64::MAX,
            held_bytes => held_bytes / 2 / BYTES_PER_MEMBER,
        }
    }

    /// Whether rows should go to files. The last quarter is for sorting.
    pub(crate) fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.limit.held_bytes / 4 * 3
    }

    /// What may be taken before it is full.
    pub(crate) fn left(&self) -> u64 {
        (self.limit.held_bytes / 4 * 3).saturating_sub(self.held.load(Ordering::Relaxed))
    }

    /// For sorting, whatever is held.
    pub(crate) fn sort_bytes(&self) -> u64 {
        self.limit.held_bytes / 4
    }

    /// All that may be held.
    pub(crate) fn held_bytes_max(&self) -> u64 {
        self.limit.held_bytes
    }
}

fn fixed_bytes() -> u64 {
    PROCESS_BYTES + rayon::current_num_threads() as u64 * WORKER_BYTES
}

/// The limit of which so many bytes may be held.
fn least_bytes(held_bytes: u64) -> u64 {
    ((held_bytes + fixed_bytes()) * 8).div_ceil(7)
}

fn machine_bytes() -> Option<u64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group_bytes(&groups, Path::new(GROUPS));
    Some((kibibytes * 1024).min(group.unwrap_or(u64::MAX)))
}

/// The lowest limit of a process's control group and of those that it lies in, if there is one. `groups` is what
/// `/proc/self/cgroup` says: the line `0::/path` names the group of version 2, below `root`. (See cgroups(7).)
fn group_bytes(groups: &str, root: &Path) -> Option<u64> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"));
    // A group outside of what this process may see begins with "/..": what it sees of it is the root.
    let names = Path::new(path.unwrap_or("/")).components();
    let names = names.filter(|component| matches!(component, Component::Normal(_)));
    let group = names.fold(root.to_owned(), |group, name| group.join(name));
    group
        .ancestors()
        .take_while(|group| group.starts_with(root))
        .filter_map(|group| fs::read_to_string(group.join("memory.max")).ok())
        // Without a limit it says "max".
        .filter_map(|text| text.trim().parse().ok())
        .min()
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

    #[test]
    fn the_lowest_limit_of_the_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("site/loader");
        fs::create_dir_all(&inner).unwrap();
        let check = |groups: &str, expected: Option<u64>| {
            assert_eq!(group_bytes(groups, root.path()), expected, "{groups:?}");
        };
        let loader = "3:cpu:/old\n0::/site/loader\n";
        check(loader, None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        check(loader, None);
        fs::write(inner.join("memory.max"), "3000\n").unwrap();
        check(loader, Some(3000));
        fs::write(root.path().join("site/memory.max"), "2000\n").unwrap();
        check(loader, Some(2000));
        check("0::/site\n", Some(2000));
        check("0::/site/loader/gone\n", Some(2000));
        check("0::/\n", None);
        fs::write(root.path().join("memory.max"), "9000\n").unwrap();
        check(loader, Some(2000));
        for groups in ["0::/\n", "0::/../other\n", "", "3:cpu:/old\n"] {
            check(groups, Some(9000));
        }
    }

    #[test]
    fn the_machine_has_memory() {
        assert!(machine_bytes().is_some_and(|bytes| bytes > 1 << 28));
    }
}
