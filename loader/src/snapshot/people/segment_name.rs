//! Gives the only segment of the index a fixed name.
//!
//! Tantivy gives segments random names and names their files after them. It also records which
//! segments were merged into a segment. The manifest lists the files, and the same dump must make
//! the same manifest. Within one index a segment's name only has to differ from those of other
//! segments, and there are none.

use std::fs;
use std::io;
use std::path::Path;

use cloud_engine::ManifestFile;
use cloud_search::BASE_INDEX_NAME;
use serde_json::Value;

use crate::{inspect::measure, job::error::Error};

const SEGMENT_NAME: &str = "00000000000000000000000000000000";
/// The name of Tantivy's list of segments.
const META_NAME: &str = "meta.json";

/// Renames the segment's files in the snapshot, and their entries in the list of files.
pub(crate) fn name_segment(
    snapshot: &Path,
    mut files: Vec<ManifestFile>,
) -> Result<Vec<ManifestFile>, Error> {
    let Some(random) = files
        .iter()
        .find_map(|file| segment_of(&file.name))
        .map(str::to_owned)
    else {
        return Ok(files);
    };
    for file in &mut files {
        let old = snapshot.join(&file.name);
        if file.name == format!("{BASE_INDEX_NAME}/{META_NAME}") {
            rewrite_meta(&old).map_err(Error::file("write", &old))?;
            (file.bytes, file.crc32c) = measure(&old).map_err(Error::file("read", &old))?;
        } else {
            file.name = file.name.replace(&random, SEGMENT_NAME);
            let new = snapshot.join(&file.name);
            fs::rename(&old, new).map_err(Error::file("rename", &old))?;
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn rewrite_meta(path: &Path) -> io::Result<()> {
    let mut meta: Value = serde_json::from_slice(&fs::read(path)?)?;
    if let Some(id) = meta.pointer_mut("/segments/0/segment_id") {
        *id = Value::from(hyphenated(SEGMENT_NAME));
    }
    if let Some(meta) = meta.as_object_mut() {
        // The payload notes which segments were merged. No code reads it.
        meta.remove("payload");
    }
    fs::write(path, serde_json::to_vec_pretty(&meta)?)
}

/// Returns the segment's name that a file's name begins with.
fn segment_of(name: &str) -> Option<&str> {
    let (segment, _) = name
        .strip_prefix(BASE_INDEX_NAME)?
        .strip_prefix('/')?
        .split_once('.')?;
    let is_segment =
        segment.len() == SEGMENT_NAME.len() && segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_segment.then_some(segment)
}

/// Returns a segment's name as it is in `meta.json`: with 8-4-4-4-12 digits.
fn hyphenated(segment: &str) -> String {
    let mut text = String::with_capacity(36);
    for (index, digit) in segment.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_engine::NodeIndex;
    use cloud_profile::ProfileRecord;
    use cloud_proto::databus::v1::Member;
    use cloud_search::BaseIndexWriter;

    fn index(snapshot: &Path) -> Vec<ManifestFile> {
        // The memory is so small that many parts are merged.
        let mut writer = BaseIndexWriter::create(&snapshot.join(BASE_INDEX_NAME), 1, 2).unwrap();
        for node in 0..500 {
            let member = Member {
                member_id: node + 1,
                headline: format!("{node} ").repeat(20),
                ..Member::default()
            };
            let profile = ProfileRecord {
                member: Some(member),
                positions: Vec::new(),
            };
            writer.push(NodeIndex::new(node as u32), &profile).unwrap();
        }
        name_segment(snapshot, writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn the_same_profiles_make_the_same_index() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let files = index(one.path());
        assert_eq!(files, index(other.path()));
        for ManifestFile {
            name,
            bytes,
            crc32c,
            ..
        } in &files
        {
            let found = fs::read(one.path().join(name)).unwrap();
            assert_eq!(
                (found.len() as u64, crc32c::crc32c(&found)),
                (*bytes, *crc32c),
                "{name}"
            );
            assert_eq!(found, fs::read(other.path().join(name)).unwrap(), "{name}");
        }
        let listed = fs::read_dir(one.path().join(BASE_INDEX_NAME))
            .unwrap()
            .count();
        assert_eq!(listed, files.len());
    }

    #[test]
    fn segments_are_told_from_other_files() {
        let segment = "65215de7d4da4473b05d6fb63a181600";
        assert_eq!(segment_of(&format!("search/{segment}.idx")), Some(segment));
        assert_eq!(segment_of("search/meta.json"), None);
        assert_eq!(segment_of("graph.csr"), None);
        assert_eq!(hyphenated(segment), "65215de7-d4da-4473-b05d-6fb63a181600");
    }
}
