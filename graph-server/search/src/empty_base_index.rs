//! The base index of a snapshot whose profiles say nothing: a site that only asks about its graph.
//!
//! Documents without a term are alike, so all but a few are copies: segments of many are made by merging one segment with itself,
//! and one again of these. (Bench: "connections -> graph snapshot": 20 million documents in half the time.)

use std::{
    fs, iter,
    path::{Path, PathBuf},
};

use cloud_engine::{FileError, ManifestFile};

use crate::{
    base_index::open_base,
    base_index_writer::{build_part, merge_parts, part_path, remove_parts, sync_files},
    index_error::IndexError,
};

/// Documents that are made one by one.
const UNIT: u32 = 1 << 14;
/// Segments that become one.
const COPIES: u32 = 16;

/// Writes an index of so many documents without a term, as [`BaseIndexWriter`](crate::BaseIndexWriter) does of empty profiles.
/// The directory is made and must hold no index.
///
/// # Errors
/// What the system or tantivy says.
pub fn write_empty_base_index(path: &Path, nodes: u32) -> Result<Vec<ManifestFile>, IndexError> {
    fs::create_dir_all(path).map_err(|source| FileError::Io {
        path: path.to_owned(),
        source,
    })?;
    let (mut units, rest) = (nodes / UNIT, nodes % UNIT);
    let mut made = Vec::new();
    let mut merged: Vec<PathBuf> = Vec::new();
    if rest > 0 || units == 0 {
        made.push(make(path, made.len(), rest)?);
        merged.extend(made.last().cloned());
    }
    if units > 0 {
        made.push(make(path, made.len(), UNIT)?);
    }
    while let (1.., Some(unit)) = (units, made.last().cloned()) {
        let copies = |count: u32| iter::repeat_n(unit.clone(), count as usize);
        merged.extend(copies(units % COPIES));
        units /= COPIES;
        if units > 0 {
            let next = part_path(path, made.len());
            fs::create_dir(&next).map_err(|source| FileError::Io {
                path: next.clone(),
                source,
            })?;
            merge_parts(&next, &copies(COPIES).collect::<Vec<_>>())?;
            made.push(next);
        }
    }
    merge_parts(path, &merged)?;
    remove_parts(&made)?;
    open_base(path, u64::from(nodes))?;
    sync_files(path)
}

fn make(path: &Path, number: usize, documents: u32) -> Result<PathBuf, IndexError> {
    let part = part_path(path, number);
    // An empty profile with its length before it is one zero.
    build_part(&part, &vec![0; documents as usize])?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use tantivy::ReloadPolicy;

    use super::*;
    use crate::field::Field;

    fn check(nodes: u32) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("search");
        let files = write_empty_base_index(&path, nodes).unwrap();
        let mut names: Vec<String> = fs::read_dir(&path)
            .unwrap()
            .map(|entry| format!("search/{}", entry.unwrap().file_name().to_string_lossy()))
            .collect();
        names.sort();
        assert!(files.iter().map(|file| &file.name).eq(&names), "{names:?}");
        let index = open_base(&path, u64::from(nodes)).unwrap();
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let searcher = reader.try_into().unwrap().searcher();
        for segment in searcher.segment_readers() {
            for field in Field::ALL {
                let field = segment.schema().get_field(field.name()).unwrap();
                assert_eq!(segment.inverted_index(field).unwrap().total_num_tokens(), 0);
                let lengths = segment.get_fieldnorms_reader(field).unwrap();
                assert!((0..nodes).all(|document| lengths.fieldnorm(document) == 0));
            }
        }
    }

    #[test]
    fn there_is_a_document_for_each_node_and_none_has_a_term() {
        for nodes in [
            0,
            1,
            UNIT - 1,
            UNIT,
            UNIT + 1,
            UNIT * 2,
            UNIT * COPIES,
            UNIT * (COPIES + 3) + 5,
        ] {
            check(nodes);
        }
    }
}
