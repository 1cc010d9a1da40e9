//! Why a configuration is not taken: where it stands, and what to write instead.

use std::{io, path::PathBuf};

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no TOML, or has an unknown key or a value of another kind.
    #[error("{}:{line}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The flags do not fit.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// A value that a server cannot run with, from a flag or from the file.
    #[error("{key}: {problem}")]
    Value {
        /// Its key.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}
