//! The errors of a configuration: where each is, and what to write instead.

use std::{io, path::PathBuf};

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not TOML, or has an unknown key or a value of the wrong type.
    #[error("{}:{line}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
    /// The flags are wrong.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// A flag or a key of the file has a value with which the server cannot run.
    #[error("{key}: {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// The problem.
        problem: String,
    },
}
