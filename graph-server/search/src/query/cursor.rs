//! A cursor over the matching documents of one segment, in ascending order. It can skip ahead, and
//! it scores the current document.
//!
//! Terms and phrases use tantivy's scorers; their combination is our own, for one reason. A score
//! must be the sum of its parts in the order of the query, whichever order is cheapest to walk in.
//! tantivy adds in order of cost, which differs from segment to segment. The last bit of the score
//! would differ with it, and so would the order of hits.

use crate::query::stop_check::StopCheck;
use tantivy::{DocId, SegmentReader, query::Scorer};

/// The document number at which a walk ends.
pub(crate) use tantivy::TERMINATED;

/// The documents to walk over.
#[derive(Clone, Copy)]
pub(crate) enum Documents<'a> {
    /// The documents of a segment.
    Indexed(&'a SegmentReader),
    /// This many documents without a term, which are in no segment.
    Silent(u32),
}

impl Documents<'_> {
    /// Returns an exclusive upper bound of the document numbers.
    pub(crate) fn count(self) -> u32 {
        match self {
            Self::Indexed(segment) => segment.max_doc(),
            Self::Silent(count) => count,
        }
    }
}

/// A cursor at a matching document, or at [`TERMINATED`].
pub(crate) enum Cursor {
    /// Matches all documents.
    Everyone(Everyone),
    /// Matches the documents with a term or a phrase.
    Leaf(Box<dyn Scorer>),
    /// Matches the documents that match all required cursors and no excluded one.
    All(AllOf),
    /// Matches the documents that match at least one of several cursors.
    Any(AnyOf),
}

impl Cursor {
    /// Returns the current document.
    pub(crate) fn document(&self) -> DocId {
        match self {
            Self::Everyone(everyone) => everyone.document,
            Self::Leaf(scorer) => scorer.doc(),
            Self::All(all) => all.document,
            Self::Any(any) => any.document,
        }
    }

    /// Advances to the first matching document at or after `target`; does not move if it is already
    /// there or beyond. Advances to [`TERMINATED`] as well when the check says stop.
    pub(crate) fn seek(&mut self, target: DocId, stop_check: &mut StopCheck<'_>) -> DocId {
        if self.document() >= target {
            return self.document();
        }
        match self {
            Self::Everyone(everyone) => everyone.seek(target),
            Self::Leaf(scorer) => {
                stop_check.step();
                scorer.seek(target)
            }
            Self::All(all) => all.seek(target, stop_check),
            Self::Any(any) => any.seek(target, stop_check),
        }
    }

    /// Returns the score of the current document.
    pub(crate) fn score(&mut self) -> f32 {
        match self {
            Self::Everyone(_) => 0.0,
            Self::Leaf(scorer) => scorer.score(),
            Self::All(all) => all.required.iter_mut().map(Self::score).sum(),
            Self::Any(any) => any.score(),
        }
    }

    /// Returns a rough upper bound of the number of matching documents.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Self::Everyone(everyone) => everyone.end,
            Self::Leaf(scorer) => scorer.size_hint(),
            Self::All(all) => all.required.iter().map(Self::cost).min().unwrap_or(0),
            Self::Any(any) => any
                .alternatives
                .iter()
                .fold(0, |cost, other| cost.saturating_add(other.cost())),
        }
    }
}

/// A cursor over all documents below a bound.
pub(crate) struct Everyone {
    document: DocId,
    end: DocId,
}

impl Everyone {
    pub(crate) fn new(end: DocId) -> Self {
        let mut everyone = Self { document: 0, end };
        everyone.seek(0);
        everyone
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.document = if target < self.end {
            target
        } else {
            TERMINATED
        };
        self.document
    }
}

/// A cursor over an intersection, with exclusions.
pub(crate) struct AllOf {
    /// The required cursors, in the order of the query.
    required: Vec<Cursor>,
    /// The indexes of `required`, the rarest first.
    cheapest_first: Vec<usize>,
    excluded: Vec<Cursor>,
    document: DocId,
}

impl AllOf {
    /// Combines the cursors, of which at least one must be required.
    pub(crate) fn new(
        required: Vec<Cursor>,
        excluded: Vec<Cursor>,
        stop_check: &mut StopCheck<'_>,
    ) -> Self {
        debug_assert!(!required.is_empty());
        let mut cheapest_first: Vec<usize> = (0..required.len()).collect();
        cheapest_first.sort_by_key(|&index| required.get(index).map(Cursor::cost));
        let mut all = Self {
            required,
            cheapest_first,
            excluded,
            document: 0,
        };
        all.seek(0, stop_check);
        all
    }

    fn seek(&mut self, target: DocId, stop_check: &mut StopCheck<'_>) -> DocId {
        self.document = target;
        while self.document < TERMINATED {
            if stop_check.step() {
                self.document = TERMINATED;
                break;
            }
            let reached = self.meet(self.document, stop_check);
            if reached > self.document {
                self.document = reached;
            } else if self.excludes(reached, stop_check) {
                self.document += 1;
            } else {
                break;
            }
        }
        self.document
    }

    /// Returns `target` if all required cursors match it, else a later document where one of them
    /// stands.
    fn meet(&mut self, target: DocId, stop_check: &mut StopCheck<'_>) -> DocId {
        for &index in &self.cheapest_first {
            let Some(cursor) = self.required.get_mut(index) else {
                continue;
            };
            let reached = cursor.seek(target, stop_check);
            if reached > target {
                return reached;
            }
        }
        target
    }

    fn excludes(&mut self, document: DocId, stop_check: &mut StopCheck<'_>) -> bool {
        self.excluded
            .iter_mut()
            .any(|cursor| cursor.seek(document, stop_check) == document)
    }
}

/// A cursor over a union.
pub(crate) struct AnyOf {
    /// The cursors, in the order of the query.
    alternatives: Vec<Cursor>,
    document: DocId,
}

impl AnyOf {
    pub(crate) fn new(alternatives: Vec<Cursor>) -> Self {
        let document = alternatives
            .iter()
            .map(Cursor::document)
            .min()
            .unwrap_or(TERMINATED);
        Self {
            alternatives,
            document,
        }
    }

    fn seek(&mut self, target: DocId, stop_check: &mut StopCheck<'_>) -> DocId {
        let reached = self
            .alternatives
            .iter_mut()
            .map(|cursor| cursor.seek(target, stop_check))
            .min();
        self.document = if stop_check.is_stopped() {
            TERMINATED
        } else {
            reached.unwrap_or(TERMINATED)
        };
        self.document
    }

    fn score(&mut self) -> f32 {
        let document = self.document;
        let here = self
            .alternatives
            .iter_mut()
            .filter(|cursor| cursor.document() == document);
        here.map(Cursor::score).sum()
    }
}
