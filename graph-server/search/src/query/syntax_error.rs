//! What can be wrong with a query's text, and the limits that it must keep.

/// A query has at most this many bytes.
pub const QUERY_BYTES_MAX: usize = 1_024;
/// A query has at most this many terms: tokens after cutting.
pub const QUERY_TERMS_MAX: usize = 64;
/// Parentheses nest at most this deep.
pub const QUERY_DEPTH_MAX: usize = 16;

/// A query that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at byte {position})")]
pub struct SyntaxError {
    /// Where, in bytes from the beginning.
    pub position: usize,
    /// Why.
    pub reason: SyntaxReason,
}

/// Why a query was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxReason {
    /// Longer than [`QUERY_BYTES_MAX`].
    #[error("the query is longer than {QUERY_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`QUERY_TERMS_MAX`].
    #[error("the query has more than {QUERY_TERMS_MAX} terms")]
    TooManyTerms,
    /// Deeper than [`QUERY_DEPTH_MAX`].
    #[error("parentheses are nested more than {QUERY_DEPTH_MAX} deep")]
    TooDeep,
    /// `AND`, `OR` or `NOT` with nothing to work on.
    #[error("a word, a phrase or a parenthesis is missing here")]
    OperandMissing,
    /// No such field.
    #[error("there is no field {0:?}; quote the word if it is not meant as a field")]
    UnknownField(String),
    /// `field:` without a word or phrase right behind it.
    #[error("a word or a phrase must follow the field's colon")]
    ValueMissing,
    /// A colon that no field's name precedes.
    #[error("a colon must follow a field's name")]
    StrayColon,
    /// A quote that is never closed.
    #[error("the phrase that begins here is not closed")]
    UnclosedPhrase,
    /// A parenthesis that is never closed.
    #[error("the parenthesis that opens here is not closed")]
    UnclosedParenthesis,
    /// A closing parenthesis too many.
    #[error("the parenthesis that closes here was not opened")]
    StrayParenthesis,
    /// A backslash at the end.
    #[error("a character must follow the backslash")]
    StrayBackslash,
}
