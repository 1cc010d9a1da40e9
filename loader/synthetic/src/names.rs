//! People's names by culture: frequent ones from a list, rare ones composed.

use std::sync::LazyLock;

use rand::Rng;

use crate::{
    lists::{Section, sections},
    ranks::{Ranks, Shares},
    world::WORLD,
};

/// The share of composed names, in a culture that composes names.
const COMPOSED_CHANCE: f64 = 0.3;
const FOREIGNER_CHANCE: f64 = 0.06;
const MIDDLE_INITIAL_CHANCE: f64 = 0.06;
const DOUBLE_FAMILY_CHANCE: f64 = 0.03;

static CULTURES: LazyLock<Vec<Culture>> = LazyLock::new(|| {
    let list = sections(include_str!("lists/names.txt"));
    list.iter().map(Culture::new).collect()
});

/// The cultures of each country of the world's list.
static CULTURES_OF_COUNTRY: LazyLock<Vec<(Vec<&'static Culture>, Shares)>> = LazyLock::new(|| {
    let find = |name: &str| CULTURES.iter().find(|culture| culture.name == name);
    let of_country = |country: &super::world::Country| {
        let found = country
            .cultures
            .iter()
            .filter_map(|&(name, weight)| Some((find(name)?, weight)));
        let (cultures, weights): (Vec<_>, Vec<_>) = found.unzip();
        (cultures, Shares::new(weights))
    };
    WORLD.countries.iter().map(of_country).collect()
});

/// A person's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) given: String,
    pub(super) family: String,
    /// The whole name in its culture's order.
    pub(super) displayed: String,
}

/// Draws a name for a person who lives in the country.
pub(super) fn draw_name(country: u8, random: &mut impl Rng) -> Name {
    let lives_in = if random.random_bool(FOREIGNER_CHANCE) {
        random.random_range(0..WORLD.countries.len())
    } else {
        usize::from(country)
    };
    let Some((cultures, shares)) = CULTURES_OF_COUNTRY.get(lives_in) else {
        return Name::default();
    };
    let culture = cultures.get(shares.draw(random));
    culture
        .map(|culture| culture.draw(random))
        .unwrap_or_default()
}

/// Draws a family name of a culture in its male form, for organisations that carry one.
pub(super) fn draw_family_name(culture: &str, random: &mut impl Rng) -> String {
    let culture = CULTURES.iter().find(|other| other.name == culture);
    culture
        .map(|culture| culture.family.draw(0, random))
        .unwrap_or_default()
}

/// The names of a culture.
#[derive(Debug)]
struct Culture {
    name: &'static str,
    /// The order of the parts, such as `G_F`: given name, space, family name.
    order: &'static str,
    /// The given names of men, and of women.
    given: [Words; 2],
    family: Words,
}

impl Culture {
    fn new(section: &Section) -> Self {
        let given = |key| Words::new(section.words(key), section.line("given+"));
        Culture {
            name: section.name,
            order: section.header,
            given: [given("men"), given("women")],
            family: Words::new(section.words("family"), section.line("family+")),
        }
    }

    fn draw(&self, random: &mut impl Rng) -> Name {
        let form = usize::from(random.random_bool(0.5));
        let given = self
            .given
            .get(form)
            .map(|words| words.draw(form, random))
            .unwrap_or_default();
        let mut family = self.family.draw(form, random);
        let latin = family
            .chars()
            .next()
            .is_some_and(|letter| letter < '\u{250}');
        if latin && random.random_bool(DOUBLE_FAMILY_CHANCE) {
            family = format!("{family}-{}", self.family.draw(form, random));
        }
        let mut displayed = String::with_capacity(given.len() + family.len() + 4);
        for letter in self.order.chars() {
            match letter {
                'G' => displayed.push_str(&given),
                'F' => displayed.push_str(&family),
                _ => displayed.push(' '),
            }
            if letter == 'G' && latin && random.random_bool(MIDDLE_INITIAL_CHANCE) {
                displayed.push(' ');
                displayed.push(char::from(random.random_range(b'A'..=b'Z')));
                displayed.push('.');
            }
        }
        Name {
            given,
            family,
            displayed,
        }
    }
}

/// Names to draw from. A name has one form, or one for men and one for women.
#[derive(Debug)]
struct Words {
    listed: Vec<[&'static str; 2]>,
    ranks: Ranks,
    starts: Vec<&'static str>,
    ends: Vec<[&'static str; 2]>,
}

impl Words {
    fn new(listed: Vec<&'static str>, composed: &'static str) -> Self {
        let (starts, ends) = composed.split_once('|').unwrap_or_default();
        Words {
            ranks: Ranks::new(listed.len(), 0.8),
            listed: listed.into_iter().map(forms).collect(),
            starts: starts.split_whitespace().collect(),
            ends: ends.split_whitespace().map(forms).collect(),
        }
    }

    fn draw(&self, form: usize, random: &mut impl Rng) -> String {
        let of_form = |forms: &[&'static str; 2]| forms.get(form).copied().unwrap_or_default();
        if !self.starts.is_empty() && !self.ends.is_empty() && random.random_bool(COMPOSED_CHANCE) {
            let start = self.starts.get(random.random_range(0..self.starts.len()));
            let end = self.ends.get(random.random_range(0..self.ends.len()));
            return format!(
                "{}{}",
                start.copied().unwrap_or_default(),
                end.map(of_form).unwrap_or_default()
            );
        }
        let listed = self.listed.get(self.ranks.draw(random) as usize);
        listed.map(of_form).unwrap_or_default().replace('_', " ")
    }
}

/// Returns the forms of a word for men and women. `a/b` has both; `a` is the same for both.
fn forms(word: &'static str) -> [&'static str; 2] {
    let (men, women) = word.split_once('/').unwrap_or((word, word));
    [men, women]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn every_culture_of_the_world_has_names() {
        for (country, cultures) in WORLD.countries.iter().zip(CULTURES_OF_COUNTRY.iter()) {
            assert_eq!(cultures.0.len(), country.cultures.len(), "{}", country.name);
        }
        for culture in CULTURES.iter() {
            let names = [&culture.given[0], &culture.given[1], &culture.family];
            assert!(
                names.iter().all(|words| words.listed.len() >= 14),
                "{}",
                culture.name
            );
            assert!(
                culture.order.contains('G') && culture.order.contains('F'),
                "{}",
                culture.name
            );
            assert_eq!(
                culture.family.starts.is_empty(),
                culture.family.ends.is_empty(),
                "{}",
                culture.name
            );
        }
    }

    #[test]
    fn names_come_in_many_scripts_and_none_is_empty() {
        let mut random = stream(1, Purpose::Profiles, 0);
        let mut letters = String::new();
        for _ in 0..200 {
            for country in 0..WORLD.countries.len() {
                let name = draw_name(country as u8, &mut random);
                assert!(!name.given.is_empty() && !name.family.is_empty());
                assert!(
                    name.displayed.contains(&name.given) && name.displayed.contains(&name.family)
                );
                assert!(!name.displayed.contains(['_', '/']), "{}", name.displayed);
                letters.push_str(&name.displayed);
            }
        }
        for letter in ['é', 'ł', 'я', 'і', 'α', 'م', 'ा', '王', '田', '김', 'ễ'] {
            assert!(letters.contains(letter), "{letter}");
        }
    }

    #[test]
    fn names_are_skewed() {
        let mut random = stream(1, Purpose::Profiles, 0);
        let smiths = (0..10_000)
            .filter(|_| draw_family_name("english", &mut random) == "Smith")
            .count();
        assert!((200..1_500).contains(&smiths), "{smiths}");
    }
}
