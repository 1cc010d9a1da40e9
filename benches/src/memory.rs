//! What memory a process takes, as Linux counts it.

use std::fs;
use std::process::Child;
use std::thread;
use std::time::Duration;

use crate::outcome::Outcome;

/// A process is looked at this often while its peak is waited for: the kernel keeps the peak, so only what happens in the
/// last interval can be missed.
const PEAK_INTERVAL: Duration = Duration::from_millis(5);

/// Resident memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Bytes that belong to no file.
    pub anonymous: u64,
    /// Bytes of mapped files.
    pub mapped: u64,
}

impl Resident {
    /// Of a process, or of `self`.
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

    /// Both.
    pub fn total(self) -> u64 {
        self.anonymous + self.mapped
    }
}

/// Waits for a process to end; its peak of resident memory, mapped files included.
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

/// The bytes of a line such as `Rss:   123 kB`.
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
