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

/// A capture that is ready to run.
#[derive(Debug)]
pub struct Capture {
    options: CaptureOptions,
    folder: StateFolder,
    dead_letters: DeadLetters,
    progress: Arc<Progress>,
}

impl Capture {
    /// Takes the state folder.
    ///
    /// # Errors
    /// If it cannot be used, or another process uses it.
    pub fn new(options: CaptureOptions) -> Result<Self, CaptureError> {
        Self::open(&options).map(|(folder, dead_letters)| Self {
            options,
            folder,
            dead_letters,
            progress: Arc::default(),
        })
    }

    fn open(options: &CaptureOptions) -> Result<(StateFolder, DeadLetters), CaptureError> {
        let folder = StateFolder::open(&options.state)?;
        let dead_letters = DeadLetters::open(folder.file(DEAD_LETTERS_NAME))?;
        Ok((folder, dead_letters))
    }

    /// Returns the progress, which goes on while this runs.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Streams changes until it is stopped. After an error, it frees the state folder and waits until
    /// a new bootstrap has replaced the state in it.
    pub async fn run_across_bootstraps(self, stop: CancellationToken) {
        let mut capture = self;
        while let Err(error) = capture.run(&stop).await {
            tracing::error!(%error, "capture ended: the site stays as it is");
            let Self {
                options,
                folder,
                dead_letters,
                progress,
            } = capture;
            drop((folder, dead_letters));
            let ended = StateFolder::modified(&options.state);
            let (folder, dead_letters) = loop {
                let looks = stop.run_until_cancelled(sleep(LOOK_EVERY)).await;
                if looks.is_none() {
                    return;
                }
                // The bootstrap holds the folder until it is done.
                if StateFolder::modified(&options.state) != ended
                    && let Ok(opened) = Self::open(&options)
                {
                    break opened;
                }
            };
            tracing::info!("the state is another one: capturing again");
            progress.update(|figures| figures.has_ended = false);
            capture = Self {
                options,
                folder,
                dead_letters,
                progress,
            };
        }
    }

    /// Streams changes until it is stopped. Databases and logs that are out of reach are retried.
    ///
    /// # Errors
    /// If changes are missing, or cannot be captured by this mapping. Retrying does not help then.
    pub async fn run(&mut self, stop: &CancellationToken) -> Result<(), CaptureError> {
        let mut wait = RETRY_MIN;
        loop {
            let begun = Instant::now();
            let mut lasting = Lasting {
                options: &self.options,
                folder: &self.folder,
                dead_letters: &mut self.dead_letters,
                progress: &self.progress,
            };
            let Some(ended) = stop.run_until_cancelled(run(&mut lasting)).await else {
                return Ok(());
            };
            let reason = match ended {
                Err(Ended::Permanent(error)) => {
                    self.progress.update(|figures| {
                        figures.is_streaming = false;
                        figures.has_ended = true;
                        figures.reason = Some(error.to_string());
                    });
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
}
