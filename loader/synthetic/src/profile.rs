//! The texts of a member's profile: name, headline, summary and skills, based on a career.

use std::{fmt::Write, sync::LazyLock};

use rand::Rng;
use rand_distr::{Distribution, Geometric};

use crate::{
    career::Career,
    choice::Choice,
    industries::Industry,
    lists::sections,
    names::{Name, draw_name},
    organisations::Organisations,
    pattern::fill_pattern,
    people::Person,
    ranks::Shares,
    world::{Place, WORLD},
};

const SKILLS_MIN: usize = 3;
const SKILLS_MAX: usize = 10;
/// The chance that a list of skills ends after the next one.
const SKILLS_END: f64 = 0.5;
const HEADLINES: [(&str, f64); 4] = [
    ("{title} at {company}", 70.0),
    ("{title}, {company}", 15.0),
    ("{title} | {company}", 10.0),
    ("{title} – {company}", 5.0),
];

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let list = sections(include_str!("lists/summaries.txt"));
    let every = |key| {
        list.iter()
            .flat_map(move |section| section.every_line(key))
            .collect()
    };
    Phrases {
        headlines: Shares::new(HEADLINES.map(|headline| headline.1)),
        opens: Choice::new(every("open"), 0.5),
        closes: Choice::new(every("close"), 0.5),
        hobbies: Choice::new(
            list.first()
                .map(|section| section.entries("hobby"))
                .unwrap_or_default(),
            0.5,
        ),
    }
});

/// The patterns of sentences.
#[derive(Debug)]
struct Phrases {
    headlines: Shares,
    opens: Choice,
    closes: Choice,
    hobbies: Choice,
}

/// A profile, without the member's id.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: Name,
    pub(super) headline: String,
    pub(super) place: &'static Place,
    pub(super) country: &'static str,
    pub(super) summary: String,
    pub(super) skills: Vec<&'static str>,
    pub(super) career: Career,
}

impl Profile {
    /// Draws the profile of a person whose communities are known.
    pub(super) fn draw(
        person: &Person,
        organisations: &Organisations,
        seed: u64,
        random: &mut impl Rng,
    ) -> Self {
        let place = &WORLD.places[usize::from(person.place)];
        let career = Career::draw(person, organisations, seed, random);
        let skills = draw_skills(career.industry, random);
        let sentences = Sentences {
            career: &career,
            place,
            skills: &skills,
        };
        Profile {
            name: draw_name(place.country, random),
            headline: sentences.headline(random),
            place,
            country: WORLD.countries[usize::from(place.country)].name,
            summary: sentences.summary(random),
            skills,
            career,
        }
    }
}

/// Draws 3 to 10 distinct skills.
fn draw_skills(industry: &Industry, random: &mut impl Rng) -> Vec<&'static str> {
    let more = Geometric::new(SKILLS_END).map_or(0, |more| more.sample(random)) as usize;
    let count = (SKILLS_MIN + more).min(SKILLS_MAX);
    let mut skills = Vec::with_capacity(count);
    while skills.len() < count {
        let skill = industry.draw_skill(random);
        if !skills.contains(&skill) {
            skills.push(skill);
        }
    }
    skills
}

/// The facts that a profile's sentences use.
struct Sentences<'a> {
    career: &'a Career,
    place: &'a Place,
    skills: &'a [&'static str],
}

impl Sentences<'_> {
    fn headline(&self, random: &mut impl Rng) -> String {
        let pattern = HEADLINES.get(PHRASES.headlines.draw(random));
        self.fill(pattern.map_or("", |pattern| pattern.0), random)
    }

    /// Draws two sentences of about ten words.
    fn summary(&self, random: &mut impl Rng) -> String {
        let open = self.fill(PHRASES.opens.draw(random), random);
        let close = self.fill(PHRASES.closes.draw(random), random);
        format!("{open} {close}")
    }

    fn fill(&self, pattern: &str, random: &mut impl Rng) -> String {
        let job = self.career.positions.first();
        // Each gap for a skill takes the next one, so that no sentence repeats one.
        let mut skills = self
            .skills
            .iter()
            .cycle()
            .skip(random.random_range(0..self.skills.len().max(1)));
        let mut hobby = "";
        fill_pattern(pattern, |gap, text| match gap {
            "title" => text.push_str(job.map_or("", |job| &job.title)),
            "company" => text.push_str(job.map_or("", |job| &job.organisation)),
            "place" => text.push_str(self.place.name),
            "industry" => text.push_str(&self.career.industry.name.to_lowercase()),
            "skill" => text.push_str(skills.next().copied().unwrap_or_default()),
            "years" => {
                // Writing to a string cannot fail.
                let _ = write!(text, "{}", self.career.years.max(2));
            }
            "hobby" => {
                let last = hobby;
                while hobby == last {
                    hobby = PHRASES.hobbies.draw(random);
                }
                text.push_str(hobby);
            }
            _ => {}
        })
    }
}
