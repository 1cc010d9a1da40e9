//! The server's memory, part by part.

use crate::{
    observe::resident::{Resident, mapped_files},
    site::Site,
};
use cloud_engine::GRAPH_NAME;
use cloud_search::BASE_INDEX_NAME;
use std::path::Path;

/// Resident memory by part. The parts do not overlap, and their sum is all that is resident. Parts
/// that the system does not state are missing: a server answers without `/proc` too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: Option<Resident>,
    pub(crate) parts: Vec<(&'static str, u64)>,
}

impl Memory {
    /// Reads the memory from the system. This is file work: some milliseconds for each mapped GiB.
    pub(crate) fn read(site: &Site) -> Self {
        let overlay = site.compaction.overlay_bytes();
        let views = site.views.counts().bytes;
        let mapped = mapped_files().map(|files| MappedParts::of(files.iter()));
        Self::of(Resident::read().ok(), mapped.ok(), overlay, views)
    }

    fn of(
        resident: Option<Resident>,
        mapped: Option<MappedParts>,
        overlay: u64,
        views: u64,
    ) -> Self {
        let rest = |whole: u64, parts: [u64; 2]| {
            parts
                .iter()
                .fold(whole, |rest, part| rest.saturating_sub(*part))
        };
        let graph = mapped.as_ref().map(|mapped| mapped.graph);
        let index = mapped.as_ref().map(|mapped| mapped.index);
        let other_mapped = resident
            .zip(mapped)
            .map(|(resident, mapped)| rest(resident.mapped_bytes, [mapped.graph, mapped.index]));
        let other_own = resident.map(|resident| rest(resident.anonymous_bytes, [overlay, views]));
        let parts = [
            ("graph", graph),
            ("search index", index),
            ("other mapped files", other_mapped),
            ("overlay", Some(overlay)),
            ("views", Some(views)),
            ("other own", other_own),
        ];
        let known = parts.into_iter();
        let known = known.filter_map(|(part, bytes)| Some((part, bytes?)));
        Self {
            resident,
            parts: known.collect(),
        }
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
    fn what_the_system_does_not_state_is_missing() {
        let resident = Resident {
            anonymous_bytes: 100,
            mapped_bytes: 50,
        };
        let mapped = || MappedParts {
            graph: 30,
            index: 5,
        };
        let check = |resident, mapped, expected: &[(&str, u64)]| {
            assert_eq!(Memory::of(resident, mapped, 7, 3).parts, expected);
        };
        let overlay_and_views = [("overlay", 7), ("views", 3)];
        check(None, None, &overlay_and_views);
        check(
            Some(resident),
            None,
            &[&overlay_and_views[..], &[("other own", 90)]].concat(),
        );
        check(
            None,
            Some(mapped()),
            &[
                &[("graph", 30), ("search index", 5)],
                &overlay_and_views[..],
            ]
            .concat(),
        );
        let whole = Memory::of(Some(resident), Some(mapped()), 7, 3);
        assert_eq!(whole.parts.iter().map(|(_, bytes)| bytes).sum::<u64>(), 150);
        assert_eq!(whole.parts.len(), 6);
    }

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
