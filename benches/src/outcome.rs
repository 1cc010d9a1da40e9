//! The result of a measurement: its figures, or the reason why there are none.

use std::{error::Error, fmt};

/// The result of a measurement. An error is printed in its place in the table, and fails the run.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// An answer differs from the right one. A figure of such answers would mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{question}: expected {wanted}, got {got}")]
pub struct WrongAnswer {
    /// The question.
    pub question: String,
    /// The right answer.
    pub wanted: String,
    /// The received answer.
    pub got: String,
}

/// Fails with [`WrongAnswer`] unless both are equal.
pub fn check_equal<T: PartialEq + fmt::Debug>(
    question: impl FnOnce() -> String,
    wanted: T,
    got: T,
) -> Outcome<()> {
    if wanted == got {
        return Ok(());
    }
    let (wanted, got) = (format!("{wanted:?}"), format!("{got:?}"));
    Err(WrongAnswer {
        question: question(),
        wanted,
        got,
    }
    .into())
}
