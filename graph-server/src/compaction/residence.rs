//! Copies the base into memory while the server answers, and goes over to the copy.
//!
//! A start and a compaction map the new base from its file. The copy stands in large pages and is
//! not evicted. Until it is complete, readers use the map. The writer goes over to the
//! copy between two windows, and the map is dropped once no reader holds it. There is never more
//! than one copy of a base that the compactor makes: after a compaction the previous copy is
//! dropped before the next one begins.

use crate::{config::GraphMemory, limits::Limits};
use cloud_engine::Base;
use cloud_machine::{Resident, available_memory, memory_limit};
use std::sync::Arc;

/// The share of the memory limit that is left to the system's file cache, as a divisor.
const RESERVE_SHARE: u64 = 8;

/// Where the arrays of the base are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Residence {
    /// In the map of the file, and for what reason.
    Mapped(Arc<str>),
    /// In the map, while the copy is made: the bytes that are copied, and all.
    Copying(u64, u64),
    /// In memory.
    Resident,
}

impl Residence {
    /// Returns whether the base is to be copied, or else the reason why it stays mapped.
    pub(super) fn plan(
        memory: GraphMemory,
        limits: &Limits,
        base: &Base,
        in_use: u64,
    ) -> Result<(), String> {
        match memory {
            GraphMemory::Mapped => Err("graph-memory is mapped".to_owned()),
            GraphMemory::Resident => Ok(()),
            GraphMemory::Auto => {
                let own = Resident::read().map_or(0, |resident| resident.anonymous_bytes);
                let room = Room {
                    limit: memory_limit(),
                    available: available_memory(),
                };
                let needs = Needs {
                    copy: base.bytes().mapped,
                    budgets: budgets(limits),
                    in_use,
                    other: own.saturating_sub(in_use),
                };
                room.check(needs)
            }
        }
    }
}

/// Returns the memory that the server may take by its configuration, all budgets together.
fn budgets(limits: &Limits) -> u64 {
    [
        limits.view_cache_bytes_max,
        limits.overlay_bytes_max,
        limits.list_streams_bytes_max,
        limits.publish_bytes_max,
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
}

/// The memory that the system has for this process.
#[derive(Clone, Copy, Debug)]
struct Room {
    limit: Option<u64>,
    available: Option<u64>,
}

/// The memory that the server may come to use.
#[derive(Clone, Copy, Debug)]
struct Needs {
    copy: u64,
    budgets: u64,
    /// The part of the budgets that is in use now.
    in_use: u64,
    /// The process's memory besides.
    other: u64,
}

impl Room {
    /// Returns an error with the figures if the copy does not fit beside all budgets.
    fn check(self, needs: Needs) -> Result<(), String> {
        let Needs {
            copy,
            budgets,
            in_use,
            other,
        } = needs;
        let (Some(limit), Some(available)) = (self.limit, self.available) else {
            return Err("the system does not state its memory".to_owned());
        };
        let sum = |parts: &[u64]| parts.iter().copied().fold(0, u64::saturating_add);
        let reserve = limit / RESERVE_SHARE;
        let figures = format!(
            "a copy of {} and the budgets of {}",
            mib(copy),
            mib(budgets)
        );
        let all = sum(&[copy, budgets, other, reserve]);
        if all > limit {
            return Err(format!(
                "{figures} do not fit: with {} of other memory and a reserve of {} they make {}, \
                 and the limit is {}; lower overlay-bytes-max or view-cache-bytes-max",
                mib(other),
                mib(reserve),
                mib(all),
                mib(limit)
            ));
        }
        let more = sum(&[copy, budgets.saturating_sub(in_use)]);
        if more > available {
            return Err(format!(
                "{figures} do not fit: {} more are needed, and the machine has {} available",
                mib(more),
                mib(available)
            ));
        }
        Ok(())
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn check(limit: u64, available: u64, copy: u64) -> Result<(), String> {
        let needs = Needs {
            copy,
            budgets: 3 * GIB,
            in_use: GIB,
            other: GIB,
        };
        let room = Room {
            limit: Some(limit),
            available: Some(available),
        };
        room.check(needs)
    }

    #[test]
    fn a_copy_must_fit_beside_all_budgets() {
        // 4 GiB besides the copy, and an eighth of the limit.
        assert_eq!(check(8 * GIB, 8 * GIB, 3 * GIB), Ok(()));
        let refused = check(8 * GIB, 8 * GIB, 3 * GIB + 1).unwrap_err();
        assert!(
            refused.contains("the limit is 8192 MiB; lower overlay-bytes-max"),
            "{refused}"
        );
        // 2 GiB of the budgets are not in use yet.
        assert_eq!(check(8 * GIB, 5 * GIB, 3 * GIB), Ok(()));
        let refused = check(8 * GIB, 5 * GIB - 1, 3 * GIB).unwrap_err();
        assert!(refused.contains("5120 MiB more are needed"), "{refused}");
        assert!(check(u64::MAX - 1, u64::MAX, u64::MAX).is_err());
    }

    #[test]
    fn without_figures_the_graph_stays_mapped() {
        let needs = Needs {
            copy: 1,
            budgets: 1,
            in_use: 0,
            other: 0,
        };
        let room = Room {
            limit: None,
            available: Some(GIB),
        };
        assert!(room.check(needs).is_err());
    }
}
