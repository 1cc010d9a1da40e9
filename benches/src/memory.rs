//! The memory of a process, as Linux counts it.

use std::{fs, process::Child, thread, time::Duration};

use crate::outcome::Outcome;

/// The interval between reads of a process's peak. The kernel keeps the peak, so only the growth of
/// the last interval can be missed.
const PEAK_INTERVAL: Duration = Duration::from_millis(5);

/// Resident memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// The bytes that belong to no file.
    pub anonymous: u64,
    /// The bytes of mapped files.
    pub mapped: u64,
}

impl Resident {
    /// Reads the memory of a process, or of `self`.
    pub fn of(process: &str) -> Outcome<Self> {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let bytes = |name: &str| {
            kilobytes(&rollup, name)
                .ok_or_else(|| format!("smaps_rollup of {process} has no {name}"))
        };
        let anonymous = bytes("Anonymous:")?;
        Ok(Self {
            anonymous,
            mapped: bytes("Rss:")?.saturating_sub(anonymous),
        })
    }

    /// Returns the sum of both.
    pub fn total(self) -> u64 {
        self.anonymous + self.mapped
    }
}

/// Waits for a process to end, and returns its peak of resident memory, mapped files included.
pub fn wait_for_peak(process: &mut Child) -> Outcome<u64> {
    let path = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    while process.try_wait()?.is_none() {
        let status = fs::read_to_string(&path).unwrap_or_default();
        peak = peak.max(kilobytes(&status, "VmHWM:").unwrap_or(0));
        thread::sleep(PEAK_INTERVAL);
    }
    Ok(peak)
}

/// Parses the bytes of a line such as `Rss:   123 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_is_read() {
        let resident = Resident::of("self").unwrap();
        assert!(
            resident.anonymous > 0 && resident.mapped > 0,
            "{resident:?}"
        );
    }
}
