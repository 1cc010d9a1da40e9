//! The search index of a snapshot and the live stores, as the server opens them.
//!
//! The formats are those of tantivy and redb, whose readers trust their own checksums. Therefore
//! nothing is repaired here. The tests prove that the checks of this project notice the damage
//! first.

use std::fs;
use std::path::{Path, PathBuf};

use cloud_engine::{LineageHasher, Manifest, NodeIndex, StandsAt};
use cloud_model::{LogId, MemberId, Scn};
use cloud_profile::Mask;
use cloud_proto::databus::v1::Member;
use cloud_search::{
    BASE_INDEX_NAME, BaseIndexWriter, LIVE_PROFILES_NAME, PROFILES_NAME, ProfileChange,
    ProfileFileWriter, ProfileStore,
};

use super::profiles::profile;
use super::scratch::{empty_folder, folder, named};
use super::{Mutated, Reader, nothing_to_seal};

/// The reader of the search index. The first byte says which of the index's files the others are.
pub(super) const SEARCH_INDEX: Reader = Reader {
    name: "search-index",
    valid: valid_index,
    reseal: nothing_to_seal,
    read: read_index,
    mutated: Mutated::RefusedOrSame,
};

pub(super) const LIVE_PROFILES: Reader = Reader {
    name: "live-profiles",
    valid: valid_live,
    reseal: nothing_to_seal,
    read: read_live,
    mutated: Mutated::Any,
};

const MEMBERS: u64 = 12;

fn log() -> LogId {
    LogId::new(77)
}

/// Returns a snapshot's profiles and index, written once a thread.
fn snapshot() -> (PathBuf, Manifest) {
    thread_local! {
        static WRITTEN: (PathBuf, Manifest) = write(&empty_folder("people-snapshot"));
    }
    WRITTEN.with(Clone::clone)
}

fn write(snapshot: &Path) -> (PathBuf, Manifest) {
    let mut profiles = ProfileFileWriter::create(&snapshot.join(PROFILES_NAME)).expect("creates");
    let mut index =
        BaseIndexWriter::create(&snapshot.join(BASE_INDEX_NAME), 1, 1).expect("creates");
    for (node, id) in (0..).zip(1..=MEMBERS) {
        profiles.push(&profile(id)).expect("writes");
        index
            .push(NodeIndex::new(node), &profile(id))
            .expect("writes");
    }
    let mut lineage = LineageHasher::new();
    lineage.section("profiles", profiles.content_digest());
    let lineage_id = lineage.finish();
    let mut files = vec![profiles.finish(lineage_id).expect("writes")];
    files.extend(index.finish().expect("writes"));
    let manifest = Manifest {
        members: MEMBERS,
        files,
        ..Manifest::new(lineage_id, Scn::BEGINNING, StandsAt::Beginning {})
    };
    (snapshot.to_owned(), manifest)
}

/// Returns the paths of the files of the index.
fn index_files() -> Vec<PathBuf> {
    let (snapshot, manifest) = snapshot();
    let of_index = manifest
        .files
        .iter()
        .filter(|file| file.name.starts_with(BASE_INDEX_NAME));
    of_index.map(|file| snapshot.join(&file.name)).collect()
}

fn valid_index() -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(fs::read(&index_files()[0]).expect("reads"));
    bytes
}

fn read_index(bytes: &[u8]) -> Result<String, String> {
    let Some((&file, content)) = bytes.split_first() else {
        return Err("nothing to read".to_owned());
    };
    let (snapshot, manifest) = snapshot();
    let files = index_files();
    let path = &files[usize::from(file) % files.len()];
    let sound = fs::read(path).expect("reads");
    fs::write(path, content).expect("writes");
    let opened = ProfileStore::open(&snapshot, &manifest, &empty_folder("people-live"), log());
    fs::write(path, &sound).expect("writes");
    match opened {
        Ok(_) => {
            assert!(
                content == sound,
                "another content was taken for {}",
                path.display()
            );
            Ok("the index".to_owned())
        }
        Err(error) => Err(named(error, path)),
    }
}

/// Returns a live store with changes of two commits.
fn valid_live() -> Vec<u8> {
    let (snapshot, manifest) = snapshot();
    let live = empty_folder("live-written");
    let (people, mut writer) =
        ProfileStore::open(&snapshot, &manifest, &live, log()).expect("opens");
    for (scn, node) in [(3, 0), (5, 1)] {
        let member = Member {
            member_id: u64::from(node) + 1,
            headline: "changed".to_owned(),
            ..Default::default()
        };
        let change = ProfileChange::MemberUpserted {
            existing_only: false,
            node: NodeIndex::new(node),
            member_id: MemberId::new(u64::from(node) + 1).expect("is not 0"),
            values: Box::new(member),
            fields: Mask::all(),
        };
        writer.apply(Scn::new(scn), vec![change]).expect("ascends");
        writer.commit(Scn::new(scn)).expect("commits");
    }
    writer.close(Scn::new(5)).expect("closes");
    drop(people);
    fs::read(live.join(LIVE_PROFILES_NAME)).expect("reads")
}

/// Reads a live store. Its content equals the state of one of the commits.
fn read_live(bytes: &[u8]) -> Result<String, String> {
    let (snapshot, manifest) = snapshot();
    let live = empty_folder("people-live");
    let path = live.join(LIVE_PROFILES_NAME);
    fs::write(&path, bytes).expect("writes");
    let (people, writer) = ProfileStore::open(&snapshot, &manifest, &live, log())
        .map_err(|error| named(error, &folder("people-live")))?;
    if let Some(damage) = writer.replaced().pop() {
        assert_eq!(people.applied_scn(), Scn::BEGINNING);
        return Err(damage);
    }
    let scn = people.applied_scn().get();
    let mut told = format!("SCN {scn}\n");
    for node in 0..2 {
        let found = people
            .profile(NodeIndex::new(node), u64::from(node) + 1)
            .map_err(|error| named(error, &path))?;
        let headline = found
            .and_then(|profile| profile.member)
            .map(|member| member.headline);
        let expected = if scn >= 3 + 2 * u64::from(node) {
            "changed"
        } else {
            "engineer at Acme"
        };
        assert_eq!(
            headline.as_deref(),
            Some(expected),
            "node {node} at SCN {scn}"
        );
        told += &format!("{headline:?}\n");
    }
    Ok(told)
}
