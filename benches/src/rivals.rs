//! The rivals: PostgreSQL and Redis with the same graph, each in the form that its engineers would
//! choose.
//!
//! All servers are called over TCP on the loopback interface, from this process and on the same
//! cores. Every answer is compared with the right one, so all answers are equal. Notes beside the
//! figures say what a rival cannot do. PostgreSQL and Redis do not know an answer's place in the
//! log, and a network that Redis keeps can be outdated.

mod cloud;
mod postgres;
mod process;
mod redis;

use std::sync::Arc;

use cloud_engine::Degree;

pub use cloud::Cloud;
pub use postgres::Postgres;
pub use redis::{Networks, Redis};

use crate::{
    exam::Exam,
    outcome::{Outcome, check_equal},
    unit::grouped,
};

/// The number of connections that two members share, and the first page of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The number of shared connections.
    pub total: u64,
    /// Those with the smallest ids, ascending.
    pub page: Vec<u64>,
}

/// The most members of a page: the default of The Cloud.
pub const PAGE: usize = 50;

/// A measured server.
#[derive(Clone, Debug)]
pub enum Contender {
    /// A graph server.
    Cloud(Cloud),
    /// PostgreSQL.
    Postgres(Arc<Postgres>),
    /// Redis with scripts.
    Redis(Redis),
}

/// A kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The degrees of 100 members.
    Degrees,
    /// The number of connections that two members share, and the first page of them.
    Shared,
    /// A path of up to three connections.
    Path,
    /// The numbers of members at 1st and at 2nd degree.
    NetworkSize,
}

impl Contender {
    /// Returns the name in the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cloud(_) => "The Cloud",
            Self::Postgres(_) => "PostgreSQL",
            Self::Redis(redis) => match redis.networks() {
                Networks::Computed => "Redis",
                Networks::Kept => "Redis keeping networks",
            },
        }
    }

    /// Puts a question over the connection that `number` picks, and compares the answer with the
    /// right one.
    pub async fn ask(&self, kind: Kind, exam: &Exam, number: u64) -> Outcome<()> {
        let (viewer, other) = (exam.question.viewer_id, exam.other);
        let what = || {
            let who = self.name();
            format!("{who}, {kind:?} of viewer {viewer} (and member {other})")
        };
        match kind {
            Kind::Degrees => {
                let targets: Vec<u64> = exam
                    .question
                    .targets
                    .iter()
                    .map(|target| target.id)
                    .collect();
                let degrees = match self {
                    Self::Cloud(cloud) => cloud.degrees(number, viewer, targets).await?,
                    Self::Postgres(postgres) => postgres.degrees(number, viewer, &targets).await?,
                    Self::Redis(redis) => redis.degrees(number, viewer, &targets).await?,
                };
                let right = exam.question.targets.iter().map(|target| target.degree);
                check_equal(what, right.collect::<Vec<_>>(), degrees)
            }
            Kind::Shared => {
                let shared = match self {
                    Self::Cloud(cloud) => cloud.shared(number, viewer, other).await?,
                    Self::Postgres(postgres) => postgres.shared(number, viewer, other).await?,
                    Self::Redis(redis) => redis.shared(number, viewer, other).await?,
                };
                check_equal(what, &exam.shared, &shared)
            }
            Kind::Path => {
                let path = match self {
                    Self::Cloud(cloud) => cloud.path(number, viewer, other).await?,
                    Self::Postgres(postgres) => postgres.path(number, viewer, other).await?,
                    Self::Redis(redis) => redis.path(number, viewer, other).await?,
                };
                exam.check_path(what, &path)
            }
            Kind::NetworkSize => {
                let sizes = match self {
                    Self::Cloud(cloud) => cloud.network_size(number, viewer).await?,
                    Self::Postgres(postgres) => postgres.network_size(number, viewer).await?,
                    Self::Redis(redis) => redis.network_size(number, viewer).await?,
                };
                check_equal(what, exam.sizes, sizes)
            }
        }
    }
}

/// Parses the degrees in a rival's answer: a digit each.
fn degrees_of_digits(digits: &str) -> Outcome<Vec<Degree>> {
    let degree = |digit| {
        Ok(match digit {
            '0' => Degree::Itself,
            '1' => Degree::First,
            '2' => Degree::Second,
            '3' => Degree::Third,
            '4' => Degree::OutOfNetwork,
            _ => return Err(format!("{digit:?} is no degree, in {digits:?}").into()),
        })
    };
    digits.chars().map(degree).collect()
}

/// Returns the first page of all shared connections, which come in any order.
fn first_page(mut shared: Vec<u64>) -> Shared {
    shared.sort_unstable();
    let total = shared.len() as u64;
    shared.truncate(PAGE);
    Shared {
        total,
        page: shared,
    }
}

/// Converts an id for a rival that takes only 32 bits.
fn id_of_32_bits(id: u64) -> Outcome<i32> {
    i32::try_from(id).map_err(|_| format!("member {} has no 32-bit id", grouped(id)).into())
}
