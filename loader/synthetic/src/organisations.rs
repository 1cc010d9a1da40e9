//! Companies and schools: the number in each country, and the one that a person belongs to.
//!
//! An organisation is a number. A country's own organisations have consecutive numbers, largest
//! first, with sizes by Zipf's law. Companies below [`Organisations::multinationals`] employ people
//! of every country.

use std::ops::Range;

use rand::Rng;

use crate::{
    random::{Purpose, stream},
    ranks::Ranks,
    world::WORLD,
};

/// The mean number of members of one company, and of one school.
const MEMBERS_PER_COMPANY: f64 = 150.0;
const MEMBERS_PER_SCHOOL: f64 = 3_500.0;
/// The most organisations, so that one and a detail of it fit in the 32 bits of a sort key.
const COMPANIES_MAX: f64 = (1 << 23) as f64;
const SCHOOLS_MAX: f64 = (1 << 24) as f64;
/// The exponents of Zipf's law. Larger ones would put several percent of all members into the
/// largest company.
const COMPANY_EXPONENT: f64 = 0.9;
const MULTINATIONAL_EXPONENT: f64 = 0.75;
const SCHOOL_EXPONENT: f64 = 0.5;
const COMPANIES_PER_MULTINATIONAL: f64 = 20.0;
const MULTINATIONALS_MAX: f64 = 5_000.0;
const MULTINATIONAL_CHANCE: f64 = 0.2;
/// The share of people of a country's own company who live at its place.
const AT_HOME_CHANCE: f64 = 0.8;

/// The organisations of a site.
#[derive(Debug)]
pub(super) struct Organisations {
    multinationals: Own,
    companies: Vec<Own>,
    schools: Vec<Own>,
    /// The place of every company and school, by number.
    company_places: Vec<u16>,
    school_places: Vec<u16>,
}

/// The organisations of one country.
#[derive(Debug, Clone)]
struct Own {
    numbers: Range<u32>,
    ranks: Ranks,
}

impl Organisations {
    pub(super) fn new(members: u32, seed: u64) -> Self {
        let companies_wanted = (f64::from(members) / MEMBERS_PER_COMPANY).min(COMPANIES_MAX / 2.0);
        let schools_wanted = (f64::from(members) / MEMBERS_PER_SCHOOL).min(SCHOOLS_MAX / 2.0);
        let multinationals_wanted =
            (companies_wanted / COMPANIES_PER_MULTINATIONAL).min(MULTINATIONALS_MAX);
        let multinationals = Own::new(0, multinationals_wanted, MULTINATIONAL_EXPONENT);
        let companies = by_country(
            multinationals.numbers.end,
            companies_wanted,
            COMPANY_EXPONENT,
        );
        let schools = by_country(0, schools_wanted, SCHOOL_EXPONENT);

        let mut random = stream(seed, Purpose::OrganisationHomes, 0);
        let mut company_places = Vec::new();
        for _ in multinationals.numbers.clone() {
            let country = random.random_range(0..WORLD.countries.len());
            company_places.push(draw_place(country, &mut random));
        }
        company_places.extend(places_of(&companies, &mut random));
        let school_places = places_of(&schools, &mut random).collect();
        Organisations {
            multinationals,
            companies,
            schools,
            company_places,
            school_places,
        }
    }

    /// Draws a company for a person of the country, and the place of the person.
    pub(super) fn draw_company(&self, country: usize, random: &mut impl Rng) -> (u32, u16) {
        if random.random_bool(MULTINATIONAL_CHANCE) {
            return (
                self.multinationals.draw(random),
                draw_place(country, random),
            );
        }
        let company = self
            .companies
            .get(country)
            .map_or(0, |own| own.draw(random));
        let place = if random.random_bool(AT_HOME_CHANCE) {
            self.company_place(company)
        } else {
            draw_place(country, random)
        };
        (company, place)
    }

    pub(super) fn draw_school(&self, country: usize, random: &mut impl Rng) -> u32 {
        self.schools.get(country).map_or(0, |own| own.draw(random))
    }

    pub(super) fn is_multinational(&self, company: u32) -> bool {
        company < self.multinationals.numbers.end
    }

    /// Returns the place of a company.
    pub(super) fn company_place(&self, company: u32) -> u16 {
        self.company_places
            .get(company as usize)
            .copied()
            .unwrap_or(0)
    }

    /// Returns the place of a school.
    pub(super) fn school_place(&self, school: u32) -> u16 {
        self.school_places
            .get(school as usize)
            .copied()
            .unwrap_or(0)
    }

    /// Returns a company's rank by size among those of its country, or among the multinationals.
    pub(super) fn company_rank(&self, company: u32) -> u32 {
        if self.is_multinational(company) {
            return company;
        }
        rank_among(&self.companies, company)
    }
}

impl Own {
    fn new(first: u32, wanted: f64, exponent: f64) -> Self {
        let count = wanted.round().max(1.0) as u32;
        Own {
            numbers: first..first + count,
            ranks: Ranks::new(count as usize, exponent),
        }
    }

    fn draw(&self, random: &mut impl Rng) -> u32 {
        self.numbers.start + self.ranks.draw(random)
    }
}

/// Divides the organisations among the countries, at least one each.
fn by_country(first: u32, wanted: f64, exponent: f64) -> Vec<Own> {
    let weights: f64 = WORLD.countries.iter().map(|country| country.weight).sum();
    let mut next = first;
    let own = |country: &super::world::Country| {
        let own = Own::new(next, wanted * country.weight / weights, exponent);
        next = own.numbers.end;
        own
    };
    WORLD.countries.iter().map(own).collect()
}

fn places_of(owns: &[Own], random: &mut impl Rng) -> impl Iterator<Item = u16> {
    owns.iter().enumerate().flat_map(move |(country, own)| {
        let places: Vec<u16> = own
            .numbers
            .clone()
            .map(|_| draw_place(country, random))
            .collect();
        places
    })
}

/// Draws a place of the country. Large ones are more frequent.
pub(super) fn draw_place(country: usize, random: &mut impl Rng) -> u16 {
    WORLD.countries.get(country).map_or(0, |country| {
        let ranks = Ranks::new(usize::from(country.place_count), 1.0);
        country.first_place + ranks.draw(random) as u16
    })
}

fn rank_among(owns: &[Own], number: u32) -> u32 {
    let country = owns.partition_point(|own| own.numbers.end <= number);
    owns.get(country)
        .map_or(0, |own| number - own.numbers.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations_are_of_the_country_that_asked() {
        let organisations = Organisations::new(50_000, 3);
        let mut random = stream(3, Purpose::People, 0);
        for country in 0..WORLD.countries.len() {
            for _ in 0..100 {
                let (company, place) = organisations.draw_company(country, &mut random);
                let country_of = |place: u16| usize::from(WORLD.places[usize::from(place)].country);
                assert_eq!(country_of(place), country);
                if !organisations.is_multinational(company) {
                    assert_eq!(country_of(organisations.company_place(company)), country);
                }
                let school = organisations.draw_school(country, &mut random);
                assert_eq!(country_of(organisations.school_place(school)), country);
            }
        }
    }

    #[test]
    fn ranks_count_from_the_largest_of_the_country() {
        let organisations = Organisations::new(50_000, 3);
        for own in &organisations.companies {
            assert_eq!(organisations.company_rank(own.numbers.start), 0);
            assert_eq!(
                organisations.company_rank(own.numbers.end - 1) + 1,
                own.numbers.len() as u32
            );
        }
    }

    #[test]
    fn the_largest_site_keeps_to_the_bounds_of_sort_keys() {
        let organisations = Organisations::new(u32::MAX, 1);
        assert!(organisations.company_places.len() as f64 <= COMPANIES_MAX);
        assert!(organisations.school_places.len() as f64 <= SCHOOLS_MAX);
    }
}
