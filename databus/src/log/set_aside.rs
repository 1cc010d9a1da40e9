//! Sets a log aside, so that a new one with another id begins in its folder.
//!
//! A log that may have lost acknowledged windows, such as one restored from a copy, is given up by
//! name: whatever followed it then has to bootstrap again. Its segments are kept in a folder beside
//! the new log.

use super::error::OpenError;
use super::files::segment_names;
use super::recovery::Found;
use crate::disk::{Disk, Folder};
use cloud_files::sync_path;
use cloud_model::{LineageId, LogId};
use std::{fs, path::Path};

/// Moves the segments of a log into the folder `replaced-<log id>`, if the log has this id. Returns
/// the lineage that it began with; `None` if the folder holds no log, or another one.
///
/// The oldest segment is moved first. A crash therefore leaves a log that lacks its oldest windows,
/// as after retention, and the next call moves the rest.
pub(super) fn set_aside(folder: &Path, log_id: LogId) -> Result<Option<LineageId>, OpenError> {
    let disk = Folder::open(folder).map_err(|source| OpenError::File {
        file: folder.to_owned(),
        source,
    })?;
    let names = segment_names(&disk)?;
    let Some(first) = names.first() else {
        return Ok(None);
    };
    let header = Found::read(&disk, first)?.header;
    if header.log_id != log_id {
        return Ok(None);
    }
    let aside = folder.join(format!("replaced-{log_id}"));
    let failed = |source| OpenError::File {
        file: aside.clone(),
        source,
    };
    fs::create_dir_all(&aside).map_err(failed)?;
    for name in &names {
        let moved = fs::rename(disk.path(name), aside.join(name));
        moved.map_err(|source| OpenError::file(&disk, name, source))?;
    }
    sync_path(&aside).map_err(|error| failed(error.source))?;
    disk.sync_names().map_err(failed)?;
    Ok(Some(header.origin))
}
