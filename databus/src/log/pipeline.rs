//! Windows that one publisher appends without waiting for each answer: all up to the first that is refused, none after.
//!
//! Without it a window that fails could be followed by one of the same source that succeeds, as the disk has room again;
//! when the first is then sent once more, it looks like a repeat, is answered like one, and is lost.

use super::error::AppendError;
use super::group::{Answer, Appended, Request};
use crate::checked_window::CheckedWindow;
use std::sync::{Arc, atomic::AtomicBool};
use tokio::sync::{mpsc, oneshot};

/// Appends windows in order. After the first error every later window is refused; begin again with a new pipeline.
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

    /// Appends a window behind those whose futures were polled before; answers once it is durable. Waits while the queue
    /// is full. A future that is dropped later than its first poll may have appended its window.
    pub async fn append(&self, window: CheckedWindow) -> Result<Appended, AppendError> {
        let (request, answer) = self.request(window);
        self.requests
            .send(request)
            .await
            .map_err(|_| AppendError::Closed)?;
        answer.await.map_err(|_| AppendError::Closed)?
    }

    /// As [`append`](Self::append), for a thread that may wait.
    ///
    /// # Panics
    /// Within an asynchronous task.
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
