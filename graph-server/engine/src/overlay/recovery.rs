//! Overlay files in the directory of a site: finds the newest sound one, and writes the next one.
//!
//! A file is written under another name, synced and renamed, so a crash leaves the older ones
//! unchanged. Losing an overlay costs only time, because the log holds all changes.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    base::base_graph::Base,
    files::{file_error::FileError, manifest::Manifest},
    overlay::{overlay_file, writer::Writer},
};
use cloud_model::{LogId, LogPoint, Scn, SourceMark};

/// The older files that are kept when a new one is written, in case the new one is damaged later.
const OLDER_FILES_KEPT: usize = 1;
/// The name of a file until it is complete. A file that a crash left under this name is
/// overwritten.
const BUILDING_NAME: &str = ".building-overlay.bin";

/// The state that a start recovers: the newest sound overlay, or the bare base.
#[derive(Debug)]
pub struct Recovered {
    /// The writer at `scn`. The log's windows above it remain to be applied.
    pub writer: Writer,
    /// The SCN of the recovered state.
    pub scn: Scn,
    /// The last offset of each source, as of `scn`.
    pub sources: Vec<SourceMark>,
    /// The histories of the newest windows up to `scn`, ascending; none without an overlay.
    pub points: Vec<LogPoint>,
    /// The reasons why newer overlay files were rejected, newest first.
    pub refused: Vec<FileError>,
}

/// Reads the newest sound overlay in `site` that belongs to this base and this log. Without one,
/// returns the bare base.
///
/// # Errors
/// [`FileError::Io`] when the directory cannot be listed. A damaged overlay is not an error but
/// listed in [`Recovered::refused`].
pub fn read_overlay(
    site: &Path,
    base: &Arc<Base>,
    manifest: &Manifest,
    log_id: LogId,
) -> Result<Recovered, FileError> {
    let mut refused = Vec::new();
    for (named, path) in overlay_files(site)? {
        match overlay_file::read(&path, base, manifest, log_id) {
            Ok((version, _)) if version.published() != named => {
                let reason = format!("the file is of SCN {}, not {named}", version.published());
                refused.push(FileError::damaged(&path, overlay_file::SCN_AT, reason));
            }
            Ok((version, facts)) => {
                let scn = version.published();
                return Ok(Recovered {
                    writer: Writer::of(version),
                    scn,
                    sources: facts.sources,
                    points: facts.points,
                    refused,
                });
            }
            Err(error) => refused.push(error),
        }
    }
    let writer = Writer::new(base.clone(), manifest.scn);
    Ok(Recovered {
        writer,
        scn: manifest.scn,
        sources: manifest.sources.clone(),
        points: Vec::new(),
        refused,
    })
}

impl Writer {
    /// Writes and syncs the overlay as of the published SCN into `site`, and returns its path.
    /// `sources` is the last offset of each source as of that SCN, and `points` the histories of
    /// the newest windows up to it. Keeps the newest of the previous files, and deletes older ones.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written, synced or renamed, or an older one cannot be
    /// deleted.
    pub fn write_overlay(
        &self,
        site: &Path,
        log_id: LogId,
        sources: &[SourceMark],
        points: &[LogPoint],
    ) -> Result<PathBuf, FileError> {
        let version = self.version();
        let scn = version.published();
        let (path, building) = (site.join(overlay_name(scn)), site.join(BUILDING_NAME));
        let older = overlay_files(site)?;
        overlay_file::write(site, BUILDING_NAME, version, log_id, sources, points)?;
        fs::rename(&building, &path).map_err(FileError::io(&path))?;
        File::open(site)
            .and_then(|site| site.sync_all())
            .map_err(FileError::io(site))?;
        for (_, path) in older
            .iter()
            .filter(|(older, _)| *older != scn)
            .skip(OLDER_FILES_KEPT)
        {
            remove(path)?;
        }
        Ok(path)
    }
}

/// Deletes the overlay files in `site` at `scn` or below: a snapshot at `scn` includes their
/// content.
///
/// # Errors
/// [`FileError::Io`] when the directory cannot be listed or a file cannot be deleted.
pub fn remove_overlays(site: &Path, scn: Scn) -> Result<(), FileError> {
    for (_, path) in overlay_files(site)?.iter().filter(|(at, _)| *at <= scn) {
        remove(path)?;
    }
    Ok(())
}

/// Deletes an overlay file. A compaction and a shutdown may both delete it: one that is gone is no
/// error.
fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::io(path)(error)),
        _ => Ok(()),
    }
}

fn overlay_name(scn: Scn) -> String {
    format!("overlay-{:020}.bin", scn.get())
}

/// Returns the overlay files of a site and the SCNs in their names, newest first.
fn overlay_files(site: &Path) -> Result<Vec<(Scn, PathBuf)>, FileError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(site).map_err(FileError::io(site))? {
        let entry = entry.map_err(FileError::io(site))?;
        if let Some(scn) = entry.file_name().to_str().and_then(scn_of_name) {
            files.push((scn, entry.path()));
        }
    }
    files.sort_unstable_by(|one, other| other.cmp(one));
    Ok(files)
}

fn scn_of_name(name: &str) -> Option<Scn> {
    let digits = name.strip_prefix("overlay-")?.strip_suffix(".bin")?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits).map(Scn::new)
}
