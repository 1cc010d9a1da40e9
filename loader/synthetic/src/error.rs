//! Why a site could not be made.

use std::io;
use std::path::PathBuf;

/// The request is wrong, or the directory cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No site has so many members.
    #[error("the number of members must be 1 to {members_max}, not {members}")]
    Members {
        /// What was asked for.
        members: u64,
        /// The most there can be.
        members_max: u64,
    },
    /// So few members cannot have so many connections.
    #[error("the mean connections of {members} members must be 0 to {mean_max}, not {mean}")]
    MeanConnections {
        /// What was asked for.
        mean: f64,
        /// The most that so many members can have.
        mean_max: f64,
        /// How many members.
        members: u32,
    },
    /// The directory could not be made.
    #[error("cannot make the directory {}", path.display())]
    MakeDirectory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
