//! A person's positions: the current job, earlier ones, and courses of study, in years that fit together.

use rand::Rng;

use crate::industries::{Industry, draw_grade};
use crate::organisation_names::{company, draw_course_degree, school_name};
use crate::organisations::Organisations;
use crate::people::{Person, YEAR_LAST};
use crate::world::WORLD;

const NO_EDUCATION_CHANCE: f64 = 0.12;
const SECOND_COURSE_CHANCE: f64 = 0.1;
const EARLIER_JOBS_MAX: usize = 2;
const POSITIONS_MAX: usize = 4;
/// Of those who have worked for so many years, all would have an earlier job; but half is the most.
const YEARS_PER_JOB: f64 = 40.0;
/// Of jobs, those that say years only.
const YEARS_ONLY_CHANCE: f64 = 0.2;
/// The title stays the same from one job to the next.
const SAME_TITLE_CHANCE: f64 = 0.6;
/// First jobs begin in September of the year of leaving school.
const FIRST_MONTH: u32 = 8;

/// What somebody has done, newest first: the current job, earlier ones, then courses of study. 1 to 4.
#[derive(Debug)]
pub(super) struct Career {
    pub(super) positions: Vec<Position>,
    pub(super) industry: &'static Industry,
    /// Since leaving school.
    pub(super) years: u16,
}

/// A position, as a profile has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) kind: Kind,
    pub(super) organisation: String,
    pub(super) title: String,
    pub(super) country: &'static str,
    pub(super) from: Moment,
    /// None while it is current.
    pub(super) to: Option<Moment>,
}

/// What a position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Work,
    Education,
}

/// A year, or a month of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) year: u16,
    /// 1 to 12.
    pub(super) month: Option<u8>,
}

impl Career {
    /// What the person, of whom the communities are known, has done.
    pub(super) fn draw(
        person: &Person,
        organisations: &Organisations,
        seed: u64,
        random: &mut impl Rng,
    ) -> Self {
        let years = YEAR_LAST - person.graduated;
        let employer = company(person.company, organisations, seed);
        let profession = employer.industry.draw_title(random);
        let country = country_of(person.place);
        let mut begins = job_beginnings(person.graduated, years, random);
        let mut positions = vec![Position {
            kind: Kind::Work,
            organisation: employer.name,
            title: draw_grade(profession, years, random),
            country,
            from: begins.pop().unwrap_or_default().moment(random),
            to: None,
        }];
        let country_number = usize::from(WORLD.places[usize::from(person.place)].country);
        let mut ended = positions[0].from;
        while let Some(begin) = begins.pop() {
            let (number, place) = organisations.draw_company(country_number, random);
            let earlier = company(number, organisations, seed);
            let same = random.random_bool(SAME_TITLE_CHANCE);
            let title = if same {
                profession
            } else {
                earlier.industry.draw_title(random)
            };
            let from = begin.moment(random);
            positions.push(Position {
                kind: Kind::Work,
                organisation: earlier.name,
                title: draw_grade(title, begin.year().saturating_sub(person.graduated), random),
                country: country_of(place),
                from,
                to: Some(ended),
            });
            ended = from;
        }
        let room = POSITIONS_MAX - positions.len();
        positions.extend(
            courses(person, organisations, seed, random)
                .into_iter()
                .take(room),
        );
        Career {
            positions,
            industry: employer.industry,
            years,
        }
    }
}

/// A month, counted from year 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Month(u32);

impl Month {
    fn year(self) -> u16 {
        (self.0 / 12) as u16
    }

    /// Sometimes without the month.
    fn moment(self, random: &mut impl Rng) -> Moment {
        let year_only = random.random_bool(YEARS_ONLY_CHANCE);
        Moment {
            year: self.year(),
            month: if year_only {
                None
            } else {
                Some((self.0 % 12) as u8 + 1)
            },
        }
    }
}

/// When the jobs began, the current one last.
fn job_beginnings(graduated: u16, years: u16, random: &mut impl Rng) -> Vec<Month> {
    let first = u32::from(graduated) * 12 + FIRST_MONTH;
    let last = u32::from(YEAR_LAST) * 12 + 11;
    let chance = (f64::from(years) / YEARS_PER_JOB).min(0.5);
    let earlier = (0..EARLIER_JOBS_MAX)
        .filter(|_| random.random_bool(chance))
        .count();
    let mut begins = vec![Month(first + random.random_range(0..=3))];
    begins.extend((0..earlier).map(|_| Month(random.random_range(first + 4..=last))));
    begins.sort_unstable();
    begins
}

fn courses(
    person: &Person,
    organisations: &Organisations,
    seed: u64,
    random: &mut impl Rng,
) -> Vec<Position> {
    let year = |year| Moment { year, month: None };
    let course = |school: u32, from: u16, to: u16, random: &mut _| Position {
        kind: Kind::Education,
        organisation: school_name(school, organisations, seed),
        title: draw_course_degree(school, organisations, random).to_owned(),
        country: country_of(organisations.school_place(school)),
        from: year(from),
        to: Some(year(to)),
    };
    let mut courses = Vec::new();
    if random.random_bool(NO_EDUCATION_CHANCE) {
        return courses;
    }
    let began = person.graduated - random.random_range(3..=5);
    courses.push(course(person.school, began, person.graduated, random));
    if random.random_bool(SECOND_COURSE_CHANCE) {
        let country = usize::from(WORLD.places[usize::from(person.place)].country);
        let earlier = organisations.draw_school(country, random);
        courses.push(course(
            earlier,
            began - random.random_range(2..=4),
            began,
            random,
        ));
    }
    courses
}

fn country_of(place: u16) -> &'static str {
    let country = WORLD.places[usize::from(place)].country;
    WORLD.countries[usize::from(country)].name
}
