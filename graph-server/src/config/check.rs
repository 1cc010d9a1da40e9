//! The permitted values of each key. A value with which the server cannot run is rejected at start,
//! by its key.

use crate::{
    config::{Config, ConfigError, Databus},
    limits::Limits,
};
use cloud_capture::Database;
use cloud_serving::log::check_log_level;
use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

const THREADS_MAX: u64 = 1_024;
/// The maximum of any key that counts items.
const COUNT_MAX: u64 = 1 << 20;
const EDGES_MAX: u64 = 1 << 50;
const BYTES_MAX: u64 = 1 << 50;
/// Smaller segments would make more files than windows.
const SEGMENT_BYTES_MIN: u64 = 4 << 10;
/// Ten years.
const AGE_MS_MAX: u64 = 3650 * MILLISECONDS_MAX;
const PERCENT_MAX: u64 = 10_000;
/// One day.
const MILLISECONDS_MAX: u64 = 86_400_000;

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// With the key and its permitted values, if the server cannot run with a value.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.check_places()?;
        check_log_level(&self.log_level).map_err(|problem| refused("log-level", problem))?;
        if self.slow_request_ms > MILLISECONDS_MAX {
            let (value, max) = (self.slow_request_ms, MILLISECONDS_MAX);
            return Err(refused(
                "slow-request-ms",
                format!("is {value}, and must be 0 to {max}"),
            ));
        }
        self.limits.check()
    }

    /// Checks that there are either snapshot and log, or a core database and its folder.
    fn check_places(&self) -> Result<(), ConfigError> {
        let no_log = Databus::Embedded(PathBuf::new());
        let of_files = [
            ("snapshot", self.snapshot != Path::new("")),
            ("databus", self.databus != no_log),
        ];
        let of_database = [
            ("mapping", self.mapping != Path::new("")),
            ("data", self.data != Path::new("")),
        ];
        let (needed, unused, problem) = match self.has_core_database() {
            true => (
                of_database,
                of_files,
                "must not be given with core-database, whose server has it in its folder `data`",
            ),
            false => (of_files, of_database, "is only for a core-database"),
        };
        for (key, is_given) in needed {
            if !is_given {
                return Err(refused(key, "must be given"));
            }
        }
        for (key, is_given) in unused {
            if is_given {
                return Err(refused(key, problem));
            }
        }
        if !self.has_core_database() {
            return Ok(());
        }
        Database::at(&self.core_database)
            .map(drop)
            .map_err(|error| refused("core-database", error.to_string()))
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        for (key, value, range) in self.ranges() {
            if !range.contains(&value) {
                let (min, max) = range.into_inner();
                return Err(refused(
                    key,
                    format!("is {value}, and must be {min} to {max}"),
                ));
            }
        }
        let not_above = |key, value, other, limit| {
            if value > limit {
                Err(refused(
                    key,
                    format!("is {value}, and must not be above {other}, {limit}"),
                ))
            } else {
                Ok(())
            }
        };
        not_above(
            "inline-edges-max",
            self.inline_edges_max,
            "request-edges-max",
            self.request_edges_max,
        )?;
        not_above(
            "deadline-ms-default",
            self.deadline_ms_default,
            "deadline-ms-max",
            self.deadline_ms_max,
        )
    }

    /// Returns the permitted range of each limit. 0 turns a kind of call off. A limit that would
    /// stop the server at 0 starts at 1.
    fn ranges(&self) -> [(&'static str, u64, RangeInclusive<u64>); 32] {
        let count = 1..=COUNT_MAX;
        let calls = 0..=COUNT_MAX;
        let time = 1..=MILLISECONDS_MAX;
        [
            (
                "view-cache-bytes-max",
                self.view_cache_bytes_max,
                0..=BYTES_MAX,
            ),
            ("sessions-max", self.sessions_max as u64, calls.clone()),
            (
                "session-idle-ms-max",
                self.session_idle_ms_max,
                time.clone(),
            ),
            ("overlay-bytes-max", self.overlay_bytes_max, 1..=BYTES_MAX),
            (
                "compaction-percent",
                self.compaction_percent,
                0..=PERCENT_MAX,
            ),
            (
                "compaction-bytes-min",
                self.compaction_bytes_min,
                0..=BYTES_MAX,
            ),
            (
                "snapshot-interval-ms",
                self.snapshot_interval_ms,
                0..=MILLISECONDS_MAX,
            ),
            ("snapshots-kept", self.snapshots_kept as u64, count.clone()),
            ("request-edges-max", self.request_edges_max, 1..=EDGES_MAX),
            ("inline-edges-max", self.inline_edges_max, 0..=EDGES_MAX),
            ("heavy-threads", self.heavy_threads as u64, 1..=THREADS_MAX),
            (
                "search-threads",
                self.search_threads as u64,
                1..=THREADS_MAX,
            ),
            (
                "queued-requests-max",
                self.queued_requests_max as u64,
                count.clone(),
            ),
            (
                "requests-in-flight-max",
                self.requests_in_flight_max as u64,
                count.clone(),
            ),
            (
                "concurrent-streams-max",
                self.concurrent_streams_max.into(),
                count.clone(),
            ),
            ("connections-max", self.connections_max as u64, count),
            (
                "subscriptions-max",
                self.subscriptions_max as u64,
                calls.clone(),
            ),
            (
                "list-streams-max",
                self.list_streams_max as u64,
                calls.clone(),
            ),
            (
                "list-streams-bytes-max",
                self.list_streams_bytes_max,
                1..=BYTES_MAX,
            ),
            ("publishers-max", self.publishers_max as u64, calls.clone()),
            ("publish-bytes-max", self.publish_bytes_max, 1..=BYTES_MAX),
            (
                "log-segment-bytes",
                self.log_segment_bytes,
                SEGMENT_BYTES_MIN..=BYTES_MAX,
            ),
            ("log-bytes-max", self.log_bytes_max, 0..=BYTES_MAX),
            ("log-age-ms-max", self.log_age_ms_max, 0..=AGE_MS_MAX),
            ("stall-ms-max", self.stall_ms_max, time.clone()),
            ("idle-ms-max", self.idle_ms_max, time.clone()),
            ("wait-ms-max", self.wait_ms_max, 0..=MILLISECONDS_MAX),
            ("waiters-max", self.waiters_max as u64, calls),
            (
                "deadline-ms-default",
                self.deadline_ms_default,
                time.clone(),
            ),
            ("deadline-ms-max", self.deadline_ms_max, time),
            (
                "profiles-commit-interval-ms",
                self.profiles_commit_interval_ms,
                0..=MILLISECONDS_MAX,
            ),
            (
                "drain-timeout-ms",
                self.drain_timeout_ms,
                0..=MILLISECONDS_MAX,
            ),
        ]
    }
}

fn refused(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Value {
        key,
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Table;

    #[test]
    fn every_limit_has_a_range_and_the_defaults_are_in_theirs() {
        let table = Table::try_from(Limits::DEFAULT).unwrap();
        let mut keys: Vec<_> = Limits::DEFAULT.ranges().map(|(key, ..)| key).into();
        keys.sort_unstable();
        let mut names: Vec<_> = table.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(keys, names);
        Limits::DEFAULT.check().unwrap();
    }

    #[test]
    fn limits_fit_each_other() {
        let check = |limits: Limits, expected: &str| {
            assert_eq!(limits.check().unwrap_err().to_string(), expected);
        };
        let limits = Limits {
            deadline_ms_default: 2_000,
            deadline_ms_max: 1_000,
            ..Limits::DEFAULT
        };
        check(
            limits,
            "deadline-ms-default: is 2000, and must not be above deadline-ms-max, 1000",
        );
        let limits = Limits {
            request_edges_max: 1_000,
            ..Limits::DEFAULT
        };
        check(
            limits,
            "inline-edges-max: is 100000, and must not be above request-edges-max, 1000",
        );
        let limits = Limits {
            connections_max: usize::MAX,
            ..Limits::DEFAULT
        };
        check(
            limits,
            "connections-max: is 18446744073709551615, and must be 1 to 1048576",
        );
    }
}
