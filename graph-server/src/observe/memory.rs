//! The server's memory, part by part.

use crate::{compaction::Residence, site::Site};
use cloud_engine::{GRAPH_NAME, LargeMap, Purpose, large_maps};
use cloud_machine::{Mapping, Resident, mappings};
use cloud_search::BASE_INDEX_NAME;
use std::{collections::BTreeMap, path::Path};

/// Resident memory by part. The parts do not overlap, and their sum is all that is resident. Parts
/// that the system does not state are missing: a server answers without `/proc` too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: Option<Resident>,
    pub(crate) parts: Vec<Part>,
}

/// A part of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    /// The bytes of it that stand in large pages; `None` if the system does not state them.
    pub(crate) large_bytes: Option<u64>,
}

/// The memory that the server counts itself.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// The base's memory besides mapped files.
    graph: u64,
    overlay: u64,
    views: u64,
}

impl Memory {
    /// Reads the memory from the system. This is file work: some milliseconds for each mapped GiB.
    pub(crate) fn read(site: &Site) -> Self {
        let base = site.graphs.for_status().base().bytes().memory;
        let copied = match site.compaction.status().residence {
            Residence::Copying(copied, _) => copied,
            Residence::Mapped(_) | Residence::Resident => 0,
        };
        let counted = Counted {
            graph: base + copied,
            overlay: site.compaction.overlay_bytes(),
            views: site.views.counts().bytes,
        };
        // In this order: a map that goes away in between is then in neither.
        let maps = mappings().map(|maps| Maps::of(&maps, &large_maps()));
        Self::of(Resident::read().ok(), maps.ok(), counted)
    }

    fn of(resident: Option<Resident>, maps: Option<Maps>, counted: Counted) -> Self {
        let Counted {
            graph,
            overlay,
            views,
        } = counted;
        let maps = maps.as_ref();
        let rest = |whole: u64, parts: &[u64]| {
            parts
                .iter()
                .fold(whole, |rest, part| rest.saturating_sub(*part))
        };
        let mapped = |of: fn(&Maps) -> u64| maps.map(of);
        let other_mapped = resident.zip(maps).map(|(resident, maps)| {
            rest(resident.mapped_bytes, &[maps.graph.bytes, maps.index.bytes])
        });
        let other_own =
            resident.map(|resident| rest(resident.anonymous_bytes, &[graph, overlay, views]));
        let parts = [
            (
                "graph",
                mapped(|maps| maps.graph.bytes).map(|mapped| mapped + graph),
                mapped(|maps| maps.graph.large + maps.large(Purpose::Graph)),
            ),
            (
                "search index",
                mapped(|maps| maps.index.bytes),
                mapped(|maps| maps.index.large),
            ),
            (
                "other mapped files",
                other_mapped,
                mapped(|maps| maps.other_files.large),
            ),
            (
                "overlay",
                Some(overlay),
                mapped(|maps| maps.large(Purpose::Overlay)),
            ),
            (
                "views",
                Some(views),
                mapped(|maps| maps.large(Purpose::Views)),
            ),
            (
                "other own",
                other_own,
                mapped(|maps| {
                    let parts = [Purpose::Graph, Purpose::Overlay, Purpose::Views];
                    let of_parts: u64 = parts.map(|part| maps.large(part)).iter().sum();
                    maps.own_large.saturating_sub(of_parts)
                }),
            ),
        ];
        let known = parts.into_iter().filter_map(|(name, bytes, large_bytes)| {
            Some(Part {
                name,
                bytes: bytes?,
                large_bytes,
            })
        });
        Self {
            resident,
            parts: known.collect(),
        }
    }
}

/// Bytes, and those of them that stand in large pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pages {
    bytes: u64,
    large: u64,
}

/// The process's maps by part.
#[derive(Debug, Default, PartialEq, Eq)]
struct Maps {
    graph: Pages,
    /// The base index and the live one: both folders have this name.
    index: Pages,
    other_files: Pages,
    /// The large pages of memory without a file, and of it those of the engine's maps.
    own_large: u64,
    large: BTreeMap<Purpose, u64>,
}

impl Maps {
    fn of(maps: &[Mapping], engine: &[LargeMap]) -> Self {
        let mut parts = Self::default();
        for map in maps {
            if map.path.is_empty() {
                parts.own_large += map.large_bytes;
                let known = engine.binary_search_by_key(&map.start, |known| known.start);
                if let Ok(place) = known {
                    *parts.large.entry(engine[place].purpose).or_default() += map.large_bytes;
                }
                continue;
            }
            let path = Path::new(&map.path);
            let folder = path.parent().and_then(Path::file_name);
            let pages = if path.file_name().is_some_and(|name| name == GRAPH_NAME) {
                &mut parts.graph
            } else if folder.is_some_and(|name| name == BASE_INDEX_NAME) {
                &mut parts.index
            } else {
                &mut parts.other_files
            };
            pages.bytes += map.mapped_bytes;
            pages.large += map.large_bytes;
        }
        parts
    }

    fn large(&self, purpose: Purpose) -> u64 {
        self.large.get(&purpose).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(start: usize, path: &str, bytes: u64, large_bytes: u64) -> Mapping {
        let is_file = !path.is_empty();
        Mapping {
            start,
            path: path.to_owned(),
            anonymous_bytes: if is_file { 0 } else { bytes },
            mapped_bytes: if is_file { bytes } else { 0 },
            large_bytes,
        }
    }

    fn part(name: &'static str, bytes: u64, large_bytes: Option<u64>) -> Part {
        Part {
            name,
            bytes,
            large_bytes,
        }
    }

    #[test]
    fn what_the_system_does_not_state_is_missing() {
        let resident = Resident {
            anonymous_bytes: 100,
            mapped_bytes: 50,
        };
        let counted = Counted {
            graph: 20,
            overlay: 7,
            views: 3,
        };
        let maps = Maps {
            graph: Pages {
                bytes: 30,
                large: 8,
            },
            index: Pages { bytes: 5, large: 0 },
            other_files: Pages {
                bytes: 15,
                large: 1,
            },
            own_large: 30,
            large: BTreeMap::from([(Purpose::Graph, 16), (Purpose::Overlay, 2)]),
        };
        let of = |resident, maps| Memory::of(resident, maps, counted).parts;
        let alone = [part("overlay", 7, None), part("views", 3, None)];
        assert_eq!(of(None, None), alone);
        let with_rest = [&alone[..], &[part("other own", 70, None)]].concat();
        assert_eq!(of(Some(resident), None), with_rest);
        let whole = of(Some(resident), Some(maps));
        let expected = [
            part("graph", 50, Some(24)),
            part("search index", 5, Some(0)),
            part("other mapped files", 15, Some(1)),
            part("overlay", 7, Some(2)),
            part("views", 3, Some(0)),
            part("other own", 70, Some(12)),
        ];
        assert_eq!(whole, expected);
        assert_eq!(whole.iter().map(|part| part.bytes).sum::<u64>(), 150);
    }

    #[test]
    fn maps_belong_to_their_part() {
        let maps = [
            mapping(0x1000, "/site/00000000000000000007/graph.csr", 1, 1),
            mapping(0x2000, "/site/00000000000000000007/search/a.idx", 2, 0),
            mapping(0x3000, "/site/live/search/b.fast", 4, 2),
            mapping(0x4000, "/search", 8, 0),
            mapping(0x5000, "/usr/lib/libc.so", 16, 0),
            mapping(0x6000, "", 32, 6),
            mapping(0x7000, "", 64, 7),
        ];
        let known = LargeMap {
            purpose: Purpose::Views,
            start: 0x7000,
            bytes: 64,
        };
        let expected = Maps {
            graph: Pages { bytes: 1, large: 1 },
            index: Pages { bytes: 6, large: 2 },
            other_files: Pages {
                bytes: 24,
                large: 0,
            },
            own_large: 13,
            large: BTreeMap::from([(Purpose::Views, 7)]),
        };
        assert_eq!(Maps::of(&maps, &[known]), expected);
    }
}
