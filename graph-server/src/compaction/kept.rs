//! Which snapshots stay: the one in use and the last few before it, for the case that it rots.

use super::snapshot_writer::SnapshotError;
use cloud_engine::{FileError, Manifest, newest_snapshots, remove_overlays};
use cloud_model::{LineageId, Scn};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A snapshot that is being removed is renamed first, so that half of one is never taken for a whole.
pub(super) const REMOVING_PREFIX: &str = ".removing-";

/// Removes what the snapshot at `in_use` makes needless: older ones beyond the `kept` newest, itself among them, and overlay
/// files, which stand on older ones. What is newer, of another lineage or without a manifest that can be read is left alone.
pub(super) fn remove_others(
    site: &Path,
    in_use: Scn,
    lineage: LineageId,
    kept: usize,
) -> Result<(), SnapshotError> {
    remove_overlays(site, in_use)?;
    let older = whole(site)?
        .into_iter()
        .filter(|(_, manifest)| manifest.scn < in_use && manifest.lineage_id == lineage);
    // Not synced: a loss of power may bring them back, whole or in part, and nobody starts from them while a newer one is sound.
    for (path, _) in older.skip(kept.saturating_sub(1)) {
        remove(&path)?;
    }
    Ok(())
}

/// Where the oldest snapshot of the lineage stands from which a server could start: the log is needed from there on. None when
/// there is none.
pub(super) fn oldest(site: &Path, lineage: LineageId) -> Result<Option<Scn>, FileError> {
    let mut whole = whole(site)?.into_iter().rev();
    let oldest = whole.find(|(_, manifest)| manifest.lineage_id == lineage);
    Ok(oldest.map(|(_, manifest)| manifest.scn))
}

/// Removes a snapshot.
pub(super) fn remove(snapshot: &Path) -> Result<(), SnapshotError> {
    let name = snapshot.file_name().unwrap_or_default();
    let removing = snapshot.with_file_name(format!("{REMOVING_PREFIX}{}", name.to_string_lossy()));
    fs::rename(snapshot, &removing).map_err(SnapshotError::io(snapshot))?;
    fs::remove_dir_all(&removing).map_err(SnapshotError::io(&removing))
}

/// The snapshots whose manifest can be read and whose files are there, as long as it says; newest first.
fn whole(site: &Path) -> Result<Vec<(PathBuf, Manifest)>, FileError> {
    let read = |path: PathBuf| {
        let manifest = Manifest::read(&path).ok()?;
        let is_there = |name: &str, bytes| {
            fs::metadata(path.join(name)).is_ok_and(|found| found.len() == bytes)
        };
        let is_whole = manifest
            .files
            .iter()
            .all(|file| is_there(&file.name, file.bytes));
        is_whole.then_some((path, manifest))
    };
    Ok(newest_snapshots(site)?
        .into_iter()
        .filter_map(read)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_engine::{ManifestFile, StandsAt, snapshot_name};
    use cloud_model::LogId;

    fn write(site: &Path, scn: u64, lineage: u128) -> PathBuf {
        let path = site.join(snapshot_name(Scn::new(scn)));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("graph.csr"), "12345").unwrap();
        let manifest = Manifest {
            lineage_id: LineageId::new(lineage),
            scn: Scn::new(scn),
            stands_at: StandsAt::AtScn {
                log_id: LogId::new(1),
                scn: Scn::new(scn),
            },
            sources: vec![],
            members: 0,
            connections: 0,
            files: vec![ManifestFile {
                name: "graph.csr".to_owned(),
                bytes: 5,
                crc32c: 0,
            }],
        };
        manifest.write(&path).unwrap();
        path
    }

    /// Which of the snapshots at SCN 1 to 7 are left when the one at 6 is in use. The one at 4 is damaged, 3 is of another lineage.
    fn left(kept: usize) -> (Vec<u64>, Option<Scn>) {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path();
        for scn in 1..=7 {
            let path = write(site, scn, if scn == 3 { 9 } else { 8 });
            if scn == 4 {
                fs::write(path.join("graph.csr"), "1234").unwrap();
            }
        }
        remove_others(site, Scn::new(6), LineageId::new(8), kept).unwrap();
        let is_left = |scn: &u64| site.join(snapshot_name(Scn::new(*scn))).is_dir();
        let left = (1..=7).filter(is_left).collect();
        (left, super::oldest(site, LineageId::new(8)).unwrap())
    }

    #[test]
    fn the_last_ones_stay_and_what_is_not_understood() {
        let oldest = |scn| Some(Scn::new(scn));
        assert_eq!(left(1), (vec![3, 4, 6, 7], oldest(6)));
        assert_eq!(left(0), left(1), "the one in use always stays");
        assert_eq!(left(2), (vec![3, 4, 5, 6, 7], oldest(5)));
        assert_eq!(left(3), (vec![2, 3, 4, 5, 6, 7], oldest(2)));
        assert_eq!(left(9), ((1..=7).collect(), oldest(1)));
    }
}
