//! Skewed draws: the first of a list are the most frequent, as with real names, companies and
//! places.

use rand::{Rng, distr::weighted::WeightedIndex};
use rand_distr::{Distribution, Zipf};

/// Draws places `0..count` by Zipf's law: the `k`-th with a chance proportional to `k^-exponent`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ranks {
    /// The distribution. `None` for an empty list.
    zipf: Option<Zipf<f64>>,
    last: u32,
}

impl Ranks {
    /// Takes the length of the list and the exponent. On an empty list every draw is 0.
    pub(super) fn new(count: usize, exponent: f64) -> Self {
        let last = u32::try_from(count).unwrap_or(u32::MAX).saturating_sub(1);
        let zipf = if last > 0 {
            Zipf::new(f64::from(last) + 1.0, exponent).ok()
        } else {
            None
        };
        Ranks { zipf, last }
    }

    pub(super) fn draw(&self, random: &mut impl Rng) -> u32 {
        match &self.zipf {
            Some(zipf) => (zipf.sample(random) as u32)
                .saturating_sub(1)
                .min(self.last),
            None => 0,
        }
    }
}

/// Draws places of a list, each with the chance that its weight gives it.
#[derive(Debug, Clone)]
pub(super) struct Shares(Option<WeightedIndex<f64>>);

impl Shares {
    /// Takes the weights. If they are not all positive, every draw is 0.
    pub(super) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        Shares(WeightedIndex::new(weights).ok())
    }

    pub(super) fn draw(&self, random: &mut impl Rng) -> usize {
        self.0.as_ref().map_or(0, |weights| weights.sample(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn earlier_ranks_are_drawn_more_and_none_is_out_of_range() {
        let ranks = Ranks::new(100, 1.0);
        let mut random = stream(1, Purpose::People, 0);
        let mut counts = [0_u32; 100];
        for _ in 0..100_000 {
            counts[ranks.draw(&mut random) as usize] += 1;
        }
        assert!(counts[0] > counts[1] && counts[1] > counts[9] && counts[9] > counts[99]);
        assert!(counts[99] > 0);
        assert_eq!(Ranks::new(0, 1.0).draw(&mut random), 0);
        assert_eq!(Ranks::new(1, 1.0).draw(&mut random), 0);
    }
}
