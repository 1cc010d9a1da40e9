//! The two listeners of a running server, and how they end: what was asked is answered, up to a time.

use std::time::Duration;
use tokio::task::JoinHandle;

/// A listener's task panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the listener thread panicked")]
pub struct ListenerPanicked;

/// Tasks that serve until their token is cancelled: see [`serve`](super::serve).
#[derive(Debug)]
pub struct Listeners {
    public: JoinHandle<()>,
    admin: JoinHandle<()>,
}

impl Listeners {
    /// Runs both.
    pub fn spawn(
        public: impl Future<Output = ()> + Send + 'static,
        admin: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (public, admin) = (tokio::spawn(public), tokio::spawn(admin));
        Self { public, admin }
    }

    /// Waits until what is being answered is answered, and cuts off what is not by then. The token was cancelled.
    ///
    /// # Errors
    /// When a listener panicked.
    pub async fn drain(self, timeout: Duration) -> Result<(), ListenerPanicked> {
        let aborts = [self.public.abort_handle(), self.admin.abort_handle()];
        let both = async { (self.public.await, self.admin.await) };
        match tokio::time::timeout(timeout, both).await {
            Ok((public, admin)) => public.and(admin).map_err(|_| ListenerPanicked),
            Err(_) => {
                let after_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(after_ms, "cut off what was still being answered");
                aborts.iter().for_each(tokio::task::AbortHandle::abort);
                Ok(())
            }
        }
    }
}
