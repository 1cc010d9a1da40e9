//! Counts the steps of a search and asks the caller now and then whether to go on: no search outlives its deadline by more
//! than a few thousand steps.

/// Steps between two questions: some 100 us of work.
const STEPS_BETWEEN_QUESTIONS: u32 = 4_096;

/// What is left of a caller's patience.
pub(crate) struct Patience<'a> {
    stop: &'a (dyn Fn() -> bool + Sync),
    steps_left: u32,
    exhausted: bool,
}

impl<'a> Patience<'a> {
    /// `stop` says whether the caller has stopped waiting.
    pub(crate) fn new(stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            stop,
            steps_left: STEPS_BETWEEN_QUESTIONS,
            exhausted: false,
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
                self.steps_left = STEPS_BETWEEN_QUESTIONS;
                self.exhausted = self.exhausted || (self.stop)();
            }
        }
        self.exhausted
    }

    /// Whether the caller has stopped waiting.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted
    }
}
