//! Decides which snapshots are kept: the one in use, and the last few before it in case it is
//! damaged.

use super::snapshot_writer::SnapshotError;
use cloud_engine::{FileError, Manifest, newest_snapshots, remove_overlays};
use cloud_model::{LineageId, Scn};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The prefix of a snapshot that is being removed. It is renamed first, so that a partly removed
/// snapshot is never opened.
pub(super) const REMOVING_PREFIX: &str = ".removing-";

/// Removes the snapshots and overlay files that the snapshot of this generation and SCN makes
/// unnecessary.
///
/// The newest of the older snapshots are kept, so that `kept` remain together with the one in use.
/// Overlay files belong to older snapshots and are removed. Snapshots that are newer, of another
/// lineage, or without a readable manifest stay.
pub(super) fn remove_others(
    site: &Path,
    in_use: (u64, Scn),
    lineage: LineageId,
    kept: usize,
) -> Result<(), SnapshotError> {
    remove_overlays(site, in_use.1)?;
    let older = whole(site)?.into_iter().filter(|(_, manifest)| {
        (manifest.generation, manifest.scn) < in_use && manifest.lineage_id == lineage
    });
    // The removal is not synced: after a loss of power, snapshots may be back, whole or in part. No
    // start uses them while a newer one is valid.
    for (path, _) in older.skip(kept.saturating_sub(1)) {
        remove(&path)?;
    }
    Ok(())
}

/// The SCNs after which a start may need to read the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    /// The SCN that the graph of the oldest snapshot needs.
    pub(crate) graph: Scn,
    /// The lowest SCN that the profiles and the index of any snapshot need.
    pub(crate) profiles: Scn,
}

impl Needed {
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self {
            graph: manifest.scn,
            profiles: manifest.profiles_scn(),
        }
    }
}

/// Returns the SCNs after which a start from any of the lineage's snapshots needs the log; `None`
/// if there is no snapshot.
pub(super) fn needed(site: &Path, lineage: LineageId) -> Result<Option<Needed>, FileError> {
    let whole = whole(site)?.into_iter().map(|(_, manifest)| manifest);
    let all = whole
        .filter(|manifest| manifest.lineage_id == lineage)
        .map(|manifest| Needed::of(&manifest));
    Ok(all.reduce(|one, other| Needed {
        graph: one.graph.min(other.graph),
        profiles: one.profiles.min(other.profiles),
    }))
}

/// Removes a snapshot: renames it first, then deletes its files.
pub(super) fn remove(snapshot: &Path) -> Result<(), SnapshotError> {
    let name = snapshot.file_name().unwrap_or_default();
    let removing = snapshot.with_file_name(format!("{REMOVING_PREFIX}{}", name.to_string_lossy()));
    fs::rename(snapshot, &removing).map_err(SnapshotError::io(snapshot))?;
    fs::remove_dir_all(&removing).map_err(SnapshotError::io(&removing))
}

/// Returns the snapshots that have a readable manifest and every file at the length that the
/// manifest states, newest first.
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
    use cloud_engine::{FileRole, ManifestFile, StandsAt, snapshot_name};
    use cloud_model::LogId;

    fn write(site: &Path, scn: u64, lineage: u128) -> PathBuf {
        let path = site.join(snapshot_name(0, Scn::new(scn)));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("graph.csr"), "12345").unwrap();
        let manifest = Manifest {
            // The profiles of the one at 7 were behind.
            profiles_scn: (scn == 7).then_some(Scn::new(5)),
            files: vec![ManifestFile::new(
                FileRole::Graph,
                "graph.csr".to_owned(),
                5,
                0,
            )],
            ..Manifest::new(
                LineageId::new(lineage),
                Scn::new(scn),
                StandsAt::AtScn {
                    log_id: LogId::new(1),
                    scn: Scn::new(scn),
                    history: None,
                },
            )
        };
        manifest.write(&path).unwrap();
        path
    }

    /// Returns which of the snapshots at SCN 1 to 7 are left when the one at 6 is in use. The one
    /// at 4 is damaged, and the one at 3 is of another lineage.
    fn left(kept: usize) -> (Vec<u64>, Option<Needed>) {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path();
        for scn in 1..=7 {
            let path = write(site, scn, if scn == 3 { 9 } else { 8 });
            if scn == 4 {
                fs::write(path.join("graph.csr"), "1234").unwrap();
            }
        }
        remove_others(site, (0, Scn::new(6)), LineageId::new(8), kept).unwrap();
        let is_left = |scn: &u64| site.join(snapshot_name(0, Scn::new(*scn))).is_dir();
        let left = (1..=7).filter(is_left).collect();
        (left, needed(site, LineageId::new(8)).unwrap())
    }

    #[test]
    fn the_last_ones_stay_and_what_is_not_understood() {
        let needed = |graph, profiles| {
            let (graph, profiles) = (Scn::new(graph), Scn::new(profiles));
            Some(Needed { graph, profiles })
        };
        assert_eq!(left(1), (vec![3, 4, 6, 7], needed(6, 5)));
        assert_eq!(left(0), left(1), "the one in use always stays");
        assert_eq!(left(2), (vec![3, 4, 5, 6, 7], needed(5, 5)));
        assert_eq!(left(3), (vec![2, 3, 4, 5, 6, 7], needed(2, 2)));
        assert_eq!(left(9), ((1..=7).collect(), needed(1, 1)));
    }
}
