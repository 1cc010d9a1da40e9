//! Draws from a list of phrases, of which the first are the most frequent.

use rand::Rng;

use crate::ranks::Ranks;

/// Phrases, the most frequent first.
#[derive(Debug, Default)]
pub(super) struct Choice {
    entries: Vec<&'static str>,
    ranks: Ranks,
}

impl Choice {
    /// Takes the phrases and the exponent of Zipf's law. Exponent 0 draws all with the same chance.
    pub(super) fn new(entries: Vec<&'static str>, exponent: f64) -> Self {
        Choice {
            ranks: Ranks::new(entries.len(), exponent),
            entries,
        }
    }

    /// Draws a phrase. Empty when the list is empty.
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
