//! The process's resident memory, as Linux counts it.

use std::{fs, io};

const STATUS: &str = "/proc/self/status";
const MAPPINGS: &str = "/proc/self/smaps";

/// Resident memory by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Memory that belongs to this process alone.
    pub(crate) anonymous_bytes: u64,
    /// Memory mapped from files, which the system can drop.
    pub(crate) mapped_bytes: u64,
}

impl Resident {
    pub(crate) fn read() -> io::Result<Self> {
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

/// Returns the resident memory mapped from files: for each, its path and bytes.
///
/// The kernel visits every page for this: some milliseconds for each GiB.
pub(crate) fn mapped_files() -> io::Result<Vec<(String, u64)>> {
    Ok(parse_mappings(&fs::read_to_string(MAPPINGS)?))
}

fn parse_mappings(text: &str) -> Vec<(String, u64)> {
    let mut files: Vec<(String, u64)> = Vec::new();
    let mut in_file = false;
    for line in text.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if !first.ends_with(':') {
            // Format: `START-END rights offset device inode path`
            let path = line.find('/').and_then(|start| line.get(start..));
            in_file = path.is_some();
            files.extend(path.map(|path| (path.to_owned(), 0)));
        } else if in_file && let Some((_, bytes)) = files.last_mut() {
            let kib = |text: &str| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok();
            let of = |name| line.strip_prefix(name).and_then(kib).unwrap_or(0) * 1024;
            // Pages that were written in a private mapping are the process's own.
            *bytes = (*bytes + of("Rss:")).saturating_sub(of("Anonymous:"));
        }
    }
    files
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
        let mappings = "7f00-7f01 r--p 00000000 fe:00 123   /site/a b/graph.csr\nSize:  9 kB\n\
            Rss:                12 kB\nAnonymous:           4 kB\nVmFlags: rd mr\n\
            7f02-7f03 rw-p 00000000 00:00 0\nRss:  8 kB\n\
            7f04-7f05 r-xp 00000000 fe:00 1   /bin/x\nRss:  16 kB\n";
        assert_eq!(
            parse_mappings(mappings),
            [
                ("/site/a b/graph.csr".to_owned(), 8 << 10),
                ("/bin/x".to_owned(), 16 << 10)
            ]
        );
        assert!(mapped_files().unwrap().iter().any(|(_, bytes)| *bytes > 0));
        assert!(Resident::read().unwrap().anonymous_bytes > 0);
    }
}
