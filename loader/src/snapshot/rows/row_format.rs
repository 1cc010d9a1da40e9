//! How the rows of a dump are written.

/// Of all files of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFormat {
    /// What rows and fields look like.
    pub syntax: RowSyntax,
    /// Between fields: one ASCII character.
    pub delimiter: u8,
    /// Whether the first row of each file names the columns.
    pub has_header: bool,
}

/// What rows and fields look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowSyntax {
    /// A field may stand in quotes, and then hold delimiters, line breaks and doubled quotes (RFC 4180).
    #[default]
    Csv,
    /// What PostgreSQL's `COPY ... TO` writes as text: a row is a line, `\N` is NULL, other escapes begin with a backslash, and
    /// a line `\.` ends the rows.
    Copy,
}

impl RowSyntax {
    /// The delimiter where none is asked for.
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
            has_header: true,
        }
    }
}

impl RowFormat {
    /// Whether the delimiter can be told from everything else that stands in a row.
    pub(crate) fn is_unambiguous(&self) -> bool {
        match self.delimiter {
            b'"' | b'\n' | b'\r' | b'#' | b'\\' | b'0'..=b'9' => false,
            b'.' | b'a'..=b'z' | b'A'..=b'Z' => self.syntax == RowSyntax::Csv,
            other => other.is_ascii(),
        }
    }
}
