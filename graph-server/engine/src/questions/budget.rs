//! How much work one request may do: a number of edges, and a question "should I stop?" asked now and then.
//!
//! The engine has no clock; who has one (a server with deadlines) asks it in `stop`.

/// Edges between two questions whether to stop: some 100 us of work.
pub const EDGES_BETWEEN_CHECKS: u64 = 1 << 15;

/// What is left of a request's work.
pub struct Budget<'a> {
    limit: u64,
    left: u64,
    until_check: u64,
    stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// Why a request was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The answer needs more edges than the request may visit.
    #[error("the answer needs more than the {limit} edges that one request may visit")]
    EdgesExhausted {
        /// Edges that the request may visit.
        limit: u64,
    },
    /// The caller's `stop` said so.
    #[error("stopped at its deadline")]
    Deadline,
}

impl<'a> Budget<'a> {
    /// At most `edges_max` edges; `stop` is asked every [`EDGES_BETWEEN_CHECKS`].
    pub fn new(edges_max: u64, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            limit: edges_max,
            left: edges_max,
            until_check: EDGES_BETWEEN_CHECKS,
            stop: Some(stop),
        }
    }

    /// For tests and tools.
    pub fn unlimited() -> Budget<'static> {
        Budget {
            limit: u64::MAX,
            left: u64::MAX,
            until_check: u64::MAX,
            stop: None,
        }
    }

    /// Takes `edges` before they are visited.
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

    /// Edges visited so far.
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
