//! Damaged and foreign files are named in an error and never served.

use crate::{
    random::Random,
    site::{LOG, Site, Truth},
};
use cloud_engine::{FileError, Manifest, NodeIndex};
use cloud_model::{LineageId, LogId, Scn};
use cloud_profile::ProfileRecord;
use cloud_search::{IndexError, OpenError, ProfileFile, ProfileStore};
use std::{fs, path::Path};

fn site() -> Site {
    let random = &mut Random(7);
    let mut truth = Truth::default();
    for member in 1..=40 {
        truth.profiles.insert(member, random.profile(member));
    }
    Site::new(truth)
}

/// Flips a bit of a file, calls `check`, then flips the bit back.
pub(crate) fn with_bit_flipped(path: &Path, at: usize, bit: usize, check: impl FnOnce()) {
    let sound = fs::read(path).unwrap();
    let mut damaged = sound.clone();
    damaged[at] ^= 1 << bit;
    fs::write(path, &damaged).unwrap();
    check();
    fs::write(path, &sound).unwrap();
}

#[test]
fn any_flipped_bit_of_the_profiles_is_noticed() {
    let site = site();
    let path = site.directory.path().join("snapshot/profiles.bin");
    let bytes = fs::read(&path).unwrap().len();
    let lineage = site.manifest.lineage_id;
    for at in 0..bytes {
        with_bit_flipped(&path, at, at % 8, || {
            let opened = ProfileFile::open(&path, lineage);
            let read = opened.and_then(|file| {
                (0..40).try_for_each(|node| file.profile(NodeIndex::new(node), 1).map(drop))
            });
            match read {
                Ok(()) => panic!("byte {at} of {bytes}"),
                Err(FileError::Damaged {
                    path: named,
                    offset,
                    ..
                }) => {
                    assert_eq!(named, path);
                    assert!(offset <= at as u64, "byte {at}, reported {offset}");
                }
                Err(FileError::WrongKind { .. } | FileError::UnknownVersion { .. }) => {
                    assert!(at < 12)
                }
                Err(other) => panic!("byte {at}: {other}"),
            }
        });
    }
}

#[test]
fn a_damaged_record_leaves_the_others_readable() {
    let site = site();
    let path = site.directory.path().join("snapshot/profiles.bin");
    with_bit_flipped(&path, 70, 3, || {
        let file = ProfileFile::open(&path, site.manifest.lineage_id).unwrap();
        let damaged = file.profile(NodeIndex::new(0), 1).unwrap_err();
        assert!(
            matches!(damaged, FileError::Damaged { offset: 64, .. }),
            "{damaged}"
        );
        for (node, profile) in site.truth.profiles.values().enumerate().skip(1) {
            assert_eq!(
                file.profile(NodeIndex::new(node as u32), 1)
                    .unwrap()
                    .as_ref(),
                Some(profile)
            );
        }
        assert_eq!(file.profile(NodeIndex::new(40), 1).unwrap(), None);
    });
}

#[test]
fn a_cut_or_longer_file_is_refused() {
    let site = site();
    let path = site.directory.path().join("snapshot/profiles.bin");
    let sound = fs::read(&path).unwrap();
    let refuse = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let refused = ProfileFile::open(&path, site.manifest.lineage_id).unwrap_err();
        assert!(
            matches!(refused, FileError::WrongLength { .. }),
            "{refused}"
        );
    };
    for length in [0, 10, 63, 64, 100, sound.len() - 1] {
        refuse(&sound[..length]);
    }
    refuse(&[sound.as_slice(), &[0]].concat());
}

pub(crate) fn open_error(site: &Site, manifest: &Manifest, log: u128, live: &str) -> OpenError {
    let directory = site.directory.path();
    let opened = ProfileStore::open(
        &directory.join("snapshot"),
        manifest,
        &directory.join(live),
        LogId::new(log),
    );
    opened.map(drop).unwrap_err()
}

#[test]
fn damaged_index_files_are_named() {
    let site = site();
    for file in site
        .manifest
        .files
        .iter()
        .filter(|file| file.name.starts_with("search/"))
    {
        let path = site.directory.path().join("snapshot").join(&file.name);
        with_bit_flipped(&path, file.bytes as usize / 2, 1, || {
            match open_error(&site, &site.manifest, LOG, "other") {
                OpenError::Index(IndexError::File(FileError::Damaged { path: named, .. })) => {
                    assert_eq!(named, path)
                }
                other => panic!("{other}"),
            }
        });
        let sound = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        match open_error(&site, &site.manifest, LOG, "other") {
            OpenError::Index(IndexError::File(FileError::Io { path: named, .. })) => {
                assert_eq!(named, path)
            }
            other => panic!("{other}"),
        }
        fs::write(&path, &sound).unwrap();
    }
}

#[test]
fn another_sites_files_are_refused() {
    let site = site();
    let lineage = LineageId::new(5);
    let foreign = Manifest {
        lineage_id: lineage,
        ..site.manifest.clone()
    };
    match open_error(&site, &foreign, LOG, "other") {
        OpenError::File(FileError::ForeignLineage {
            path,
            expected,
            found,
        }) => {
            assert!(path.ends_with("snapshot/profiles.bin"));
            assert_eq!((expected, found), (lineage, site.manifest.lineage_id));
        }
        other => panic!("{other}"),
    }
    let Site {
        directory,
        manifest,
        people,
        writer,
        ..
    } = site;
    drop((people, writer));
    let opened = |live: &str| {
        let log = LogId::new(LOG + 1);
        ProfileStore::open(
            &directory.path().join("snapshot"),
            &manifest,
            &directory.path().join(live),
            log,
        )
        .map(drop)
    };
    match opened("live").unwrap_err() {
        OpenError::File(FileError::ForeignLog { path, .. }) => {
            assert!(path.ends_with("live/profiles.redb"))
        }
        other => panic!("{other}"),
    }
    fs::remove_file(directory.path().join("live/profiles.redb")).unwrap();
    match opened("live").unwrap_err() {
        OpenError::Index(IndexError::File(FileError::ForeignLog { path, .. })) => {
            assert!(path.ends_with("live/search"))
        }
        other => panic!("{other}"),
    }
}

/// Creates a site with changes, and closes it. Returns its directory and the expected truth.
fn with_changes() -> (
    tempfile::TempDir,
    Manifest,
    Vec<(NodeIndex, Option<ProfileRecord>)>,
) {
    let mut site = site();
    let random = &mut Random(11);
    site.apply(3, (0..60).map(|_| random.change(60)).collect());
    site.commit();
    site.apply(4, (0..60).map(|_| random.change(60)).collect());
    site.commit();
    let bound = site.graph().node_bound();
    let published = site.people.published();
    let said = (0..bound)
        .map(NodeIndex::new)
        .map(|node| (node, published.profile(node, 1).unwrap()));
    let said = said.collect();
    drop(published);
    let Site {
        directory,
        manifest,
        people,
        writer,
        graph,
        ..
    } = site;
    writer.close(graph.version().published()).unwrap();
    drop(people);
    (directory, manifest, said)
}

#[test]
fn damaged_live_profiles_are_never_served() {
    let (directory, manifest, said) = with_changes();
    let path = directory.path().join("live/profiles.redb");
    let sound = fs::read(&path).unwrap();
    let random = &mut Random(5);
    let mut replaced = 0;
    // Most of the file is pages that were never written.
    let written: Vec<usize> = (0..sound.len()).filter(|&at| sound[at] != 0).collect();
    for round in 0..60 {
        let at = written[random.below(written.len())];
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << random.below(8);
        fs::write(&path, &damaged).unwrap();
        let live = directory.path().join(format!("live-{round}"));
        fs::create_dir(&live).unwrap();
        fs::copy(&path, live.join("profiles.redb")).unwrap();
        let opened = ProfileStore::open(
            &directory.path().join("snapshot"),
            &manifest,
            &live,
            LogId::new(LOG),
        );
        let (people, writer) = match opened {
            Ok(opened) => opened,
            // The mark may name another log, or a later version.
            Err(OpenError::File(error)) => {
                assert_eq!(error.path(), live.join("profiles.redb"), "byte {at}");
                continue;
            }
            Err(other) => panic!("byte {at}: {other}"),
        };
        if !writer.replaced().is_empty() {
            // The log is read from the snapshot's SCN.
            assert_eq!(people.applied_scn(), manifest.profiles_scn());
            replaced += 1;
            continue;
        }
        // The damage is in an unused page, or in the newest commit, so that the one before it
        // remains.
        if people.applied_scn() == Scn::new(4) {
            for (node, profile) in &said {
                assert_eq!(
                    &people.profile(*node, 1).unwrap(),
                    profile,
                    "byte {at}, node {node}"
                );
            }
        }
    }
    assert!(replaced > 0);
}
