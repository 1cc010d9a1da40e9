//! What can be wrong with one row of a dump.

use std::path::PathBuf;

use cloud_profile::InvalidValue;

/// No line, and no quoted record, is longer than this, in bytes: the end of a quote that was never closed.
pub(crate) const LINE_BYTES_MAX: usize = 1 << 20;

/// The reason why a row stopped the build. Columns are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// An id or a time in milliseconds or seconds.
    #[error("column {column}: \"{found}\" is not a number of 64 bits")]
    NotANumber {
        /// Which column.
        column: usize,
        /// Its text, cut when it is long.
        found: String,
    },
    /// Ids start at 1.
    #[error("column {column}: an id is never 0")]
    IdZero {
        /// Which column.
        column: usize,
    },
    /// A row of connections that ends before its last mapped column.
    #[error("{found} fields, {needed} are needed")]
    TooFewFields {
        /// How many there are.
        found: usize,
        /// The highest mapped column.
        needed: usize,
    },
    /// A row of members or positions whose columns cannot be told.
    #[error("{found} fields, {expected} are expected (is a delimiter in a field not quoted?)")]
    FieldCount {
        /// How many there are.
        found: usize,
        /// How many the first row has.
        expected: usize,
    },
    /// Text is UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// A line, or a quoted record over several lines, above the limit.
    #[error("a line of more than 1 MiB (is a quote not closed?)")]
    LineTooLong,
    /// The file ends inside quotes.
    #[error("a quote is not closed before the end of the file")]
    UnclosedQuote,
    /// `COPY` writes a line break in a field as `\n`.
    #[error("a line that ends with a backslash")]
    LineContinued,
    /// `\.` ends the rows of a file, and nothing is read behind it.
    #[error("rows behind the end of rows (\\.)")]
    RowsBehindEnd,
    /// Times start at 1970.
    #[error("column {column}: the time {found} is before 1970")]
    NegativeTime {
        /// Which column.
        column: usize,
        /// Its text, cut when it is long.
        found: String,
    },
    /// Not in the unit that the map names.
    #[error("column {column}: \"{found}\" is not a time in {unit}")]
    BadTime {
        /// Which column.
        column: usize,
        /// Its text, cut when it is long.
        found: String,
        /// The unit as the map names it.
        unit: &'static str,
    },
    /// A number that is a time only in a smaller unit.
    #[error(
        "column {column}: the time {found} is after the year 9999 (is its unit really {unit}?)"
    )]
    TimeTooLate {
        /// Which column.
        column: usize,
        /// Its text, cut when it is long.
        found: String,
        /// The unit as the map names it.
        unit: &'static str,
    },
    /// A value of a member or a position that the rules of profiles refuse.
    #[error("{}{invalid}", column.map(|column| format!("column {column}: ")).unwrap_or_default())]
    Value {
        /// The column, if the value stands in one.
        column: Option<usize>,
        /// The field and the reason, the same as the log's.
        invalid: InvalidValue,
    },
    /// A connection or a position of somebody who is not in the members files.
    #[error("member {member} is not in the members files")]
    UnknownMember {
        /// Whose row it is.
        member: u64,
    },
    /// The rows of positions of one member, repeats included: none of them is kept.
    #[error(
        "the positions of member {member} are more than {rows_max} rows, or {bytes_max} bytes with the member's own"
    )]
    TooManyPositions {
        /// Whose row it is.
        member: u64,
        /// How many rows a profile may be made of.
        rows_max: usize,
        /// How long a profile may be, encoded.
        bytes_max: usize,
    },
    /// Two rows about one member that do not say the same.
    #[error("member {member} stands with other content at {first_file}:{first_line}")]
    MemberDiffers {
        /// Whose row it is.
        member: u64,
        /// Where the first row is.
        first_file: PathBuf,
        /// Where the first row is.
        first_line: u64,
    },
    /// Two rows about one position that do not say the same.
    #[error(
        "position {position} of member {member} stands with other content at {first_file}:{first_line}"
    )]
    PositionDiffers {
        /// Whose row it is.
        member: u64,
        /// Which position.
        position: u64,
        /// Where the first row is.
        first_file: PathBuf,
        /// Where the first row is.
        first_line: u64,
    },
}

impl RowFault {
    /// Whether the build can go on without the row. Not when that would choose between two rows, or leave out a part of a file.
    pub(crate) fn can_be_skipped(&self) -> bool {
        !matches!(
            self,
            Self::RowsBehindEnd | Self::MemberDiffers { .. } | Self::PositionDiffers { .. }
        )
    }
}

/// A field's text for an error message: made readable, cut when it is long.
pub(crate) fn excerpt(field: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 40;
    let text = String::from_utf8_lossy(field.get(..CHARACTERS_MAX * 4).unwrap_or(field));
    let mut cut: String = text
        .chars()
        .take(CHARACTERS_MAX)
        .collect::<String>()
        .escape_debug()
        .to_string();
    if text.chars().count() > CHARACTERS_MAX || field.len() > CHARACTERS_MAX * 4 {
        cut.push('…');
    }
    cut
}
