//! A query bound to the statistics of the base index. It can walk any segment, base or live, and
//! its scores are comparable.

use crate::{
    index::{base_index::BaseIndex, field::in_schema},
    query::{
        cursor::{AllOf, AnyOf, Cursor, Documents, Everyone},
        parse_tree::Expression,
        stop_check::StopCheck,
    },
};
use cloud_profile::SearchField as Field;
use tantivy::{
    Term,
    query::{EmptyScorer, EnableScoring, PhraseQuery, Query as _, TermQuery, Weight},
    schema::IndexRecordOption,
};

/// A bound query.
pub(crate) enum Plan {
    Everyone,
    Leaf(Box<dyn Weight>),
    All {
        required: Vec<Plan>,
        excluded: Vec<Plan>,
    },
    Any(Vec<Plan>),
}

impl Plan {
    /// Binds an expression; looks up every term in the base index.
    pub(crate) fn new(expression: &Expression, base: &BaseIndex) -> tantivy::Result<Self> {
        Ok(match expression {
            Expression::Everyone => Self::Everyone,
            Expression::Phrase { fields, words } => Self::phrase(fields, words, base)?,
            Expression::All(clauses) => Self::all(clauses, base)?,
            Expression::Any(alternatives) => {
                let plans = alternatives
                    .iter()
                    .map(|expression| Self::new(expression, base));
                Self::Any(plans.collect::<tantivy::Result<_>>()?)
            }
            Expression::Not(_) => Self::all(std::slice::from_ref(expression), base)?,
        })
    }

    /// Plans an intersection. Exclusions alone exclude from all members.
    fn all(clauses: &[Expression], base: &BaseIndex) -> tantivy::Result<Self> {
        let (mut required, mut excluded) = (Vec::new(), Vec::new());
        for clause in clauses {
            match clause {
                Expression::Not(inner) => excluded.push(Self::new(inner, base)?),
                _ => required.push(Self::new(clause, base)?),
            }
        }
        if required.is_empty() {
            required.push(Self::Everyone);
        }
        Ok(Self::All { required, excluded })
    }

    fn phrase(fields: &[Field], words: &[String], base: &BaseIndex) -> tantivy::Result<Self> {
        let scoring = EnableScoring::enabled_from_statistics_provider(base, base.searcher());
        let in_field = |field: &Field| {
            let term = |word: &String| Term::from_field_text(in_schema(*field), word);
            Ok(Self::Leaf(match words {
                [word] => {
                    TermQuery::new(term(word), IndexRecordOption::WithFreqs).weight(scoring)?
                }
                _ => PhraseQuery::new(words.iter().map(term).collect()).weight(scoring)?,
            }))
        };
        let mut plans = fields
            .iter()
            .map(in_field)
            .collect::<tantivy::Result<Vec<_>>>()?;
        Ok(match plans.pop() {
            Some(plan) if plans.is_empty() => plan,
            last => {
                plans.extend(last);
                Self::Any(plans)
            }
        })
    }

    /// Returns a cursor over the matching documents, or `None` when none matches.
    pub(crate) fn cursor(
        &self,
        documents: Documents<'_>,
        stop_check: &mut StopCheck<'_>,
    ) -> tantivy::Result<Option<Cursor>> {
        Ok(match self {
            Self::Everyone => Some(Cursor::Everyone(Everyone::new(documents.count()))),
            Self::Leaf(weight) => match documents {
                Documents::Silent(_) => None,
                Documents::Indexed(segment) => {
                    let scorer = weight.scorer(segment, 1.0)?;
                    (!scorer.is::<EmptyScorer>()).then_some(Cursor::Leaf(scorer))
                }
            },
            Self::All { required, excluded } => {
                let Some(required) = cursors(required, documents, stop_check)?
                    .into_iter()
                    .collect()
                else {
                    return Ok(None);
                };
                let excluded = cursors(excluded, documents, stop_check)?
                    .into_iter()
                    .flatten()
                    .collect();
                Some(Cursor::All(AllOf::new(required, excluded, stop_check)))
            }
            Self::Any(alternatives) => {
                let mut found: Vec<Cursor> = cursors(alternatives, documents, stop_check)?
                    .into_iter()
                    .flatten()
                    .collect();
                match found.len() {
                    0 | 1 => found.pop(),
                    _ => Some(Cursor::Any(AnyOf::new(found))),
                }
            }
        })
    }
}

fn cursors(
    plans: &[Plan],
    documents: Documents<'_>,
    stop_check: &mut StopCheck<'_>,
) -> tantivy::Result<Vec<Option<Cursor>>> {
    plans
        .iter()
        .map(|plan| plan.cursor(documents, stop_check))
        .collect()
}
