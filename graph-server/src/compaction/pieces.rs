//! Where a piece of a compaction runs.
//!
//! On a thread that the system ranks behind those that answer (see `workers.rs`), so that readers do not notice. But a compaction
//! must come to an end, however busy they are: after a piece that had to wait long, others run on the thread that asks, which is
//! ranked as all others, for a share of that time; and all of them while somebody waits for the end. (A thread that has ranked
//! itself behind may not go back.)

use crate::{
    limits::{COMPACTION_OWN_SHARE, COMPACTION_PIECE_WAIT_MAX},
    workers::Rank,
};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// See the module.
pub(crate) struct Pieces {
    behind: ThreadPool,
    /// For so long they run on the thread that asks.
    own_microseconds: AtomicU64,
}

impl Pieces {
    pub(crate) fn new() -> Result<Self, ThreadPoolBuildError> {
        let behind = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "compaction".to_owned())
            .start_handler(|_| Rank::Behind.take("compaction"))
            .build()?;
        Ok(Self {
            behind,
            own_microseconds: AtomicU64::new(0),
        })
    }

    /// Runs one that takes longer than readers would not notice: behind them, unless somebody waits for the end.
    pub(crate) fn run_long<T: Send>(
        &self,
        is_waited_for: bool,
        work: impl FnOnce() -> T + Send,
    ) -> T {
        if is_waited_for {
            work()
        } else {
            self.behind.install(work)
        }
    }

    /// Runs one of a millisecond or some; `is_waited_for` when somebody waits for the end.
    pub(crate) fn run<T: Send>(&self, is_waited_for: bool, work: impl FnOnce() -> T + Send) -> T {
        let own = self.own_microseconds.load(Ordering::Relaxed);
        let begun = Instant::now();
        if own > 0 || is_waited_for {
            let done = work();
            let left = own.saturating_sub(microseconds_since(begun));
            self.own_microseconds.store(left, Ordering::Relaxed);
            return done;
        }
        let done = self.run_long(false, work);
        if begun.elapsed() > COMPACTION_PIECE_WAIT_MAX {
            let own = microseconds_since(begun) / COMPACTION_OWN_SHARE;
            self.own_microseconds.store(own, Ordering::Relaxed);
        }
        done
    }
}

fn microseconds_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::{current, sleep};

    #[test]
    fn pieces_run_behind_until_one_takes_long_or_somebody_waits() {
        let pieces = Pieces::new().unwrap();
        let runs_here = |is_waited_for| {
            let here = current().id();
            pieces.run(is_waited_for, || current().id() == here)
        };
        assert!(!runs_here(false) && runs_here(true) && !runs_here(false));
        let long = COMPACTION_PIECE_WAIT_MAX * 2;
        pieces.run(false, || sleep(long));
        assert!(runs_here(false), "for a share of that time");
        pieces.run(false, || sleep(long));
        assert!(!runs_here(false), "which has passed");
    }
}
