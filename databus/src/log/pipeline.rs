//! A pipeline: appends one publisher's windows in order, without waiting for each answer.
//!
//! It appends every window up to the first that is rejected, and none after it. Without a pipeline,
//! a window that fails could be followed by a window of the same source that succeeds, because the
//! disk has room again. If the first window is then sent again, its offset makes it look like a
//! repeat. It would be acknowledged as a repeat, and lost.

use super::error::AppendError;
use super::group::{Answer, Appended, Request};
use crate::checked_window::CheckedWindow;
use std::sync::{Arc, atomic::AtomicBool};
use tokio::sync::{mpsc, oneshot};

/// Appends windows in order. After the first error it rejects every later window; the publisher
/// then begins a new pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    requests: mpsc::Sender<Request>,
    broken: Arc<AtomicBool>,
}

impl Pipeline {
    pub(crate) fn new(requests: mpsc::Sender<Request>) -> Self {
        Self {
            requests,
            broken: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Appends a window behind those whose futures were polled before, and returns once it is
    /// durable. Waits while the queue is full. A future that is dropped after its first poll may
    /// have appended its window.
    pub async fn append(&self, window: CheckedWindow) -> Result<Appended, AppendError> {
        let (request, answer) = self.request(window);
        self.requests
            .send(request)
            .await
            .map_err(|_| AppendError::Closed)?;
        answer.await.map_err(|_| AppendError::Closed)?
    }

    /// Appends a window like [`append`](Self::append), and blocks the thread until it is durable.
    ///
    /// # Panics
    /// If called within an asynchronous task.
    pub fn append_blocking(&self, window: CheckedWindow) -> Result<Appended, AppendError> {
        let (request, answer) = self.request(window);
        self.requests
            .blocking_send(request)
            .map_err(|_| AppendError::Closed)?;
        answer.blocking_recv().map_err(|_| AppendError::Closed)?
    }

    fn request(
        &self,
        window: CheckedWindow,
    ) -> (Request, oneshot::Receiver<Result<Appended, AppendError>>) {
        let (sender, receiver) = oneshot::channel();
        let answer = Answer {
            sender,
            broken: Arc::clone(&self.broken),
        };
        (Request { window, answer }, receiver)
    }
}
