//! Choosing from a list of phrases of which the first are chosen most.

use rand::Rng;

use crate::ranks::Ranks;

/// Phrases, most frequent first.
#[derive(Debug, Default)]
pub(super) struct Choice {
    entries: Vec<&'static str>,
    ranks: Ranks,
}

impl Choice {
    /// The exponent of Zipf's law: 0 draws all alike.
    pub(super) fn new(entries: Vec<&'static str>, exponent: f64) -> Self {
        Choice {
            ranks: Ranks::new(entries.len(), exponent),
            entries,
        }
    }

    /// Empty when there is nothing to choose.
    pub(super) fn draw(&self, random: &mut impl Rng) -> &'static str {
        self.entries
            .get(self.ranks.draw(random) as usize)
            .copied()
            .unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> &[&'static str] {
        &self.entries
    }
}
