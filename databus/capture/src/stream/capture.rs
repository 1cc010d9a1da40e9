//! Capture: sessions with the database, one after the other, until an error does not pass by
//! itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::state::StateFolder;
use crate::stream::{
    dead_letters::{DEAD_LETTERS_NAME, DeadLetters},
    ended::Ended,
    error::CaptureError,
    options::CaptureOptions,
    progress::Progress,
    session::run,
    streaming::Lasting,
};

/// The time before the first retry; it doubles up to the last.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// The time after which a session counts as one that worked.
const WORKED: Duration = Duration::from_secs(10);
/// The time between two looks whether a bootstrap replaced the state.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A capture.
#[derive(Debug)]
pub struct Capture {
    options: CaptureOptions,
    progress: Arc<Progress>,
}

/// The folder that a running capture holds, and the file of rows in it.
struct Held {
    folder: StateFolder,
    dead_letters: DeadLetters,
}

impl Capture {
    /// Prepares a capture.
    #[must_use]
    pub fn new(options: CaptureOptions) -> Self {
        Self {
            options,
            progress: Arc::default(),
        }
    }

    /// Returns the progress, which goes on while this runs.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Streams changes until it is stopped. After an error it waits until a new bootstrap has
    /// replaced the state; while a bootstrap holds the state folder, it waits for the folder.
    pub async fn run_across_bootstraps(&self, stop: CancellationToken) {
        loop {
            let ended = match self.hold() {
                Err(error) => {
                    self.report_end(&error);
                    None
                }
                Ok(mut held) => match self.stream(&mut held, &stop).await {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::error!(%error, "capture ended: the site stays as it is");
                        Some(held.folder.modified())
                    }
                },
            };
            loop {
                if stop.run_until_cancelled(sleep(LOOK_EVERY)).await.is_none() {
                    return;
                }
                let now = StateFolder::modified_in(&self.options.state);
                if ended.is_none_or(|ended| ended != now) {
                    break;
                }
            }
        }
    }

    /// Streams changes until it is stopped. Databases and logs that are out of reach are retried.
    ///
    /// # Errors
    /// If another process uses the state folder, or it cannot be used; if changes are missing, or
    /// cannot be captured by this mapping. Retrying does not help then.
    pub async fn run(&self, stop: &CancellationToken) -> Result<(), CaptureError> {
        let mut held = self.hold().inspect_err(|error| self.report_end(error))?;
        self.stream(&mut held, stop).await
    }

    fn hold(&self) -> Result<Held, CaptureError> {
        let folder = StateFolder::open(&self.options.state)?;
        let dead_letters = DeadLetters::open(folder.file(DEAD_LETTERS_NAME))?;
        Ok(Held {
            folder,
            dead_letters,
        })
    }

    async fn stream(&self, held: &mut Held, stop: &CancellationToken) -> Result<(), CaptureError> {
        self.progress.update(|figures| {
            figures.has_ended = false;
            figures.reason = None;
        });
        let mut wait = RETRY_MIN;
        loop {
            let begun = Instant::now();
            let mut lasting = Lasting {
                options: &self.options,
                folder: &held.folder,
                dead_letters: &mut held.dead_letters,
                progress: &self.progress,
            };
            let Some(ended) = stop.run_until_cancelled(run(&mut lasting)).await else {
                return Ok(());
            };
            let reason = match ended {
                Err(Ended::Permanent(error)) => {
                    self.report_end(&error);
                    return Err(error);
                }
                Err(Ended::Transient(reason)) => reason,
                Ok(never) => match never {},
            };
            tracing::warn!(reason, "the stream of changes ended, retrying");
            self.progress.update(|figures| {
                figures.is_streaming = false;
                figures.reason = Some(reason);
            });
            if begun.elapsed() >= WORKED {
                wait = RETRY_MIN;
            }
            if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                return Ok(());
            }
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    fn report_end(&self, error: &CaptureError) {
        self.progress.update(|figures| {
            figures.is_streaming = false;
            figures.has_ended = true;
            figures.reason = Some(error.to_string());
        });
    }
}
