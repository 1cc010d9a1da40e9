//! The errors in a query's text, and the limits of a query.

/// The maximum length of a query, in bytes.
pub const QUERY_BYTES_MAX: usize = 1_024;
/// The maximum number of terms in a query, counted as tokens.
pub const QUERY_TERMS_MAX: usize = 64;
/// The maximum depth of nested parentheses.
pub const QUERY_DEPTH_MAX: usize = 16;

/// An error in a query's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at byte {position})")]
pub struct SyntaxError {
    /// The position of the error, in bytes from the beginning.
    pub position: usize,
    /// The reason.
    pub reason: SyntaxReason,
}

/// The reason why a query does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxReason {
    /// The text is longer than [`QUERY_BYTES_MAX`].
    #[error("the query is longer than {QUERY_BYTES_MAX} bytes")]
    TooLong,
    /// The text has more terms than [`QUERY_TERMS_MAX`].
    #[error("the query has more than {QUERY_TERMS_MAX} terms")]
    TooManyTerms,
    /// Parentheses nest deeper than [`QUERY_DEPTH_MAX`].
    #[error("parentheses are nested more than {QUERY_DEPTH_MAX} deep")]
    TooDeep,
    /// `AND`, `OR` or `NOT` lacks an operand.
    #[error("a word, a phrase or a parenthesis is missing here")]
    OperandMissing,
    /// No field has this name.
    #[error("there is no field {0:?}; quote the word if it is not meant as a field")]
    UnknownField(String),
    /// `field:` is not followed directly by a word or a phrase.
    #[error("a word or a phrase must follow the field's colon")]
    ValueMissing,
    /// A colon is not preceded by a field's name.
    #[error("a colon must follow a field's name")]
    StrayColon,
    /// A quote is never closed.
    #[error("the phrase that begins here is not closed")]
    UnclosedPhrase,
    /// A parenthesis is never closed.
    #[error("the parenthesis that opens here is not closed")]
    UnclosedParenthesis,
    /// A parenthesis closes that was never opened.
    #[error("the parenthesis that closes here was not opened")]
    StrayParenthesis,
    /// The text ends with a backslash.
    #[error("a character must follow the backslash")]
    StrayBackslash,
}
