//! The faults that one row of a dump can have.

use std::path::PathBuf;

use cloud_profile::InvalidValue;

use crate::snapshot::rows::encoding::describe_invalid;

/// The most bytes of a row. It bounds a row whose quote was never closed.
pub(crate) const LINE_BYTES_MAX: usize = 1 << 20;

/// Why a row was rejected. Columns are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// An id, or a time in milliseconds or seconds, is not a number.
    #[error("column {column}: \"{found}\" is not a number of 64 bits")]
    NotANumber {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
    },
    /// An id is 0: ids start at 1.
    #[error("column {column}: an id is never 0 (for ids from 0: --id-offset 1)")]
    IdZero {
        /// The column.
        column: usize,
    },
    /// An id begins with a zero. A site that writes `007` may tell it from `7`.
    #[error("column {column}: \"{found}\" begins with 0: an id has no leading zeros")]
    LeadingZero {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
    },
    /// An id with the offset is above the numbers of 64 bits.
    #[error("column {column}: \"{found}\" with --id-offset {offset} is more than 64 bits hold")]
    IdTooLarge {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
        /// The offset.
        offset: u64,
    },
    /// A row of connections ends before its last mapped column.
    #[error("{found} fields, {needed} are needed")]
    TooFewFields {
        /// The number of fields.
        found: usize,
        /// The highest mapped column.
        needed: usize,
    },
    /// A row of members or positions has more or fewer fields than the first row.
    #[error("{found} fields, {expected} are expected (is a delimiter in a field not quoted?)")]
    FieldCount {
        /// The number of fields.
        found: usize,
        /// The number of fields of the first row.
        expected: usize,
    },
    /// The row is not UTF-8.
    #[error("invalid UTF-8: {found}")]
    InvalidUtf8 {
        /// The first byte that is not, and the encoding that this suggests.
        found: String,
    },
    /// The row begins with a byte-order mark.
    #[error(
        "a byte-order mark (EF BB BF) before the row: a file has at most one, at its beginning \
         (are there two, or were files joined?)"
    )]
    ByteOrderMark,
    /// A line is longer than the limit.
    #[error("a line of more than 1 MiB")]
    LineTooLong,
    /// A row with a line break inside quotes is longer than the limit.
    #[error(
        "column {column}: a quote that is not closed within 1 MiB \
         (files without quoting: --quote none)"
    )]
    QuoteTooLong {
        /// The column that begins with the quote.
        column: usize,
    },
    /// The file ends inside quotes.
    #[error(
        "column {column}: a quote is not closed before the end of the file \
         (files without quoting: --quote none)"
    )]
    UnclosedQuote {
        /// The column that begins with the quote.
        column: usize,
    },
    /// A field goes on behind the quote that closes it.
    #[error(
        "column {column}: text behind a closing quote{} (a quote in quotes is doubled; \
         else --quote none or --escape)",
        below(*lines_below)
    )]
    TextBehindQuote {
        /// The column.
        column: usize,
        /// The number of lines from the row's first line to the one with the text.
        lines_below: u64,
    },
    /// An escape before a character that needs none.
    #[error(
        "column {column}: an escape before \"{found}\" (only the delimiter, the quote, the escape \
         itself and line breaks in quotes are escaped)"
    )]
    BadEscape {
        /// The column.
        column: usize,
        /// The character behind the escape.
        found: String,
    },
    /// The line ends with a backslash or another escape. `COPY` writes a line break in a field as
    /// `\n`.
    #[error("a line that ends with a backslash or another escape")]
    LineContinued,
    /// There are rows after a line `\.`, which ends the rows of a file.
    #[error("rows after the end of rows (\\.)")]
    RowsBehindEnd,
    /// A time is before 1970.
    #[error("column {column}: the time {found} is before 1970")]
    NegativeTime {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
    },
    /// A time is not in the unit that the map names.
    #[error("column {column}: \"{found}\" is not a time in {unit}")]
    BadTime {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
        /// The unit as named in the map.
        unit: String,
    },
    /// A time states no offset, and the map names no zone.
    #[error(
        "column {column}: the time {found} has no zone: --map with time={column}:utc, or with a \
         zone as in time={column}:Europe/Vienna, reads it"
    )]
    TimeWithoutZone {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
    },
    /// No clock of the map's zone ever shows the time.
    #[error("column {column}: the time {found} does not exist in {zone}: clocks skip it")]
    TimeSkipped {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
        /// The zone.
        zone: String,
    },
    /// A number is too large for a time. It can be one in a smaller unit.
    #[error(
        "column {column}: the time {found} is after the year 9999 (is its unit really {unit}?)"
    )]
    TimeTooLate {
        /// The column.
        column: usize,
        /// Its text, shortened if it is long.
        found: String,
        /// The unit as named in the map.
        unit: String,
    },
    /// A value of a member or a position is against the rules of profiles.
    #[error("{}{invalid}", column.map(|column| format!("column {column}: ")).unwrap_or_default())]
    Value {
        /// The column, if the value is in one.
        column: Option<usize>,
        /// The field and the reason, the same as in the log.
        invalid: InvalidValue,
    },
    /// The member of a connection or a position is not in the members files.
    #[error("member {member} is not in the members files")]
    UnknownMember {
        /// The member of the row.
        member: u64,
    },
    /// A member has too many positions, or too many rows of them with repeats. None of them is
    /// kept, so that the result does not depend on the order of the rows.
    #[error(
        "the positions of member {member} are more than {positions_max}, \
         or {rows_max} rows with repeats, or {bytes_max} bytes with the member's own"
    )]
    TooManyPositions {
        /// The member of the row.
        member: u64,
        /// The most positions of a profile.
        positions_max: usize,
        /// The most rows of positions of a profile.
        rows_max: usize,
        /// The most bytes of an encoded profile.
        bytes_max: usize,
    },
    /// Two rows of one member differ.
    #[error("member {member} has other content at {first_file}:{first_line}")]
    MemberDiffers {
        /// The member of the row.
        member: u64,
        /// The file of the first row.
        first_file: PathBuf,
        /// The line of the first row.
        first_line: u64,
    },
    /// Two rows of one position differ.
    #[error(
        "position {position} of member {member} has other content at {first_file}:{first_line}"
    )]
    PositionDiffers {
        /// The member of the row.
        member: u64,
        /// The position.
        position: u64,
        /// The file of the first row.
        first_file: PathBuf,
        /// The line of the first row.
        first_line: u64,
    },
}

impl RowFault {
    pub(crate) fn invalid_utf8(row: &[u8]) -> Self {
        Self::InvalidUtf8 {
            found: describe_invalid(row),
        }
    }

    /// Returns whether the build can skip the row. It cannot if that would choose between two rows,
    /// or leave out a part of a file.
    pub(crate) fn can_be_skipped(&self) -> bool {
        !matches!(
            self,
            Self::RowsBehindEnd
                | Self::QuoteTooLong { .. }
                | Self::MemberDiffers { .. }
                | Self::PositionDiffers { .. }
        )
    }
}

fn below(lines: u64) -> String {
    match lines {
        0 => String::new(),
        1 => ", on the next line".to_owned(),
        _ => format!(", {lines} lines below"),
    }
}

/// Returns a field's text for an error message, readable and shortened if it is long.
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
