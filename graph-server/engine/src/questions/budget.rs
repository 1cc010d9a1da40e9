//! The work limit of one request: a number of edges, and a caller's function that is polled for
//! whether to stop.
//!
//! The engine has no clock. A server with deadlines checks them in `stop`.

/// The edges between two calls of `stop`: about 100 us of work.
pub const EDGES_BETWEEN_CHECKS: u64 = 1 << 15;

/// The remaining work of a request.
pub struct Budget<'a> {
    limit: u64,
    left: u64,
    until_check: u64,
    stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// The reason why a request was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The answer needs more edges than the request may visit.
    #[error("the answer needs more than the {limit} edges that one request may visit")]
    EdgesExhausted {
        /// The number of edges that the request may visit.
        limit: u64,
    },
    /// The caller's `stop` returned true.
    #[error("stopped at its deadline")]
    Deadline,
}

impl<'a> Budget<'a> {
    /// Allows `edges_max` edges at most, and calls `stop` every [`EDGES_BETWEEN_CHECKS`].
    pub fn new(edges_max: u64, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            limit: edges_max,
            left: edges_max,
            until_check: EDGES_BETWEEN_CHECKS,
            stop: Some(stop),
        }
    }

    /// Allows any number of edges, for tests and tools.
    #[must_use]
    pub fn unlimited() -> Budget<'static> {
        Budget {
            limit: u64::MAX,
            left: u64::MAX,
            until_check: u64::MAX,
            stop: None,
        }
    }

    /// Spends `edges` before they are visited.
    ///
    /// # Errors
    /// [`Stopped`] when fewer edges remain, or when `stop` returns true.
    #[inline]
    pub fn spend(&mut self, edges: usize) -> Result<(), Stopped> {
        let edges = edges as u64;
        if edges > self.left {
            return Err(Stopped::EdgesExhausted { limit: self.limit });
        }
        self.left -= edges;
        match self.until_check.checked_sub(edges) {
            Some(left) => self.until_check = left,
            None => self.check()?,
        }
        Ok(())
    }

    /// Returns the edges visited so far.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.limit - self.left
    }

    #[cold]
    fn check(&mut self) -> Result<(), Stopped> {
        self.until_check = EDGES_BETWEEN_CHECKS;
        match self.stop {
            Some(stop) if stop() => Err(Stopped::Deadline),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Budget({} of {} edges left)", self.left, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let mut budget = Budget::new(10, &|| false);
        assert_eq!(budget.spend(10), Ok(()));
        assert_eq!(budget.spend(0), Ok(()));
        assert_eq!(budget.spend(1), Err(Stopped::EdgesExhausted { limit: 10 }));
        assert_eq!(budget.spent(), 10);
    }

    #[test]
    fn stop_is_asked_now_and_then() {
        let asked = AtomicU32::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) == 1;
        let mut budget = Budget::new(u64::MAX, &stop);
        let spent = (0..1_000_000)
            .take_while(|_| budget.spend(1).is_ok())
            .count() as u64;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert_eq!(spent, 2 * EDGES_BETWEEN_CHECKS + 1);
    }
}
