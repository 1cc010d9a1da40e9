//! Ranking by degree with plain tantivy alone: a collector that looks up the degree of each hit.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use cloud_engine::View;
use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
};

/// The hits of a page.
const LIMIT: usize = 10;

/// Counts the hits at 1st and 2nd degree, and keeps the first ten by degree and score. Documents
/// are nodes.
#[derive(Clone, Debug)]
pub struct Nearest {
    view: Arc<View>,
}

/// The collected hits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NearestHits {
    /// The number of hits at 1st and 2nd degree.
    pub total: u64,
    /// The first ones: nearest first, then by score, then by node.
    pub nodes: Vec<u32>,
}

/// The rank of a hit: worse ones are greater.
type Place = (u8, Reverse<u32>, DocId);

/// The hits of one segment.
#[derive(Debug)]
pub struct NearestOfSegment {
    view: Arc<View>,
    total: u64,
    best: BinaryHeap<Place>,
}

impl Nearest {
    /// Ranks from the side of the view's viewer.
    pub fn new(view: &Arc<View>) -> Self {
        Self { view: view.clone() }
    }
}

impl Collector for Nearest {
    type Fruit = NearestHits;
    type Child = NearestOfSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        _: &SegmentReader,
    ) -> tantivy::Result<NearestOfSegment> {
        Ok(NearestOfSegment {
            view: self.view.clone(),
            total: 0,
            best: BinaryHeap::with_capacity(LIMIT + 1),
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<NearestHits>) -> tantivy::Result<NearestHits> {
        // Both indexes have one segment.
        Ok(segments.into_iter().next().unwrap_or_default())
    }
}

impl SegmentCollector for NearestOfSegment {
    type Fruit = NearestHits;

    fn collect(&mut self, document: DocId, score: Score) {
        let degree = if self.view.first().contains(document) {
            1
        } else if self.view.second().contains(document) {
            2
        } else {
            return;
        };
        self.total += 1;
        // Scores are not negative, so their bits are in their order.
        let place = (degree, Reverse(score.to_bits()), document);
        if self.best.len() < LIMIT || self.best.peek().is_some_and(|worst| place < *worst) {
            self.best.push(place);
            if self.best.len() > LIMIT {
                self.best.pop();
            }
        }
    }

    fn harvest(self) -> NearestHits {
        let nodes = self
            .best
            .into_sorted_vec()
            .into_iter()
            .map(|(_, _, document)| document)
            .collect();
        NearestHits {
            total: self.total,
            nodes,
        }
    }
}
