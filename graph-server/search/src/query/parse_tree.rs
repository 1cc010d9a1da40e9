//! A query: what somebody typed, as a parse tree over which matching is plain logic.

use crate::{
    index::field::Field,
    query::{parser::parse, syntax_error::SyntaxError},
};

/// A query that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    expression: Expression,
}

/// The parse tree. Who matches is plain logic over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Every member.
    Everyone,
    /// The words stand side by side in a value of one of the fields.
    Phrase {
        /// Where.
        fields: Vec<Field>,
        /// One or more tokens.
        words: Vec<String>,
    },
    /// All of them match.
    All(Vec<Expression>),
    /// At least one of them matches.
    Any(Vec<Expression>),
    /// It does not match.
    Not(Box<Expression>),
}

impl Query {
    /// Parses. Linear in the text, which is at most [`QUERY_BYTES_MAX`](crate::QUERY_BYTES_MAX) long.
    ///
    /// ```
    /// use cloud_search::Query;
    /// assert!(Query::parse(r#"title:engineer AND (company:"some words" OR -place:oslo)"#).is_ok());
    /// assert_eq!(Query::parse("a AND").unwrap_err().position, 5);
    /// ```
    ///
    /// # Errors
    /// With the position and the reason.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse(text).map(|expression| Self { expression })
    }

    /// The query that every member matches.
    #[must_use]
    pub fn everyone() -> Self {
        Self {
            expression: Expression::Everyone,
        }
    }

    /// Its parse tree.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }
}
