//! The summary of a generated site, and its cost.

use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

use crate::{Shape, output::WrittenFile};

/// The summary of `loader generate`. Its `Display` text is the command's output.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The number of members, with or without connections.
    pub members: u64,
    /// The number of connections, each counted once.
    pub connections: u64,
    /// The number of positions; 0 when no profiles were generated.
    pub positions: u64,
    /// The measured shape of the graph.
    pub shape: Shape,
    /// The files, with their sizes.
    pub files: Vec<WrittenFile>,
    /// The time from the first draw to the last measurement.
    pub elapsed: Duration,
    /// The greatest resident memory of the process, where the operating system reports it.
    pub peak_memory: Option<u64>,
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shape = &self.shape;
        let mean = 2.0 * self.connections as f64 / self.members as f64;
        writeln!(f, "members              {}", self.members)?;
        writeln!(
            f,
            "connections          {} (mean degree {mean:.2})",
            self.connections
        )?;
        writeln!(f, "positions            {}", self.positions)?;
        writeln!(
            f,
            "degree               p50 {}, p90 {}, p99 {}, max {}",
            shape.degree_p50, shape.degree_p90, shape.degree_p99, shape.degree_max
        )?;
        writeln!(f, "hubs                 {}", shape.hubs)?;
        writeln!(
            f,
            "inside communities   {:.0} % of connections",
            100.0 * shape.inside_communities
        )?;
        writeln!(
            f,
            "3rd degree           {:.2} % of all members (median of viewers drawn by degree)",
            100.0 * shape.third_degree_median
        )?;
        for file in &self.files {
            writeln!(f, "{:20} {} bytes", file_name(file), file.bytes)?;
        }
        writeln!(f, "seconds              {:.1}", self.elapsed.as_secs_f64())?;
        match self.peak_memory {
            Some(bytes) => write!(f, "peak memory          {} MiB", bytes >> 20),
            None => write!(f, "peak memory          unknown"),
        }
    }
}

fn file_name(file: &WrittenFile) -> String {
    file.path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Returns the process's high-water mark of resident memory in bytes; Linux only.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_memory_is_more_than_nothing_on_linux() {
        assert_eq!(peak_memory().is_some(), cfg!(target_os = "linux"));
        assert_ne!(peak_memory(), Some(0));
    }
}
