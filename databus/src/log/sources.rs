//! The last window of each source in the log, by which repeats of windows are recognized.
//!
//! The header of every segment holds these marks. They are therefore bounded in number, and need no
//! file of their own.

use cloud_model::{Scn, SourceMark};
use std::collections::BTreeMap;

/// The last window of each source, by source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    marks: BTreeMap<String, Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    offset: u64,
    scn: Scn,
}

impl Sources {
    pub(crate) fn get(&self, source_id: &str) -> Option<SourceMark> {
        self.marks
            .get(source_id)
            .map(|mark| source_mark(source_id, *mark))
    }

    /// Records the last window of a source. Windows without a source or an offset are not recorded.
    pub(crate) fn set(&mut self, source_id: &str, offset: u64, scn: Scn) {
        if source_id.is_empty() || offset == 0 {
            return;
        }
        match self.marks.get_mut(source_id) {
            Some(mark) => *mark = Mark { offset, scn },
            None => {
                self.marks
                    .insert(source_id.to_owned(), Mark { offset, scn });
            }
        }
    }

    /// Takes over the marks of later windows.
    pub(crate) fn merge(&mut self, later: Self) {
        self.marks.extend(later.marks);
    }

    /// Returns how many of these sources are not in others.
    pub(crate) fn count_not_in(&self, others: &Self) -> usize {
        self.marks
            .keys()
            .filter(|source| !others.marks.contains_key(*source))
            .count()
    }

    pub(crate) fn len(&self) -> usize {
        self.marks.len()
    }

    /// Returns all marks, sorted by source.
    pub(crate) fn list(&self) -> Vec<SourceMark> {
        self.marks
            .iter()
            .map(|(source_id, mark)| source_mark(source_id, *mark))
            .collect()
    }
}

impl FromIterator<SourceMark> for Sources {
    fn from_iter<T: IntoIterator<Item = SourceMark>>(marks: T) -> Self {
        let mut sources = Self::default();
        for mark in marks {
            sources.set(&mark.source_id, mark.offset, mark.scn);
        }
        sources
    }
}

fn source_mark(source_id: &str, mark: Mark) -> SourceMark {
    SourceMark {
        source_id: source_id.to_owned(),
        offset: mark.offset,
        scn: mark.scn,
    }
}
