//! The server's memory, part by part.

use crate::{
    observe::resident::{Resident, mapped_files},
    site::Site,
};
use cloud_engine::GRAPH_NAME;
use cloud_search::BASE_INDEX_NAME;
use std::{io, path::Path};

/// Resident memory by part. The parts do not overlap, and their sum is all that is resident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: Resident,
    pub(crate) parts: Vec<(&'static str, u64)>,
}

impl Memory {
    /// Reads the memory from the system. This is file work: some milliseconds for each mapped GiB.
    pub(crate) fn read(site: &Site) -> io::Result<Self> {
        let resident = Resident::read()?;
        let mapped = MappedParts::of(mapped_files()?.iter());
        let overlay = site.compaction.overlay_bytes();
        let views = site.views.counts().bytes;
        let rest = |whole: u64, parts: [u64; 2]| {
            parts
                .iter()
                .fold(whole, |rest, part| rest.saturating_sub(*part))
        };
        let parts = vec![
            ("graph", mapped.graph),
            ("search index", mapped.index),
            (
                "other mapped files",
                rest(resident.mapped_bytes, [mapped.graph, mapped.index]),
            ),
            ("overlay", overlay),
            ("views", views),
            (
                "other own",
                rest(resident.anonymous_bytes, [overlay, views]),
            ),
        ];
        Ok(Self { resident, parts })
    }
}

/// The mapped bytes of files that grow with the site.
#[derive(Debug, Default, PartialEq, Eq)]
struct MappedParts {
    graph: u64,
    /// The base index and the live one: both folders have this name.
    index: u64,
}

impl MappedParts {
    fn of<'a>(files: impl Iterator<Item = &'a (String, u64)>) -> Self {
        let mut parts = Self::default();
        for (path, bytes) in files {
            let path = Path::new(path);
            let folder = path.parent().and_then(Path::file_name);
            if path.file_name().is_some_and(|name| name == GRAPH_NAME) {
                parts.graph += bytes;
            } else if folder.is_some_and(|name| name == BASE_INDEX_NAME) {
                parts.index += bytes;
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_their_part() {
        let file = |path: &str, bytes| (path.to_owned(), bytes);
        let files = [
            file("/site/00000000000000000007/graph.csr", 1),
            file("/site/00000000000000000007/search/a.idx", 2),
            file("/site/live/search/b.fast", 4),
            file("/search", 8),
            file("/usr/lib/libc.so", 16),
        ];
        let expected = MappedParts { graph: 1, index: 6 };
        assert_eq!(MappedParts::of(files.iter()), expected);
    }
}
