//! Counts the steps of a search and checks from time to time whether to stop. A search outlives its
//! deadline by a few thousand steps at most.

/// Steps between two checks: about 100 us of work.
const STEPS_BETWEEN_CHECKS: u32 = 4_096;

/// The steps until the next check, and the outcome of the checks so far.
pub(crate) struct StopCheck<'a> {
    stop: &'a (dyn Fn() -> bool + Sync),
    steps_left: u32,
    stopped: bool,
}

impl<'a> StopCheck<'a> {
    /// Creates a check. `stop` returns whether the caller has stopped waiting.
    pub(crate) fn new(stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            stop,
            steps_left: STEPS_BETWEEN_CHECKS,
            stopped: false,
        }
    }

    /// Counts one step; returns `true` once the caller has stopped waiting.
    pub(crate) fn step(&mut self) -> bool {
        self.steps(1)
    }

    /// Counts several steps; returns `true` once the caller has stopped waiting.
    pub(crate) fn steps(&mut self, steps: u32) -> bool {
        match self.steps_left.checked_sub(steps) {
            Some(left) => self.steps_left = left,
            None => {
                self.steps_left = STEPS_BETWEEN_CHECKS;
                self.stopped = self.stopped || (self.stop)();
            }
        }
        self.stopped
    }

    /// Returns whether a check has found that the caller stopped waiting.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }
}
