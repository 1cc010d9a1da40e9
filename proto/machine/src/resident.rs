//! The process's resident memory, as Linux counts it.

use std::{fs, io};

const STATUS: &str = "/proc/self/status";
const MAPPINGS: &str = "/proc/self/smaps";

/// Resident memory by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// Memory that belongs to this process alone.
    pub anonymous_bytes: u64,
    /// Memory mapped from files, which the system can drop.
    pub mapped_bytes: u64,
}

impl Resident {
    /// Reads it from the system.
    ///
    /// # Errors
    /// If the system does not state it.
    pub fn read() -> io::Result<Self> {
        let status = fs::read_to_string(STATUS)?;
        let missing = || {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{STATUS} lacks RssAnon or RssFile"),
            )
        };
        Self::parse(&status).ok_or_else(missing)
    }

    fn parse(status: &str) -> Option<Self> {
        let bytes = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            kib.checked_mul(1024)
        };
        Some(Self {
            anonymous_bytes: bytes("RssAnon:")?,
            mapped_bytes: bytes("RssFile:")?,
        })
    }
}

/// A map of the process, with its resident memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The address of its first byte.
    pub start: usize,
    /// The path of the file; empty for memory without a file.
    pub path: String,
    /// Pages that belong to this process alone.
    pub anonymous_bytes: u64,
    /// Pages of the file, which the system can drop.
    pub mapped_bytes: u64,
    /// The part of both that stands in large pages.
    pub large_bytes: u64,
}

/// Returns the maps of the process.
///
/// The kernel visits every page for this: some milliseconds for each GiB.
///
/// # Errors
/// If the system does not list them.
pub fn mappings() -> io::Result<Vec<Mapping>> {
    Ok(parse_mappings(&fs::read_to_string(MAPPINGS)?))
}

fn parse_mappings(text: &str) -> Vec<Mapping> {
    let mut maps: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if !first.ends_with(':') {
            // Format: `START-END rights offset device inode path`
            let start = first.split('-').next().unwrap_or_default();
            let path = line.find('/').and_then(|start| line.get(start..));
            maps.push(Mapping {
                start: usize::from_str_radix(start, 16).unwrap_or(0),
                path: path.unwrap_or_default().to_owned(),
                anonymous_bytes: 0,
                mapped_bytes: 0,
                large_bytes: 0,
            });
        } else if let Some(map) = maps.last_mut() {
            let kib = |text: &str| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok();
            let of = |name| line.strip_prefix(name).and_then(kib).unwrap_or(0) * 1024;
            // Pages that were written in a private map are the process's own. The kernel lists
            // them after all resident ones.
            map.mapped_bytes += of("Rss:");
            let anonymous = of("Anonymous:");
            map.anonymous_bytes += anonymous;
            map.mapped_bytes = map.mapped_bytes.saturating_sub(anonymous);
            map.large_bytes += of("AnonHugePages:") + of("FilePmdMapped:") + of("ShmemPmdMapped:");
        }
    }
    maps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_text_is_parsed() {
        let status = "VmRSS:\t  30 kB\nRssAnon:\t      12 kB\nRssFile:\t      18 kB\n";
        assert_eq!(
            Resident::parse(status),
            Some(Resident {
                anonymous_bytes: 12 << 10,
                mapped_bytes: 18 << 10
            })
        );
        assert_eq!(Resident::parse("RssAnon: x kB"), None);
        let text = "7f00-7f01 r--p 00000000 fe:00 123   /site/a b/graph.csr\nSize:  9 kB\n\
            Rss:                12 kB\nAnonymous:           4 kB\nFilePmdMapped:  2 kB\n\
            VmFlags: rd mr\n\
            7f02-7f03 rw-p 00000000 00:00 0\nRss:  8 kB\nAnonymous:  8 kB\n\
            AnonHugePages:  6 kB\n\
            7f04-7f05 r-xp 00000000 fe:00 1   /bin/x\nRss:  16 kB\n";
        let map = |start, path: &str, anonymous: u64, mapped: u64, large: u64| Mapping {
            start,
            path: path.to_owned(),
            anonymous_bytes: anonymous << 10,
            mapped_bytes: mapped << 10,
            large_bytes: large << 10,
        };
        assert_eq!(
            parse_mappings(text),
            [
                map(0x7f00, "/site/a b/graph.csr", 4, 8, 2),
                map(0x7f02, "", 8, 0, 6),
                map(0x7f04, "/bin/x", 0, 16, 0),
            ]
        );
        let maps = mappings().unwrap();
        assert!(maps.iter().any(|map| map.mapped_bytes > 0));
        let own: u64 = maps.iter().map(|map| map.anonymous_bytes).sum();
        assert!(own > 0);
        assert!(Resident::read().unwrap().anonymous_bytes > 0);
    }
}
