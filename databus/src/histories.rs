//! The histories of the newest windows, by SCN, for the answers that state one and for the points
//! that callers send back.

use crate::limits::HISTORIES_KEPT;
use cloud_model::{History, LogPoint, Scn};
use std::sync::atomic::{AtomicU64, Ordering};

/// A table of the newest histories. One thread writes it, any number of threads read it, and none
/// waits.
///
/// The slot of an SCN is its remainder by the table's length. The one writer of a log gives SCNs
/// without gaps, so the table holds the newest [`HISTORIES_KEPT`]. With gaps it holds fewer, and is
/// as correct.
#[derive(Debug)]
pub struct Histories {
    slots: Box<[Slot]>,
}

/// The history at one SCN. 0 means that there is none, or that the slot is being written.
///
/// The writer sets `history` to 0, then `scn`, then `history`. A reader that finds the same history
/// before and after it has read `scn` has read a pair that belongs together.
#[derive(Debug, Default)]
struct Slot {
    scn: AtomicU64,
    history: AtomicU64,
}

impl Default for Histories {
    fn default() -> Self {
        let mut slots = Vec::new();
        slots.resize_with(HISTORIES_KEPT, Slot::default);
        Self {
            slots: slots.into_boxed_slice(),
        }
    }
}

impl Histories {
    /// Records the history at a point, if it is known. O(1).
    pub fn note(&self, LogPoint { scn, history }: LogPoint) {
        if let (Some(history), Some(slot)) = (history, self.slot(scn)) {
            slot.history.store(0, Ordering::Relaxed);
            slot.scn.store(scn.get(), Ordering::Release);
            slot.history.store(history.get(), Ordering::Release);
        }
    }

    /// Returns the point at an SCN, with its history if the table holds it. O(1).
    #[must_use]
    pub fn point(&self, scn: Scn) -> LogPoint {
        let history = self.slot(scn).and_then(|slot| slot.read());
        let history = history.filter(|(at, _)| *at == scn);
        LogPoint {
            scn,
            history: history.map(|(_, history)| history),
        }
    }

    /// Returns every point of the table, ascending by SCN. O(n log n).
    #[must_use]
    pub fn list(&self) -> Vec<LogPoint> {
        let points = self.slots.iter().filter_map(Slot::read);
        let mut points: Vec<_> = points
            .map(|(scn, history)| LogPoint {
                scn,
                history: Some(history),
            })
            .collect();
        points.sort_unstable_by_key(|point| point.scn);
        points
    }

    fn slot(&self, scn: Scn) -> Option<&Slot> {
        self.slots.get(scn.get() as usize % HISTORIES_KEPT)
    }
}

impl Slot {
    fn read(&self) -> Option<(Scn, History)> {
        let before = self.history.load(Ordering::Acquire);
        let scn = self.scn.load(Ordering::Acquire);
        let after = self.history.load(Ordering::Relaxed);
        let history = History::new(after).filter(|_| before == after)?;
        Some((Scn::new(scn), history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, thread};

    fn point(scn: u64) -> LogPoint {
        LogPoint {
            scn: Scn::new(scn),
            history: Some(History::of_hash(scn + 1000)),
        }
    }

    #[test]
    fn the_newest_are_kept() {
        let histories = Histories::default();
        assert_eq!(histories.list(), []);
        histories.note(LogPoint::from(Scn::new(1)));
        assert_eq!(histories.point(Scn::new(1)).history, None);
        let kept = HISTORIES_KEPT as u64;
        for scn in 0..kept + 10 {
            histories.note(point(scn));
        }
        for scn in [10, 11, kept, kept + 9] {
            assert_eq!(histories.point(Scn::new(scn)), point(scn));
        }
        for scn in [0, 9, kept + 10] {
            assert_eq!(histories.point(Scn::new(scn)).history, None);
        }
        let list = histories.list();
        assert_eq!(list.len(), HISTORIES_KEPT);
        assert_eq!(list.first(), Some(&point(10)));
        assert!(list.is_sorted_by_key(|point| point.scn));
    }

    #[test]
    fn a_reader_never_gets_the_history_of_another_window() {
        let histories = Arc::new(Histories::default());
        let kept = HISTORIES_KEPT as u64;
        let writer = {
            let histories = Arc::clone(&histories);
            thread::spawn(move || {
                // One slot is written over and over.
                for round in 0..200_000 {
                    histories.note(point(round % 7 * kept));
                }
            })
        };
        while !writer.is_finished() {
            for round in 0..7 {
                let scn = Scn::new(round * kept);
                let found = histories.point(scn);
                assert!(found.history.is_none() || found == point(scn.get()));
            }
        }
        writer.join().unwrap();
    }
}
