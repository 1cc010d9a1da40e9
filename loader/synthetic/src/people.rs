//! The place, school, year and company of each person, which decide who connects with whom.
//!
//! People are drawn independently of each other, so a person's number is independent of the
//! communities. Member ids are these numbers plus one, without a permutation.

use rand::Rng;
use rand_distr::{Distribution, Exp};
use rayon::prelude::*;

use crate::{
    organisations::Organisations,
    random::{Purpose, stream},
    ranks::Shares,
    world::WORLD,
};

/// The last year in which members left school.
pub(super) const YEAR_LAST: u16 = 2025;
/// The first such year.
pub(super) const YEAR_FIRST: u16 = 1975;
/// The mean of the years since school, which are exponential: most members are young.
const YEARS_SINCE_SCHOOL_MEAN: f64 = 13.0;
const SCHOOL_ABROAD_CHANCE: f64 = 0.1;
/// The number of people that one generator draws, which is also the work of one thread at a time.
const BLOCK: u32 = 1 << 16;

/// A person's communities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) school: u32,
    pub(super) company: u32,
    /// The index of the place in the world's list, which also determines the country.
    pub(super) place: u16,
    /// The year of leaving school.
    pub(super) graduated: u16,
}

/// Draws all people, by number.
pub(super) fn draw_people(members: u32, seed: u64, organisations: &Organisations) -> Vec<Person> {
    let countries = Shares::new(WORLD.countries.iter().map(|country| country.weight));
    let mut people = vec![Person::default(); members as usize];
    people
        .par_chunks_mut(BLOCK as usize)
        .enumerate()
        .for_each(|(block, people)| {
            let mut random = stream(seed, Purpose::People, block as u32);
            for person in people {
                *person = draw_person(&countries, organisations, &mut random);
            }
        });
    people
}

fn draw_person(countries: &Shares, organisations: &Organisations, random: &mut impl Rng) -> Person {
    let country = countries.draw(random);
    let (company, place) = organisations.draw_company(country, random);
    let school_country = if random.random_bool(SCHOOL_ABROAD_CHANCE) {
        countries.draw(random)
    } else {
        country
    };
    Person {
        school: organisations.draw_school(school_country, random),
        company,
        place,
        graduated: draw_year(random),
    }
}

fn draw_year(random: &mut impl Rng) -> u16 {
    let years = Exp::new(1.0 / YEARS_SINCE_SCHOOL_MEAN).map_or(0.0, |years| years.sample(random));
    YEAR_LAST.saturating_sub(years as u16).max(YEAR_FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_do_not_depend_on_the_number_of_threads() {
        let organisations = Organisations::new(200_000, 5);
        let alone = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        let first = alone.install(|| draw_people(200_000, 5, &organisations));
        assert_eq!(first, draw_people(200_000, 5, &organisations));
    }

    #[test]
    fn communities_are_skewed() {
        let organisations = Organisations::new(100_000, 5);
        let people = draw_people(100_000, 5, &organisations);
        let in_largest_country = people
            .iter()
            .filter(|person| WORLD.places[usize::from(person.place)].country == 0)
            .count();
        assert!(
            (20_000..50_000).contains(&in_largest_country),
            "{in_largest_country}"
        );
        let mut sizes = vec![0_usize; 20_000];
        for person in &people {
            sizes[person.company as usize] += 1;
        }
        let largest = sizes.iter().max().unwrap();
        assert!((500..5_000).contains(largest), "{largest}");
    }
}
