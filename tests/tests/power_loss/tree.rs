//! The content of a disk: folders and files by path.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Folders and files by path.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) folders: BTreeSet<String>,
    pub(crate) files: BTreeMap<String, Arc<Vec<u8>>>,
}

impl Tree {
    /// Returns a digest of the tree. Two different trees have the same digest in one of billions of
    /// cases.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.folders.hash(&mut hasher);
        for (path, bytes) in &self.files {
            (path, bytes.len(), crc32c::crc32c(bytes)).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Returns the tree without a folder and its content.
    pub(crate) fn without(&self, folder: &str) -> Self {
        let is_other = |path: &String| path != folder && !path.starts_with(&format!("{folder}/"));
        let folders = self
            .folders
            .iter()
            .filter(|path| is_other(path))
            .cloned()
            .collect();
        let files = self.files.iter().filter(|(path, _)| is_other(path));
        let files = files
            .map(|(path, bytes)| (path.clone(), Arc::clone(bytes)))
            .collect();
        Self { folders, files }
    }
}
