//! Search in its plainest form: every profile, a walk over edges, BM25 by its formula.

use crate::site::Truth;
use cloud_engine::Degree;
use cloud_profile::ProfileRecord;
use cloud_search::{Expression, Field, for_each_value, tokens};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Add,
};

/// The statistics of the base that scores use.
pub(crate) struct Statistics {
    documents: u64,
    tokens: BTreeMap<Field, u64>,
    containing: BTreeMap<(Field, String), u64>,
}

/// A member that the search must find.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) member: u64,
    pub(crate) degree: Degree,
    pub(crate) score: f32,
}

fn values(profile: &ProfileRecord, field: Field) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for_each_value(profile, |of, value| {
        if of == field {
            found.push(tokens(value));
        }
    });
    found
}

fn count(profile: &ProfileRecord, field: Field, words: &[String]) -> usize {
    values(profile, field)
        .iter()
        .map(|value| {
            value
                .windows(words.len())
                .filter(|part| part == &words)
                .count()
        })
        .sum()
}

pub(crate) fn matches(expression: &Expression, profile: &ProfileRecord) -> bool {
    match expression {
        Expression::Everyone => true,
        Expression::Phrase { fields, words } => {
            fields.iter().any(|&field| count(profile, field, words) > 0)
        }
        Expression::All(clauses) => clauses.iter().all(|clause| matches(clause, profile)),
        Expression::Any(clauses) => clauses.iter().any(|clause| matches(clause, profile)),
        Expression::Not(inner) => !matches(inner, profile),
    }
}

impl Statistics {
    pub(crate) fn of(base: &Truth) -> Self {
        let mut statistics = Self {
            documents: base.profiles.len() as u64,
            tokens: BTreeMap::new(),
            containing: BTreeMap::new(),
        };
        for profile in base.profiles.values() {
            for field in Field::ALL {
                let all = values(profile, field).concat();
                *statistics.tokens.entry(field).or_default() += all.len() as u64;
                for word in all.into_iter().collect::<BTreeSet<_>>() {
                    *statistics.containing.entry((field, word)).or_default() += 1;
                }
            }
        }
        statistics
    }

    /// Returns the score, added in the order of the query and in single precision, as the search
    /// does: equal to the last bit.
    pub(crate) fn score(&self, expression: &Expression, profile: &ProfileRecord) -> f32 {
        match expression {
            Expression::Everyone | Expression::Not(_) => 0.0,
            Expression::Phrase { fields, words } => fields
                .iter()
                .filter_map(|&field| self.bm25(field, words, profile))
                .fold(0.0, Add::add),
            Expression::All(clauses) => {
                let positive = clauses
                    .iter()
                    .filter(|clause| !matches!(clause, Expression::Not(_)));
                positive
                    .map(|clause| self.score(clause, profile))
                    .fold(0.0, Add::add)
            }
            Expression::Any(clauses) => {
                let matching = clauses.iter().filter(|clause| matches(clause, profile));
                matching
                    .map(|clause| self.score(clause, profile))
                    .fold(0.0, Add::add)
            }
        }
    }

    fn bm25(&self, field: Field, words: &[String], profile: &ProfileRecord) -> Option<f32> {
        const K1: f32 = 1.2;
        const B: f32 = 0.75;
        let frequency = Some(count(profile, field, words)).filter(|&count| count > 0)? as f32;
        let idf = words.iter().map(|word| {
            let containing = self
                .containing
                .get(&(field, word.clone()))
                .copied()
                .unwrap_or(0);
            let x = ((self.documents - containing) as f32 + 0.5) / (containing as f32 + 0.5);
            (1.0 + x).ln()
        });
        let length = values(profile, field).concat().len();
        assert!(length <= 40, "lengths up to 40 are indexed exactly");
        let average = self.tokens.get(&field).copied().unwrap_or(0).max(1) as f32
            / self.documents.max(1) as f32;
        let norm = K1 * (1.0 - B + B * length as f32 / average);
        Some(idf.sum::<f32>() * (1.0 + K1) * (frequency / (frequency + norm)))
    }
}

pub(crate) fn degrees(truth: &Truth, viewer: u64) -> BTreeMap<u64, Degree> {
    let mut found = BTreeMap::from([(viewer, Degree::Itself)]);
    let mut frontier = vec![viewer];
    for degree in [Degree::First, Degree::Second, Degree::Third] {
        let mut next = Vec::new();
        for &(one, other) in &truth.edges {
            for (from, to) in [(one, other), (other, one)] {
                if frontier.contains(&from) && !found.contains_key(&to) && !next.contains(&to) {
                    next.push(to);
                }
            }
        }
        found.extend(next.iter().map(|&member| (member, degree)));
        frontier = next;
    }
    for &member in truth.profiles.keys() {
        found.entry(member).or_insert(Degree::OutOfNetwork);
    }
    found
}

/// Returns all hits, in order.
pub(crate) fn search(
    truth: &Truth,
    statistics: &Statistics,
    expression: &Expression,
    viewer: u64,
    asked: &[Degree],
) -> Vec<Expected> {
    let degrees = degrees(truth, viewer);
    let mut hits: Vec<Expected> = truth
        .profiles
        .iter()
        .filter(|(member, profile)| {
            let degree = degrees[member];
            degree != Degree::Itself
                && (asked.is_empty() || asked.contains(&degree))
                && matches(expression, profile)
        })
        .map(|(&member, profile)| Expected {
            member,
            degree: degrees[&member],
            score: statistics.score(expression, profile),
        })
        .collect();
    hits.sort_by(|one, other| {
        one.degree
            .cmp(&other.degree)
            .then(other.score.total_cmp(&one.score))
            .then(one.member.cmp(&other.member))
    });
    hits
}
