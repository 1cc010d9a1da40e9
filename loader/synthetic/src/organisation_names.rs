//! The names of companies and schools.
//!
//! Each organisation draws its name from a generator of its own. Every member who belongs to it
//! gets the same name, and no table of names is kept.

use std::sync::LazyLock;

use rand::Rng;

use crate::{
    choice::Choice,
    industries::{Industry, draw_industry},
    lists::{Section, sections},
    names::draw_family_name,
    organisations::Organisations,
    pattern::fill_pattern,
    random::{Purpose, stream},
    world::{Place, WORLD},
};

static STYLES: LazyLock<Vec<Style>> = LazyLock::new(|| {
    let list = sections(include_str!("lists/organisations.txt"));
    list.iter().map(Style::new).collect()
});

/// Invented words that company names share. The next country begins [`STEMS_BETWEEN_COUNTRIES`]
/// words on, so that the largest companies of two countries usually have different names.
static STEMS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let list = sections(include_str!("lists/organisations.txt"));
    list.last()
        .map(|section| section.words("stem"))
        .unwrap_or_default()
});
const STEMS_BETWEEN_COUNTRIES: usize = 17;

/// A company with its name.
#[derive(Debug)]
pub(super) struct Company {
    pub(super) name: String,
    pub(super) industry: &'static Industry,
}

/// Returns the company with this number.
pub(super) fn company(number: u32, organisations: &Organisations, seed: u64) -> Company {
    let mut random = stream(seed, Purpose::CompanyNames, number);
    let industry = draw_industry(&mut random);
    let place = place_of(organisations.company_place(number));
    let style = style_of(place);
    let rank = organisations.company_rank(number) as usize;
    let name = match stem_of_rank(rank, number, organisations, place) {
        Some(stem) => format!("{stem} {}", industry.draw_kind(&mut random)),
        None => {
            let pattern = style.companies.draw(&mut random);
            fill_pattern(pattern, |gap, text| {
                text.push_str(&fill(gap, style, place, industry, &mut random));
            })
        }
    };
    Company { name, industry }
}

/// Returns the name of the school with this number.
pub(super) fn school_name(number: u32, organisations: &Organisations, seed: u64) -> String {
    let mut random = stream(seed, Purpose::SchoolNames, number);
    let place = place_of(organisations.school_place(number));
    let style = style_of(place);
    let industry = draw_industry(&mut random);
    fill_pattern(style.schools.draw(&mut random), |gap, text| {
        text.push_str(&fill(gap, style, place, industry, &mut random));
    })
}

/// Draws a degree that the school with this number awards.
pub(super) fn draw_course_degree(
    school: u32,
    organisations: &Organisations,
    random: &mut impl Rng,
) -> &'static str {
    style_of(place_of(organisations.school_place(school)))
        .degrees
        .draw(random)
}

/// The names of the organisations of one culture.
#[derive(Debug, Default)]
struct Style {
    culture: &'static str,
    companies: Choice,
    schools: Choice,
    degrees: Choice,
}

impl Style {
    fn new(section: &Section) -> Self {
        Style {
            culture: section.name,
            companies: Choice::new(section.entries("company"), 0.5),
            schools: Choice::new(section.entries("school"), 0.5),
            degrees: Choice::new(section.entries("degrees"), 0.8),
        }
    }
}

/// Returns a stem. The largest companies of a country, and the multinationals, have one of their
/// own.
fn stem_of_rank(
    rank: usize,
    number: u32,
    organisations: &Organisations,
    place: &Place,
) -> Option<&'static str> {
    let first = if organisations.is_multinational(number) {
        0
    } else {
        (usize::from(place.country) + 1) * STEMS_BETWEEN_COUNTRIES
    };
    if rank < STEMS.len() {
        STEMS.get((first + rank) % STEMS.len()).copied()
    } else {
        None
    }
}

fn place_of(place: u16) -> &'static Place {
    &WORLD.places[usize::from(place)]
}

/// Returns the style of the first culture of the place's country.
fn style_of(place: &Place) -> &'static Style {
    static PLAIN: LazyLock<Style> = LazyLock::new(Style::default);
    let country = &WORLD.countries[usize::from(place.country)];
    let culture = country.cultures.first();
    let style = culture.and_then(|culture| STYLES.iter().find(|style| style.culture == culture.0));
    style.unwrap_or(&PLAIN)
}

fn fill(
    gap: &str,
    style: &Style,
    place: &Place,
    industry: &Industry,
    random: &mut impl Rng,
) -> String {
    match gap {
        "family" => draw_family_name(style.culture, random),
        "place" => place.name.to_owned(),
        "native" => place.native.to_owned(),
        "kind" => industry.draw_kind(random).to_owned(),
        "stem" => {
            let stem = STEMS.get(random.random_range(0..STEMS.len().max(1)));
            stem.copied().unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_country_names_organisations() {
        assert!(STEMS.len() >= 90);
        for place in &WORLD.places {
            let style = style_of(place);
            assert!(!style.companies.entries().is_empty(), "{}", place.name);
            assert!(!style.schools.entries().is_empty(), "{}", place.name);
            assert!(!style.degrees.entries().is_empty(), "{}", place.name);
        }
    }

    #[test]
    fn every_gap_of_a_pattern_is_known() {
        let mut random = stream(1, Purpose::CompanyNames, 0);
        let industry = draw_industry(&mut random);
        for style in STYLES.iter() {
            for pattern in style
                .companies
                .entries()
                .iter()
                .chain(style.schools.entries())
            {
                fill_pattern(pattern, |gap, _| {
                    let filled = fill(gap, style, &WORLD.places[0], industry, &mut random);
                    assert!(!filled.is_empty(), "{pattern}: {gap}");
                });
            }
        }
    }

    #[test]
    fn a_number_has_one_name_and_names_are_many() {
        let organisations = Organisations::new(1_000_000, 2);
        let names: HashSet<String> = (0..1_000)
            .map(|number| company(number, &organisations, 2).name)
            .collect();
        assert!(names.len() > 800, "{}", names.len());
        assert_eq!(
            company(7, &organisations, 2).name,
            company(7, &organisations, 2).name
        );
        assert_ne!(
            company(7, &organisations, 2).name,
            company(7, &organisations, 3).name
        );
        assert!(!school_name(0, &organisations, 2).is_empty());
    }
}
