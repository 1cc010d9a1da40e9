//! The random generators: one for each purpose and block, all from the one seed.
//!
//! Draws for one purpose do not affect draws for another. Blocks of people can be drawn on any
//! number of threads with the same result. ChaCha numbers its streams, so a purpose and a block are
//! together the number of a stream.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The purpose of drawn numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Keys,
    OrganisationHomes,
    People,
    Degrees,
    Order,
    Pass,
    Strangers,
    CompanyNames,
    SchoolNames,
    Profiles,
    Viewers,
}

/// Returns the generator of a purpose's block.
pub(super) fn stream(seed: u64, purpose: Purpose, block: u32) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(((purpose as u64) << 32) | u64::from(block));
    generator
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn every_purpose_and_block_draws_its_own_numbers() {
        let first = |purpose, block| stream(7, purpose, block).random::<u64>();
        let drawn = [
            first(Purpose::Keys, 0),
            first(Purpose::People, 0),
            first(Purpose::People, 1),
            stream(8, Purpose::People, 1).random(),
        ];
        assert_eq!(first(Purpose::People, 1), drawn[2]);
        for (place, number) in drawn.iter().enumerate() {
            assert!(!drawn[..place].contains(number));
        }
    }
}
