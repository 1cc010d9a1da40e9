//! The result of a build, as printed and as used by benches.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use cloud_engine::{GRAPH_NAME, Manifest};
use cloud_model::{LineageId, SourceMark};

use crate::{
    inspect::Standing,
    job::progress::Stage,
    snapshot::{
        database::without_member::WithoutMember, graph::components::Components, rows::layout::names,
    },
};

/// A finished build.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The directory of the snapshot.
    pub snapshot: PathBuf,
    /// The manifest of the snapshot: its lineage, its position in the log, its counts and its
    /// files.
    pub manifest: Manifest,
    /// The arrays of `graph.csr`, with the bytes of each.
    pub graph_sections: Vec<(&'static str, u64)>,
    /// The number of rows of connections that were read.
    pub connection_rows: u64,
    /// The number of positions of all members.
    pub positions: u64,
    /// The times of connections.
    pub times: KnownTimes,
    /// The surplus rows that were dropped.
    pub dropped: Dropped,
    /// The slot of a core database that keeps the changes from the snapshot on.
    pub slot: Option<KeptSlot>,
    /// The bad rows that were skipped, if `on_error` allows it and there are any.
    pub rejected: Option<Rejected>,
    /// The numbers of connections of the members.
    pub degrees: Degrees,
    /// The components of the graph: sets of members that are connected over any number of steps.
    pub components: Components,
    /// The stages, in the order of the build.
    pub stages: Vec<Stage>,
    /// The peak memory of the process so far, in bytes, if the system reports it. The pages of
    /// mapped files are included.
    pub peak_memory_bytes: Option<u64>,
    /// The columns of dump files that no field uses.
    pub unused_columns: Vec<(PathBuf, Vec<String>)>,
}

/// The numbers of surplus rows, which are dropped without loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The connections of a member with itself.
    pub connections_with_themselves: u64,
    /// The members of such connections who have no other row. In a dump without members files,
    /// they are no members.
    pub members: DroppedMembers,
    /// The rows that repeat a connection, in either direction. The earliest known time is kept.
    pub repeated_connections: u64,
    /// The rows that repeat a member with the same content.
    pub repeated_members: u64,
    /// The rows that repeat a position with the same content.
    pub repeated_positions: u64,
    /// The rows of a core database whose members do not exist.
    pub without_member: WithoutMember,
}

/// A slot of a core database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSlot {
    /// Its name.
    pub name: String,
    /// The point from which it keeps the changes, as PostgreSQL writes it.
    pub lsn: String,
}

/// Members who have only connections with themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DroppedMembers {
    /// The number of members.
    pub count: u64,
    /// True if there may be more: they were too many to be kept apart.
    pub is_least: bool,
}

/// The known times of connections, and those of them that are hardly right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KnownTimes {
    /// The rows with a time.
    pub count: u64,
    /// Those before [`Self::SECONDS_OF_2100`] milliseconds. The seconds of every time of our days,
    /// read as milliseconds, are such times.
    pub in_early_1970: u64,
}

impl KnownTimes {
    /// The seconds from 1970 to 2100. So many milliseconds are 48 days.
    pub const SECONDS_OF_2100: u64 = 4_102_444_800;

    #[inline]
    pub(crate) fn count(&mut self, time: u64) {
        self.count += u64::from(time > 0);
        self.in_early_1970 += u64::from(time > 0 && time < Self::SECONDS_OF_2100);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.in_early_1970 += other.in_early_1970;
    }
}

/// The bad rows that were skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The number of rows.
    pub rows: u64,
    /// The file that lists them with file, line and reason.
    pub list: PathBuf,
}

/// The distribution of degrees over all members, those without connections included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Degrees {
    /// Half of the members have at most so many connections.
    pub p50: u64,
    /// Nine tenths of the members have at most so many.
    pub p90: u64,
    /// 99 of 100 members have at most so many.
    pub p99: u64,
    /// The largest degree.
    pub max: u64,
}

/// The number of members with each degree.
#[derive(Debug, Default)]
pub(crate) struct DegreeCounts {
    members: u64,
    /// The counts of low degrees, by degree: most members have few connections.
    low: Vec<u64>,
    /// The counts of the higher degrees, by degree.
    high: BTreeMap<u32, u64>,
}

impl DegreeCounts {
    pub(crate) fn add(&mut self, degrees: &[u32]) {
        const LOW: usize = 1 << 10;
        self.members += degrees.len() as u64;
        self.low.resize(LOW, 0);
        for &degree in degrees {
            match self.low.get_mut(degree as usize) {
                Some(count) => *count += 1,
                None => *self.high.entry(degree).or_default() += 1,
            }
        }
    }

    /// Returns the quantiles by nearest rank.
    pub(crate) fn degrees(&self) -> Degrees {
        let at = |percent: u64| {
            let rank = (self.members * percent).div_ceil(100);
            let low = (0..).zip(self.low.iter().copied());
            let high = self.high.iter().map(|(&degree, &count)| (degree, count));
            let mut members = 0;
            let reached = low.chain(high).find(|(_, count)| {
                members += count;
                members >= rank && *count > 0
            });
            reached.map_or(0, |(degree, _)| u64::from(degree))
        };
        Degrees {
            p50: at(50),
            p90: at(90),
            p99: at(99),
            max: at(100),
        }
    }
}

impl Summary {
    /// Returns the lineage of the snapshot.
    #[must_use]
    pub fn lineage_id(&self) -> LineageId {
        self.manifest.lineage_id
    }
}

/// Returns the peak memory of this process so far, in bytes.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            manifest,
            dropped,
            degrees,
            ..
        } = self;
        writeln!(f, "snapshot     {}", self.snapshot.display())?;
        writeln!(f, "lineage      {}", manifest.lineage_id)?;
        writeln!(f, "stands at    {}", Standing(&manifest.stands_at))?;
        for SourceMark {
            source_id, offset, ..
        } in &manifest.sources
        {
            writeln!(f, "source       {source_id} goes on after offset {offset}")?;
        }
        if let Some(KeptSlot { name, lsn }) = &self.slot {
            writeln!(f, "slot         {name} keeps the changes from {lsn} on")?;
        }
        writeln!(f, "members      {}", manifest.members)?;
        writeln!(
            f,
            "connections  {} of {} rows",
            manifest.connections, self.connection_rows
        )?;
        writeln!(f, "positions    {}", self.positions)?;
        let Degrees { p50, p90, p99, max } = degrees;
        writeln!(f, "degrees      p50 {p50}, p90 {p90}, p99 {p99}, max {max}")?;
        let Components { count, largest } = self.components;
        writeln!(f, "components   {count}, {largest} members in the largest")?;
        for (rows, reason) in [
            (
                dropped.connections_with_themselves,
                "connections of a member with itself",
            ),
            (
                dropped.repeated_connections,
                "repeated connections, either way round",
            ),
            (dropped.repeated_members, "repeated members"),
            (dropped.repeated_positions, "repeated positions"),
        ] {
            writeln!(f, "dropped      {rows} {reason}")?;
        }
        let WithoutMember {
            profiles,
            positions,
            connections,
        } = dropped.without_member;
        for (rows, what) in [
            (profiles, "rows with fields of members"),
            (positions, "positions"),
            (connections, "connections"),
        ] {
            if self.slot.is_some() {
                writeln!(f, "dropped      {rows} {what} whose member does not exist")?;
            }
        }
        let DroppedMembers { count, is_least } = dropped.members;
        if count > 0 {
            let least = if is_least { "at least " } else { "" };
            writeln!(
                f,
                "dropped      {least}{count} members who are connected with themselves alone"
            )?;
        }
        let KnownTimes {
            count,
            in_early_1970,
        } = self.times;
        if in_early_1970 > 0 {
            writeln!(
                f,
                "warning      {in_early_1970} of {count} times of connections are in the first 48 \
                 days of 1970: are they seconds that were read as milliseconds (--map with \
                 time=COLUMN:s)?"
            )?;
        }
        if let Some(Rejected { rows, list }) = &self.rejected {
            writeln!(f, "rejected     {rows} rows, listed in {}", list.display())?;
        }
        for (file, columns) in &self.unused_columns {
            writeln!(f, "not used     {}: {}", file.display(), names(columns))?;
        }
        for stage in &self.stages {
            writeln!(
                f,
                "seconds      {:.3} {}",
                stage.duration.as_secs_f64(),
                stage.name
            )?;
        }
        if let Some(bytes) = self.peak_memory_bytes {
            writeln!(f, "peak memory  {bytes} bytes")?;
        }
        for file in &manifest.files {
            writeln!(f, "bytes        {} {}", file.bytes, file.name)?;
            if file.name == GRAPH_NAME {
                for (section, bytes) in &self.graph_sections {
                    writeln!(f, "bytes        {bytes} {}: {section}", file.name)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_by_nearest_rank() {
        let of = |degrees: &[u32]| {
            let mut counts = DegreeCounts::default();
            degrees.iter().for_each(|&degree| counts.add(&[degree]));
            counts.degrees()
        };
        let all: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(
            of(&all),
            Degrees {
                p50: 50,
                p90: 90,
                p99: 99,
                max: 100
            }
        );
        assert_eq!(
            of(&[3]),
            Degrees {
                p50: 3,
                p90: 3,
                p99: 3,
                max: 3
            }
        );
        assert_eq!(of(&[5, 5_000, 5_000]).p50, 5_000);
        assert_eq!(of(&[]), Degrees::default());
    }

    #[test]
    fn the_system_tells_the_peak_memory() {
        assert!(peak_memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
