//! The history of a log's windows: each one's hash covers its own content and the history before
//! it.
//!
//! The content is what a publisher stated, as it is written: source, offset, commit time and
//! changes. It does not depend on how the window is cut into parts or frames. XXH3 is the hash of
//! Y. Collet's xxHash, whose specification is stable. It finds accidents (a log that was restored
//! from an older copy), not forgeries.

use cloud_model::{History, LogId, LogPoint, Scn};
use prost::encoding::{DecodeContext, decode_key, skip_field};
use prost_types::Timestamp;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The tag of `WindowPart.changes`.
pub(crate) const CHANGES_TAG: u32 = 7;

/// The nanoseconds that stand for a missing commit time.
const NO_COMMIT_TIME: u32 = u32::MAX;

/// The content of a window, as far as it decides its history.
#[derive(Clone, Debug)]
pub(crate) struct WindowContent<'a> {
    pub(crate) source_id: &'a str,
    pub(crate) source_offset: u64,
    pub(crate) commit_time: Option<Timestamp>,
    /// The hash of the changes.
    pub(crate) changes_hash: u64,
}

/// Returns the history before the first window that has one; `scn` is the SCN before it.
pub(crate) fn before_first(log_id: LogId, scn: Scn) -> History {
    let mut bytes = [0; 24];
    put(&mut bytes, 0, &log_id.to_be_bytes());
    put(&mut bytes, 16, &scn.get().to_le_bytes());
    History::of_hash(xxh3_64(&bytes))
}

impl WindowContent<'_> {
    /// Returns the history of the window at an SCN. O(1).
    pub(crate) fn history(&self, before: History, scn: Scn) -> History {
        let (seconds, nanos) = self.commit_time.map_or((0, NO_COMMIT_TIME), |time| {
            (time.seconds, time.nanos.cast_unsigned())
        });
        // A short window is hashed at once: a streaming state of half a KiB would cost more.
        let mut bytes = [0; FIXED_BYTES + crate::limits::SOURCE_ID_BYTES_MAX];
        put(&mut bytes, 0, &before.get().to_le_bytes());
        put(&mut bytes, 8, &scn.get().to_le_bytes());
        put(&mut bytes, 16, &self.source_offset.to_le_bytes());
        put(&mut bytes, 24, &seconds.to_le_bytes());
        put(&mut bytes, 32, &nanos.to_le_bytes());
        put(&mut bytes, 36, &self.changes_hash.to_le_bytes());
        put(&mut bytes, FIXED_BYTES, self.source_id.as_bytes());
        let length = FIXED_BYTES + self.source_id.len();
        History::of_hash(xxh3_64(bytes.get(..length).unwrap_or(&bytes)))
    }
}

const FIXED_BYTES: usize = 44;

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(offset).zip(value) {
        *to = *from;
    }
}

/// The hash of a window's changes, over all its parts.
#[derive(Clone, Default)]
pub(crate) struct ChangesHash {
    /// The state after the parts so far; `None` before the first. One part is hashed at once.
    parts: Option<Box<Xxh3>>,
}

impl std::fmt::Debug for ChangesHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ChangesHash")
    }
}

impl ChangesHash {
    /// Adds the encoded changes of a part that is not the last.
    pub(crate) fn add(&mut self, changes: &[u8]) {
        self.parts.get_or_insert_default().update(changes);
    }

    /// Returns the hash, with the encoded changes of the last part.
    pub(crate) fn finish(self, changes: &[u8]) -> u64 {
        match self.parts {
            None => xxh3_64(changes),
            Some(mut parts) => {
                parts.update(changes);
                parts.digest()
            }
        }
    }

    /// Adds the changes of an encoded `WindowPart`, as they stand in it.
    pub(crate) fn add_part(&mut self, part: &[u8]) -> Result<(), prost::DecodeError> {
        let mut rest = part;
        while !rest.is_empty() {
            let field = rest;
            let (tag, wire_type) = decode_key(&mut rest)?;
            skip_field(wire_type, tag, &mut rest, DecodeContext::default())?;
            if tag == CHANGES_TAG {
                let bytes = field.len() - rest.len();
                self.add(field.get(..bytes).unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// The history at a place in a log, which each window must continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    at: Option<History>,
}

/// The reason why a window does not continue the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// The window was written behind another one.
    #[error("window {scn} continues history {found}, but {expected} is there")]
    OtherHistory {
        /// The SCN of the window.
        scn: Scn,
        /// The history before the window, as the window states it.
        found: History,
        /// The history at the place.
        expected: History,
    },
    /// The window states no history, and the windows before it do.
    #[error("window {scn} states no history, but {expected} is there")]
    Missing {
        /// The SCN of the window.
        scn: Scn,
        /// The history at the place.
        expected: History,
    },
}

impl Chain {
    /// Returns the chain at a place; `None` where the history is not known.
    #[must_use]
    pub fn at(history: Option<History>) -> Self {
        Self { at: history }
    }

    /// Returns the history at the place.
    #[must_use]
    pub fn history(&self) -> Option<History> {
        self.at
    }

    /// Moves behind a window, which states the history before it and its own; 0 for none.
    ///
    /// # Errors
    /// If the window does not continue the history at the place, which is then unchanged.
    pub fn accept(&mut self, scn: Scn, before: u64, own: u64) -> Result<(), BrokenChain> {
        match (self.at, History::new(before)) {
            (Some(expected), Some(found)) if found != expected => {
                return Err(BrokenChain::OtherHistory {
                    scn,
                    found,
                    expected,
                });
            }
            (Some(expected), None) => return Err(BrokenChain::Missing { scn, expected }),
            _ => {}
        }
        self.at = History::new(own);
        Ok(())
    }
}

impl From<LogPoint> for Chain {
    fn from(point: LogPoint) -> Self {
        Self::at(point.history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::{Change, MemberRemoved, WindowPart, change::Event};
    use prost::Message as _;

    fn content() -> WindowContent<'static> {
        WindowContent {
            source_id: "core",
            source_offset: 7,
            commit_time: Some(Timestamp {
                seconds: 5,
                nanos: 6,
            }),
            changes_hash: 8,
        }
    }

    #[test]
    fn a_history_depends_on_everything_that_a_window_states() {
        let before = History::of_hash(9);
        let scn = Scn::new(3);
        let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
        let with = |change: fn(&mut WindowContent<'static>)| {
            let mut content = content();
            change(&mut content);
            content.history(before, scn)
        };
        let mut histories = vec![
            content().history(before, scn),
            content().history(History::of_hash(10), scn),
            content().history(before, Scn::new(4)),
            with(|content| content.source_id = "cora"),
            with(|content| content.source_id = "core\0"),
            with(|content| content.source_offset = 8),
            with(|content| content.changes_hash = 9),
            with(|content| content.commit_time = None),
        ];
        for time in [time(6, 6), time(5, 7), time(0, 0)] {
            let mut content = content();
            content.commit_time = time;
            histories.push(content.history(before, scn));
        }
        let all = histories.len();
        histories.sort_unstable();
        histories.dedup();
        assert_eq!(histories.len(), all);
    }

    #[test]
    fn the_changes_hash_does_not_depend_on_parts() {
        let changes: Vec<_> = (1..=50)
            .map(|member_id| Change {
                skippable: false,
                event: Some(Event::MemberRemoved(MemberRemoved { member_id })),
            })
            .collect();
        let hash = |parts: &[&[Change]]| {
            let mut hash = ChangesHash::default();
            for (part, changes) in (0..).zip(parts) {
                let part = WindowPart {
                    scn: 4,
                    source_id: "core".to_owned(),
                    part,
                    changes: changes.to_vec(),
                    history: 5,
                    ..Default::default()
                };
                hash.add_part(&part.encode_to_vec()).unwrap();
            }
            hash.finish(&[])
        };
        let whole = hash(&[&changes]);
        let (first, rest) = changes.split_at(20);
        assert_eq!(hash(&[first, rest]), whole);
        assert_eq!(hash(&[&[], first, rest, &[]]), whole);
        assert_ne!(hash(&[first]), whole);
        let bytes: Vec<u8> = changes
            .iter()
            .flat_map(|change| {
                let mut bytes = Vec::new();
                prost::encoding::message::encode(CHANGES_TAG, change, &mut bytes);
                bytes
            })
            .collect();
        assert_eq!(ChangesHash::default().finish(&bytes), whole);
    }

    #[test]
    fn a_chain_refuses_what_does_not_continue_it() {
        let (one, two) = (History::of_hash(1), History::of_hash(2));
        let scn = Scn::new(8);
        let mut chain = Chain::at(None);
        assert_eq!(chain.accept(scn, 0, 0), Ok(()));
        assert_eq!(chain.history(), None);
        assert_eq!(chain.accept(scn, 1, 2), Ok(()));
        assert_eq!(
            chain.accept(scn, 1, 3),
            Err(BrokenChain::OtherHistory {
                scn,
                found: one,
                expected: two
            })
        );
        assert_eq!(
            chain.accept(scn, 0, 0),
            Err(BrokenChain::Missing { scn, expected: two })
        );
        assert_eq!(chain.accept(scn, 2, 3), Ok(()));
    }
}
