//! The reasons why a site cannot be generated.

use std::{io, path::PathBuf};

/// The options are invalid, or the directory cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The number of members is out of range.
    #[error("the number of members must be 1 to {members_max}, not {members}")]
    Members {
        /// The requested number.
        members: u64,
        /// The greatest number.
        members_max: u64,
    },
    /// The mean degree is too high for the number of members.
    #[error("the mean connections of {members} members must be 0 to {mean_max}, not {mean}")]
    MeanConnections {
        /// The requested mean.
        mean: f64,
        /// The greatest mean for this number of members.
        mean_max: f64,
        /// The number of members.
        members: u32,
    },
    /// The directory cannot be created.
    #[error("cannot create the directory {}", path.display())]
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The summary cannot be printed.
    #[error(transparent)]
    Print(io::Error),
}
