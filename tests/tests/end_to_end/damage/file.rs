//! The files of a site, by what a server does without them.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of a site.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its path below the site's folder.
    pub(super) path: PathBuf,
    pub(super) group: Group,
}

/// A group of files. Those of snapshots belong to the newest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// The files without which a snapshot is no graph.
    Graph,
    /// The snapshot's profiles and index.
    People,
    /// The snapshot's copy of the changed profiles, where the live ones are missing.
    Copy,
    Live,
    /// The files without which a start replays or compares less.
    Overlay,
    Log,
    Lock,
}

impl Group {
    pub(super) const ALL: [Self; 7] = [
        Self::Graph,
        Self::People,
        Self::Copy,
        Self::Live,
        Self::Overlay,
        Self::Log,
        Self::Lock,
    ];

    fn of(path: &Path, newest: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if let Ok(below) = path.strip_prefix(newest) {
            return Some(match below.to_str()? {
                "manifest.json" | "graph.csr" | "times.bin" | "policy.bin" => Self::Graph,
                "profiles.redb" => Self::Copy,
                "histories.bin" => Self::Overlay,
                _ => Self::People,
            });
        }
        if name == "LOCK" {
            Some(Self::Lock)
        } else if path.starts_with("snapshot/live") {
            Some(Self::Live)
        } else if name.starts_with("overlay-") {
            Some(Self::Overlay)
        } else {
            (path.starts_with("log")).then_some(Self::Log)
        }
    }
}

impl File {
    pub(super) fn name(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.expect("our names are UTF-8")
    }

    /// Returns the name of its folder.
    pub(super) fn folder(&self) -> &str {
        let folder = self.path.parent().and_then(Path::file_name);
        folder
            .and_then(|name| name.to_str())
            .expect("our names are UTF-8")
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name() == name
    }
}

/// Lists the files of a site that a server reads, except earlier snapshots and empty files.
pub(super) fn files(site: &Path) -> Vec<File> {
    let snapshots = cloud_engine::newest_snapshots(&site.join("snapshot"));
    let newest = snapshots.expect("a site").swap_remove(0);
    let newest = newest.strip_prefix(site).expect("it is in the site");
    let mut files = Vec::new();
    list(site, Path::new(""), newest, &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn list(site: &Path, below: &Path, newest: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(site.join(below)).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = below.join(entry.file_name());
        let found = entry.metadata().expect("a file");
        if found.is_dir() {
            list(site, &path, newest, files);
        } else if let Some(group) = Group::of(&path, newest)
            && (found.len() > 0 || path.extension().is_none_or(|end| end == "lock"))
        {
            files.push(File { path, group });
        }
    }
}
