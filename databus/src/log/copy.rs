//! Copies a log that may be written to, up to its durable end.
//!
//! The copy is a log of the same id, as the original was at one moment. Segments that have a
//! successor never change. Of the last one, only the durable part is copied: a start finds whole
//! windows in it, as after a crash.

use super::published::Published;
use cloud_files::{CopyError, FolderCopy, open_plain};
use cloud_model::{LogId, LogPoint, Scn};
use std::path::{Path, PathBuf};

/// A log that was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The log's own name.
    pub log_id: LogId,
    /// The point up to which the copy holds every window, at least.
    pub head: LogPoint,
    /// The lowest SCN that the copy can be read after.
    pub oldest_after_scn: Scn,
}

impl Published {
    /// Copies the segments into the folder `below` of the copy.
    pub(crate) fn copy_to(
        &self,
        copy: &mut FolderCopy<'_>,
        below: &Path,
    ) -> Result<Copied, CopyError> {
        // Before the ends of the segments, which then hold everything up to it.
        let head = self.head_point();
        let segments = self.segments(<[_]>::to_vec);
        let mut oldest_after_scn = self.status().oldest_after_scn;
        let mut taken: Vec<PathBuf> = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            let is_ended = number + 1 < segments.len();
            let (path, name) = (self.disk.path(&segment.name), below.join(&segment.name));
            let outcome = match open_plain(&path) {
                Ok(file) if is_ended => copy.take(&file, &path, &name),
                Ok(file) => copy.take_part(&file, &path, &name, segment.end()),
                Err(source) => Err(CopyError::Io { path, source }),
            };
            match outcome {
                Ok(()) => taken.push(name),
                // Retention has removed it, and before it those that were copied.
                Err(error) if is_ended && error.is_not_found() => {
                    for name in taken.drain(..) {
                        copy.remove(&name)?;
                    }
                    let following = segments.get(number + 1).map_or(0, |next| next.first_scn);
                    oldest_after_scn = Scn::new(following.saturating_sub(1));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Copied {
            log_id: self.log_id,
            head,
            oldest_after_scn,
        })
    }
}
