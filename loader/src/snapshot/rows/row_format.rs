//! The format of the rows of a dump.

/// The format of all files of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFormat {
    /// The syntax of rows and fields.
    pub syntax: RowSyntax,
    /// The delimiter between fields: one ASCII character.
    pub delimiter: u8,
    /// The quote around fields of CSV: one ASCII character. `None` if a quote is text like any
    /// other character.
    pub quote: Option<u8>,
    /// The character of CSV that makes a delimiter, a quote or itself text. `None` if quotes in
    /// quotes are doubled, and nothing else is escaped.
    pub escape: Option<u8>,
    /// Whether the first row of each file names the columns.
    pub has_header: bool,
}

/// The syntax of rows and fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowSyntax {
    /// CSV (RFC 4180): a field in quotes may contain delimiters, line breaks and doubled quotes.
    #[default]
    Csv,
    /// The text format of PostgreSQL's `COPY ... TO`. A row is a line, `\N` is NULL, other escapes
    /// begin with a backslash, and a line `\.` ends the rows.
    Copy,
}

impl RowSyntax {
    /// Returns the default delimiter.
    #[must_use]
    pub fn usual_delimiter(self) -> u8 {
        match self {
            Self::Csv => b',',
            Self::Copy => b'\t',
        }
    }
}

impl Default for RowFormat {
    fn default() -> Self {
        let syntax = RowSyntax::default();
        Self {
            syntax,
            delimiter: syntax.usual_delimiter(),
            quote: Some(b'"'),
            escape: None,
            has_header: true,
        }
    }
}

impl RowFormat {
    /// Returns whether the delimiter, the quote and the escape differ from each other and from
    /// everything else that can be in a row.
    pub(crate) fn is_unambiguous(&self) -> bool {
        let is_free = |byte: u8| match byte {
            b'\n' | b'\r' | b'#' | b'0'..=b'9' => false,
            b'.' | b'a'..=b'z' | b'A'..=b'Z' => self.syntax == RowSyntax::Csv,
            other => other.is_ascii(),
        };
        let taken = match self.syntax {
            RowSyntax::Csv => [self.quote, self.escape],
            RowSyntax::Copy => [Some(b'\\'), None],
        };
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-:. ".contains(&byte);
        is_free(self.delimiter)
            && !taken.contains(&Some(self.delimiter))
            && (taken[0].is_none() || taken[0] != taken[1])
            && taken
                .iter()
                .flatten()
                .all(|&byte| is_free(byte) && !is_letter(byte))
    }
}
