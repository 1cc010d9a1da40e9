//! How much memory the process has resident, as Linux counts it.

use std::{fs, io};

const STATUS: &str = "/proc/self/status";

/// Resident memory by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// What only the process has.
    pub(crate) anonymous_bytes: u64,
    /// What it maps from files, and the system could drop.
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
        assert!(Resident::read().unwrap().anonymous_bytes > 0);
    }
}
