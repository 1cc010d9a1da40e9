//! Industries, with their titles and skills.

use std::sync::LazyLock;

use rand::Rng;

use crate::{
    choice::Choice,
    lists::{Section, sections},
    ranks::Shares,
};

/// The shares of titles and skills that come from the list for any industry.
const GENERAL_TITLE_CHANCE: f64 = 0.25;
const GENERAL_SKILL_CHANCE: f64 = 0.25;
/// Grades before a title: the least years since school, the chance, and the text. The first that is
/// drawn counts.
const GRADES: [(u16, f64, &str); 4] = [
    (15, 0.12, "Principal "),
    (10, 0.15, "Lead "),
    (5, 0.35, "Senior "),
    (0, 0.08, "Junior "),
];

static INDUSTRIES: LazyLock<Industries> = LazyLock::new(|| {
    let list = sections(include_str!("lists/industries.txt"));
    let mut own: Vec<Industry> = list.iter().map(Industry::new).collect();
    let general = own.pop().unwrap_or_default();
    Industries {
        shares: Shares::new(own.iter().map(|industry| industry.weight)),
        own,
        general,
    }
});

/// The whole list of industries.
#[derive(Debug)]
struct Industries {
    own: Vec<Industry>,
    shares: Shares,
    /// The titles and skills of any industry.
    general: Industry,
}

/// One industry of the list.
#[derive(Debug, Default)]
pub(super) struct Industry {
    pub(super) name: &'static str,
    weight: f64,
    /// The words that its companies' names contain, such as Bank.
    kinds: Choice,
    titles: Choice,
    skills: Choice,
}

/// Draws an industry. Large ones are more frequent.
pub(super) fn draw_industry(random: &mut impl Rng) -> &'static Industry {
    INDUSTRIES
        .own
        .get(INDUSTRIES.shares.draw(random))
        .unwrap_or(&INDUSTRIES.general)
}

impl Industry {
    fn new(section: &Section) -> Self {
        Industry {
            name: section.name,
            weight: section.header.parse().unwrap_or(0.0),
            kinds: Choice::new(section.entries("company"), 0.7),
            titles: Choice::new(section.entries("titles"), 0.9),
            skills: Choice::new(section.entries("skills"), 0.5),
        }
    }

    /// Draws a word for the name of a company of this industry.
    pub(super) fn draw_kind(&self, random: &mut impl Rng) -> &'static str {
        let of = if random.random_bool(0.1) {
            &INDUSTRIES.general
        } else {
            self
        };
        of.kinds.draw(random)
    }

    /// Draws a title without a grade. A title that begins with `!` never gets one.
    pub(super) fn draw_title(&self, random: &mut impl Rng) -> &'static str {
        let of = if random.random_bool(GENERAL_TITLE_CHANCE) {
            &INDUSTRIES.general
        } else {
            self
        };
        of.titles.draw(random)
    }

    pub(super) fn draw_skill(&self, random: &mut impl Rng) -> &'static str {
        let of = if random.random_bool(GENERAL_SKILL_CHANCE) {
            &INDUSTRIES.general
        } else {
            self
        };
        of.skills.draw(random)
    }
}

/// Draws the grade of a title for a person this many years after school, and returns the whole
/// title.
pub(super) fn draw_grade(title: &str, years: u16, random: &mut impl Rng) -> String {
    if let Some(title) = title.strip_prefix('!') {
        return title.to_owned();
    }
    let grade = GRADES
        .iter()
        .filter(|grade| years >= grade.0 && (grade.0 > 0 || years < 4))
        .find(|grade| random.random_bool(grade.1));
    format!("{}{title}", grade.map_or("", |grade| grade.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn every_industry_has_titles_skills_and_kinds() {
        assert_eq!(INDUSTRIES.general.name, "*");
        for industry in INDUSTRIES.own.iter().chain([&INDUSTRIES.general]) {
            assert!(industry.weight > 0.0, "{}", industry.name);
            assert!(industry.kinds.entries().len() >= 4, "{}", industry.name);
            assert!(industry.titles.entries().len() >= 7, "{}", industry.name);
            assert!(industry.skills.entries().len() >= 7, "{}", industry.name);
        }
    }

    #[test]
    fn grades_go_with_years_and_never_with_some_titles() {
        let mut random = stream(1, Purpose::Profiles, 0);
        for years in 0..40 {
            for _ in 0..50 {
                let title = draw_grade("Chemist", years, &mut random);
                assert!(title.ends_with("Chemist"));
                assert!(
                    years < 4 || !title.starts_with("Junior"),
                    "{years}: {title}"
                );
                assert!(
                    years >= 5 || !title.starts_with("Senior"),
                    "{years}: {title}"
                );
                assert_eq!(draw_grade("!Dean", years, &mut random), "Dean");
            }
        }
    }
}
