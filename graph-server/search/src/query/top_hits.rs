//! The best hits after a given one, and whether others follow.

use cloud_engine::{Degree, NodeIndex};
use cloud_model::MemberId;
use std::{cmp::Ordering, collections::BinaryHeap};

/// The sort key of a hit: nearest first, then by descending score, then by
/// member id. It is unique to a member.
#[derive(Clone, Copy, Debug)]
pub struct SortKey {
    /// The hit's degree.
    pub degree: Degree,
    /// The hit's score.
    pub score: f32,
    /// The member's id.
    pub member: MemberId,
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_degree = self.degree.cmp(&other.degree);
        by_degree
            .then_with(|| other.score.total_cmp(&self.score))
            .then_with(|| self.member.cmp(&other.member))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SortKey {}

/// Collects the first `limit` hits after `after`.
pub(crate) struct TopHits {
    limit: usize,
    after: Option<SortKey>,
    /// The hits so far; the worst is on top.
    best: BinaryHeap<(SortKey, NodeIndex)>,
    more: bool,
}

impl TopHits {
    pub(crate) fn new(limit: usize, after: Option<SortKey>) -> Self {
        Self {
            limit,
            after,
            best: BinaryHeap::new(),
            more: false,
        }
    }

    /// Returns whether a hit at `degree` or beyond, with this score, may still be among the first.
    pub(crate) fn may_enter(&mut self, degree: Degree, score: impl FnOnce() -> f32) -> bool {
        if self.best.len() < self.limit {
            return true;
        }
        let enters = match self.best.peek() {
            None => false,
            Some((worst, _)) => match degree.cmp(&worst.degree) {
                Ordering::Less => true,
                Ordering::Greater => false,
                Ordering::Equal => score() >= worst.score,
            },
        };
        // A hit that is worse than the worst of the first comes after `after` too.
        self.more |= !enters && self.limit > 0;
        enters
    }

    /// Adds a hit if it is among the first.
    pub(crate) fn offer(&mut self, key: SortKey, node: NodeIndex) {
        if self.after.is_some_and(|after| key <= after) || self.limit == 0 {
            return;
        }
        self.best.push((key, node));
        if self.best.len() > self.limit {
            self.best.pop();
            self.more = true;
        }
    }

    /// Returns the hits in order, and whether others follow them.
    pub(crate) fn finish(self) -> (Vec<(SortKey, NodeIndex)>, bool) {
        (self.best.into_sorted_vec(), self.more)
    }
}
