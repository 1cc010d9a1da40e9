//! Makes the follower read windows again that an applier has left in the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// The end of the follower's current pass through the log. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Rewind {
    stop: CancellationToken,
    pass: Arc<Mutex<CancellationToken>>,
}

impl Rewind {
    /// Returns the handle of a follower that `stop` ends.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        let pass = Arc::new(Mutex::new(stop.child_token()));
        Self { stop, pass }
    }

    /// Ends the current pass. The next one begins after the SCN of the part that is furthest
    /// behind.
    pub(crate) fn request(&self) {
        self.lock().cancel();
    }

    /// Begins a pass, and returns the token that ends it.
    pub(crate) fn begin_pass(&self) -> CancellationToken {
        let pass = self.stop.child_token();
        *self.lock() = pass.clone();
        pass
    }

    fn lock(&self) -> MutexGuard<'_, CancellationToken> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_one_pass_and_a_stop_ends_all() {
        let stop = CancellationToken::new();
        let rewind = Rewind::new(stop.clone());
        let first = rewind.begin_pass();
        rewind.request();
        let second = rewind.begin_pass();
        assert!(first.is_cancelled() && !second.is_cancelled());
        stop.cancel();
        assert!(second.is_cancelled() && rewind.begin_pass().is_cancelled());
    }
}
