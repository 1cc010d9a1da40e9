//! A query's text as a parse tree. Matching is boolean logic over it.

use crate::query::{parser::parse, syntax_error::SyntaxError};
use cloud_profile::SearchField as Field;

/// A query that parsed without error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    expression: Expression,
}

/// The parse tree. Matching is boolean logic over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Matches every member.
    Everyone,
    /// Matches where the words are adjacent and in order within one value of one of the fields.
    Phrase {
        /// The fields to search.
        fields: Vec<Field>,
        /// One or more tokens.
        words: Vec<String>,
    },
    /// Matches where all of them match.
    All(Vec<Expression>),
    /// Matches where at least one of them matches.
    Any(Vec<Expression>),
    /// Matches where the inner expression does not.
    Not(Box<Expression>),
}

impl Query {
    /// Parses a query, in time linear in the text.
    ///
    /// ```
    /// use cloud_search::Query;
    /// let text = r#"title:engineer AND (company:"some words" OR -place:oslo)"#;
    /// assert!(Query::parse(text).is_ok());
    /// assert_eq!(Query::parse("a AND").unwrap_err().position, 5);
    /// ```
    ///
    /// # Errors
    /// With the position and the reason, if the syntax is wrong, or if the text breaks a limit such
    /// as [`QUERY_BYTES_MAX`](crate::QUERY_BYTES_MAX).
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse(text).map(|expression| Self { expression })
    }

    /// Returns the query that every member matches.
    #[must_use]
    pub fn everyone() -> Self {
        Self {
            expression: Expression::Everyone,
        }
    }

    /// Returns the parse tree.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }
}
