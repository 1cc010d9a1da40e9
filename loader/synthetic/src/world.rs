//! Countries and their places, with their numbers of people and the cultures of their names.

use std::sync::LazyLock;

use crate::lists::content_lines;

/// The list of countries and places.
pub(super) static WORLD: LazyLock<World> = LazyLock::new(|| parse(include_str!("lists/world.txt")));

/// Countries and places, numbered by their place in the list.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) countries: Vec<Country>,
    /// The places, country by country, each country's largest first.
    pub(super) places: Vec<Place>,
}

/// A country of the list.
#[derive(Debug)]
pub(super) struct Country {
    pub(super) name: &'static str,
    /// The country's share of all members, relative to the other countries'.
    pub(super) weight: f64,
    /// The cultures of its people's names, with their weights. The first one names its
    /// organisations.
    pub(super) cultures: Vec<(&'static str, f64)>,
    /// The number of its first place; the others follow.
    pub(super) first_place: u16,
    pub(super) place_count: u16,
}

/// A place of a country.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) region: &'static str,
    /// The place's name in the local language.
    pub(super) native: &'static str,
    pub(super) country: u8,
}

/// Parses the list. Invalid lines are skipped; a test checks that there are none.
fn parse(text: &'static str) -> World {
    let mut world = World::default();
    for line in content_lines(text) {
        if line.starts_with('[') {
            let first_place = world.places.len() as u16;
            world.countries.extend(parse_country(line, first_place));
        } else if let Some(place) = parse_place(line, world.countries.len()) {
            world.places.push(place);
            if let Some(country) = world.countries.last_mut() {
                country.place_count += 1;
            }
        }
    }
    world
}

fn parse_country(line: &'static str, first_place: u16) -> Option<Country> {
    let (name, rest) = line.strip_prefix('[')?.split_once(']')?;
    let mut words = rest.split_whitespace();
    let weight = words.next()?.parse().ok()?;
    let cultures = words
        .map(|word| match word.split_once('=') {
            Some((culture, weight)) => Some((culture, weight.parse().ok()?)),
            None => Some((word, 1.0)),
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Country {
        name,
        weight,
        cultures,
        first_place,
        place_count: 0,
    })
}

fn parse_place(line: &'static str, countries: usize) -> Option<Place> {
    let (latin, native) = match line.split_once('=') {
        Some((latin, native)) => (latin, Some(native.trim())),
        None => (line, None),
    };
    let (name, region) = latin.split_once(',')?;
    Some(Place {
        name: name.trim(),
        region: region.trim(),
        native: native.unwrap_or(name.trim()),
        country: countries.checked_sub(1)?.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_understood() {
        let lines = content_lines(include_str!("lists/world.txt")).count();
        assert_eq!(WORLD.countries.len() + WORLD.places.len(), lines);
        for (number, country) in WORLD.countries.iter().enumerate() {
            assert!(country.place_count > 0, "{}", country.name);
            assert!(!country.cultures.is_empty(), "{}", country.name);
            assert!(country.weight > 0.0, "{}", country.name);
            let first = &WORLD.places[usize::from(country.first_place)];
            assert_eq!(usize::from(first.country), number, "{}", country.name);
        }
    }

    #[test]
    fn a_place_has_its_region_and_its_native_name() {
        let moscow = parse_place("Moscow, Moscow = Москва", 1).unwrap();
        assert_eq!((moscow.name, moscow.native), ("Moscow", "Москва"));
        let bern = parse_place("Bern, Kanton Bern", 1).unwrap();
        assert_eq!((bern.region, bern.native), ("Kanton Bern", "Bern"));
    }
}
