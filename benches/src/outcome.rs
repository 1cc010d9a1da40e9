//! How a measurement ends: with its figures, or with the reason why there are none.

use std::error::Error;
use std::fmt;

/// A measurement's end. Whatever stops one is printed in its place in the table, and fails the run.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// An answer that is not what was asked for: a figure made of such answers would mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{question}: wanted {wanted}, got {got}")]
pub struct WrongAnswer {
    /// What was asked.
    pub question: String,
    /// What a complete answer has.
    pub wanted: String,
    /// What came.
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
