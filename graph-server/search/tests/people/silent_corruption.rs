//! Damaged, forged and mixed files of silent snapshots are named in an error and never served.

use crate::{
    corruption::{open_error, with_bit_flipped},
    site::{LOG, Site, Truth, write_silent_snapshot},
};
use cloud_engine::{FileError, Manifest, ManifestFile, NodeIndex};
use cloud_model::LineageId;
use cloud_profile::empty_profile;
use cloud_search::{IndexError, NODES_MAX, NoProfiles, OpenError, ProfileFile};
use std::{fs, path::PathBuf};

fn truth() -> Truth {
    let mut truth = Truth::default();
    for member in 1..=40 {
        truth.profiles.insert(member, empty_profile(member));
    }
    truth
}

fn silent_site() -> (Site, PathBuf) {
    let site = Site::written_by(write_silent_snapshot, truth());
    let path = site.directory.path().join("snapshot/profiles.bin");
    (site, path)
}

#[test]
fn any_flipped_bit_is_noticed() {
    let (site, path) = silent_site();
    let bytes = fs::read(&path).unwrap().len();
    assert_eq!(bytes, 64);
    for bit in 0..bytes * 8 {
        let at = bit / 8;
        with_bit_flipped(&path, at, bit % 8, || {
            match ProfileFile::open(&path, site.manifest.lineage_id).unwrap_err() {
                FileError::WrongKind { path: named, .. } => {
                    assert_eq!((named, at / 8), (path.clone(), 0))
                }
                FileError::UnknownVersion { path: named, .. } => {
                    assert_eq!((named, at / 4), (path.clone(), 2))
                }
                FileError::Damaged { path: named, .. } => assert_eq!(named, path),
                other => panic!("byte {at}: {other}"),
            }
        });
    }
}

#[test]
fn a_cut_or_longer_file_is_refused() {
    let (site, path) = silent_site();
    let sound = fs::read(&path).unwrap();
    let longer = [sound.as_slice(), &[0; 8]].concat();
    for length in [0, 10, 63, 65, 72] {
        fs::write(&path, &longer[..length]).unwrap();
        match ProfileFile::open(&path, site.manifest.lineage_id).unwrap_err() {
            FileError::WrongLength {
                path: named,
                expected: 64,
                found,
            } => {
                assert_eq!((named, found), (path.clone(), length as u64));
            }
            other => panic!("{length} bytes: {other}"),
        }
    }
}

/// Returns the file's bytes with `forged` at `at`, and a checksum that matches.
fn forged(sound: &[u8], at: usize, forged: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    bytes[at..at + forged.len()].copy_from_slice(forged);
    let checksum = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn a_header_that_makes_no_sense_is_refused() {
    let (site, path) = silent_site();
    let sound = fs::read(&path).unwrap();
    let lineage = site.manifest.lineage_id;
    let open = |at, bytes: &[u8]| {
        fs::write(&path, forged(&sound, at, bytes)).unwrap();
        ProfileFile::open(&path, lineage)
    };
    for version in [0_u32, 3, u32::MAX] {
        match open(8, &version.to_le_bytes()).unwrap_err() {
            FileError::UnknownVersion {
                path: named,
                found,
                supported: 2,
            } => {
                assert_eq!((named, found), (path.clone(), version));
            }
            other => panic!("version {version}: {other}"),
        }
    }
    // A file with records would have to be longer.
    let with_records = open(8, &1_u32.to_le_bytes()).unwrap_err();
    assert!(
        matches!(
            with_records,
            FileError::WrongLength {
                expected: 392,
                found: 64,
                ..
            }
        ),
        "{with_records}"
    );
    let too_many = u64::from(NODES_MAX) + 1;
    for (at, bytes) in [
        (12, [1].as_slice()),
        (15, &[128]),
        (32, &too_many.to_le_bytes()),
        (32, &u64::from(u32::MAX).to_le_bytes()),
        (32, &(1_u64 << 32).to_le_bytes()),
        (32, &u64::MAX.to_le_bytes()),
        (40, &[0]),
        (40, &[65]),
        (47, &[1]),
        (48, &[1]),
        (52, &[1]),
        (59, &[1]),
    ] {
        match open(at, bytes).unwrap_err() {
            FileError::Damaged {
                path: named,
                offset,
                ..
            } => {
                assert_eq!((named, offset), (path.clone(), at as u64));
            }
            other => panic!("{bytes:?} at {at}: {other}"),
        }
    }
    let foreign = open(16, &[0; 16]).unwrap_err();
    assert!(
        matches!(foreign, FileError::ForeignLineage { .. }),
        "{foreign}"
    );

    // A reader accepts any other number of nodes, at no cost.
    let most = open(32, &u64::from(NODES_MAX).to_le_bytes()).unwrap();
    assert_eq!(most.silent_nodes(), Some(NODES_MAX));
    let profile = |node| most.profile(NodeIndex::new(node), 7).unwrap();
    assert_eq!(profile(NODES_MAX - 1), Some(empty_profile(7)));
    assert_eq!(profile(NODES_MAX), None);
}

#[test]
fn more_nodes_than_an_index_can_number_are_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let lineage = LineageId::new(5);
    let write = |nodes| {
        let snapshot = directory.path().join(format!("{nodes}"));
        fs::create_dir(&snapshot).unwrap();
        NoProfiles::new(nodes).write(&snapshot, lineage)
    };
    let refused = write(NODES_MAX + 1).unwrap_err();
    assert!(
        matches!(
            refused,
            IndexError::File(FileError::Damaged { offset: 32, .. })
        ),
        "{refused}"
    );
    let [few, most] = [0, NODES_MAX].map(|nodes| write(nodes).unwrap());
    let bytes = |files: Vec<ManifestFile>| -> u64 { files.iter().map(|file| file.bytes).sum() };
    assert_eq!(bytes(few), bytes(most));
}

#[test]
fn a_file_with_records_is_not_taken_for_a_silent_one() {
    let site = Site::new(truth());
    let path = site.directory.path().join("snapshot/profiles.bin");
    let sound = fs::read(&path).unwrap();
    for at_end in [64, 40] {
        let mut bytes = forged(&sound, 40, &u64::to_le_bytes(at_end));
        bytes = forged(&bytes, 48, &[0; 4]);
        fs::write(&path, forged(&bytes, 8, &[2])).unwrap();
        let refused = ProfileFile::open(&path, site.manifest.lineage_id).unwrap_err();
        let expected = match at_end {
            64 => matches!(refused, FileError::WrongLength { expected: 64, .. }),
            _ => matches!(refused, FileError::Damaged { offset: 40, .. }),
        };
        assert!(expected, "{refused}");
    }
}

#[test]
fn damaged_index_files_are_named() {
    let (site, _) = silent_site();
    let names: Vec<_> = site
        .manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(names, ["profiles.bin", "search/meta.json"]);
    let path = site.directory.path().join("snapshot/search/meta.json");
    for at in [0, 100] {
        with_bit_flipped(&path, at, 1, || {
            match open_error(&site, &site.manifest, LOG, "other") {
                OpenError::Index(IndexError::File(FileError::Damaged { path: named, .. })) => {
                    assert_eq!(named, path)
                }
                other => panic!("{other}"),
            }
        });
    }
    fs::remove_file(&path).unwrap();
    match open_error(&site, &site.manifest, LOG, "other") {
        OpenError::Index(IndexError::File(FileError::Io { path: named, .. })) => {
            assert_eq!(named, path)
        }
        other => panic!("{other}"),
    }
}

/// Replaces the site's index by another site's, with a manifest that lists it.
fn with_index_of(mut site: Site, other: &Site) -> (Site, Manifest) {
    let [to, from] = [&site, other].map(|site| site.directory.path().join("snapshot"));
    fs::remove_dir_all(to.join("search")).unwrap();
    fs::rename(from.join("search"), to.join("search")).unwrap();
    let is_index = |file: &ManifestFile| file.name.starts_with("search/");
    let files = &mut site.manifest.files;
    files.retain(|file| !is_index(file));
    files.extend(
        other
            .manifest
            .files
            .iter()
            .filter(|file| is_index(file))
            .cloned(),
    );
    let manifest = site.manifest.clone();
    (site, manifest)
}

#[test]
fn an_index_that_does_not_fit_the_profiles_is_refused() {
    let (silent, _) = silent_site();
    let (mixed, manifest) = with_index_of(silent, &Site::new(truth()));
    match open_error(&mixed, &manifest, LOG, "other") {
        OpenError::Index(IndexError::NotSilent { path, segments: 1 }) => {
            assert!(path.ends_with("snapshot/search"))
        }
        other => panic!("{other}"),
    }
    let (mixed, manifest) = with_index_of(Site::new(truth()), &silent_site().0);
    match open_error(&mixed, &manifest, LOG, "other") {
        OpenError::Index(IndexError::NotABase {
            path,
            segments: 0,
            documents: 0,
            expected: 40,
            ..
        }) => {
            assert!(path.ends_with("snapshot/search"));
        }
        other => panic!("{other}"),
    }
}
