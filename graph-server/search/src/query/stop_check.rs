//! Counts the steps of a search and asks the caller now and then whether to go on: no search outlives its deadline by more
//! than a few thousand steps.

/// Steps between two questions: some 100 us of work.
const STEPS_BETWEEN_CHECKS: u32 = 4_096;

/// What is left of a caller's stop_check.
pub(crate) struct StopCheck<'a> {
    stop: &'a (dyn Fn() -> bool + Sync),
    steps_left: u32,
    stopped: bool,
}

impl<'a> StopCheck<'a> {
    /// `stop` says whether the caller has stopped waiting.
    pub(crate) fn new(stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            stop,
            steps_left: STEPS_BETWEEN_CHECKS,
            stopped: false,
        }
    }

    /// Takes a step; `true` once the caller has stopped waiting.
    pub(crate) fn step(&mut self) -> bool {
        self.steps(1)
    }

    /// Takes several.
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

    /// Whether the caller has stopped waiting.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }
}
