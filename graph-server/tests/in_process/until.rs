//! Waits for changes in the background work of a server.

use std::time::Duration;

/// The time after which an unfulfilled condition fails the test.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Polls until there is a value. Panics with `what` at the deadline.
pub(crate) async fn until<T>(what: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let polled = tokio::time::timeout(DEADLINE, async {
        let mut interval = tokio::time::interval(POLL_INTERVAL);
        loop {
            interval.tick().await;
            if let Some(found) = poll().await {
                return found;
            }
        }
    });
    let found = polled.await;
    found.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"))
}

/// Polls until the condition holds. Panics with `what` at the deadline.
pub(crate) async fn until_true(what: &str, mut poll: impl AsyncFnMut() -> bool) {
    until(what, async || poll().await.then_some(())).await;
}
