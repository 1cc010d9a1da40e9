//! `databus backup`: copies a log, while a relay or a graph server writes to it.
//!
//! Nothing is locked or changed. The copy is a prefix of the log, up to its durable end.

use crate::{Copied, LogFiles, OpenError};
use cloud_files::{CopyError, FolderCopy, Taking};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// The options of `databus backup`.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// The folder of the log. Another process may own it.
    #[arg(value_name = "LOG")]
    pub folder: PathBuf,
    /// The folder of the copy. It must not exist; the folder above it must.
    #[arg(value_name = "DIR")]
    pub target: PathBuf,
    /// Link the files that never change, instead of copying them. DIR must be on the log's file
    /// system. Such a backup is made at once, and is lost with the disk.
    #[arg(long)]
    pub same_disk: bool,
}

/// The reason why there is no backup. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The log's files cannot be opened as a log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The files cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
}

impl Backup {
    /// Copies the log.
    ///
    /// # Errors
    /// If the log cannot be read, or the copy cannot be written.
    pub fn run(&self) -> Result<Copied, BackupError> {
        let files = LogFiles::open(&self.folder)?;
        let taking = if self.same_disk {
            Taking::Links
        } else {
            Taking::Copies
        };
        let mut go_on = |_| ControlFlow::Continue(());
        let mut copy = FolderCopy::create(&self.target, taking, &mut go_on)?;
        let copied = files.copy_to(&mut copy, Path::new(""))?;
        copy.finish()?;
        Ok(copied)
    }
}
