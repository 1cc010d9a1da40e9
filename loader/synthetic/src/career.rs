//! A person's positions: the current job, earlier ones, and courses of study, in consistent years.

use rand::Rng;

use crate::{
    industries::{Industry, draw_grade},
    organisation_names::{company, draw_course_degree, school_name},
    organisations::Organisations,
    people::{Person, YEAR_LAST},
    world::WORLD,
};

const NO_EDUCATION_CHANCE: f64 = 0.12;
const SECOND_COURSE_CHANCE: f64 = 0.1;
const EARLIER_JOBS_MAX: usize = 2;
const POSITIONS_MAX: usize = 4;
/// The years of work that divide into the chance of each earlier job. The chance is one half at
/// most.
const YEARS_PER_JOB: f64 = 40.0;
/// The share of jobs that state years without months.
const YEARS_ONLY_CHANCE: f64 = 0.2;
/// The chance that the title stays the same from one job to the next.
const SAME_TITLE_CHANCE: f64 = 0.6;
/// The month in which first jobs begin, counted from 0: September of the year of leaving school.
const FIRST_MONTH: u32 = 8;

/// A person's positions, newest first: the current job, earlier ones, then courses of study. 1 to
/// 4.
#[derive(Debug)]
pub(super) struct Career {
    pub(super) positions: Vec<Position>,
    pub(super) industry: &'static Industry,
    /// The years since leaving school.
    pub(super) years: u16,
}

/// A position of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) kind: Kind,
    pub(super) organisation: String,
    pub(super) title: String,
    pub(super) country: &'static str,
    pub(super) from: Moment,
    /// The end. `None` while the position is current.
    pub(super) to: Option<Moment>,
}

/// The kind of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Work,
    Education,
}

/// A year, or a month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) year: u16,
    /// The month, from 1 to 12.
    pub(super) month: Option<u8>,
}

impl Career {
    /// Draws the career of a person whose communities are known.
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

    /// Returns the moment, sometimes without its month.
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

/// Draws the beginnings of the jobs, the current one last.
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
