//! The rows of `COPY ... TO STDOUT` in its text format:
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2>.
//!
//! A line is a row. Tabs separate its columns, `\N` is NULL, and a backslash begins an escape.

use std::ops::Range;

use crate::rows::Datum;

/// Splits the pieces that the database sends into lines. It sends a row with each piece, which the
/// protocol does not promise.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The begin of a line whose end has not come.
    begun: Vec<u8>,
}

/// The columns of a row, decoded. The buffers are used again for the next row.
#[derive(Debug, Default)]
pub(super) struct CopyRow {
    /// The columns with escapes, decoded and concatenated.
    decoded: String,
    columns: Vec<Column>,
}

/// A column, and where its text is.
#[derive(Debug)]
enum Column {
    Null,
    InLine(Range<usize>),
    Decoded(Range<usize>),
}

impl Lines {
    /// Passes each line that ends in this piece to `take`, without its line end.
    pub(super) fn push<E>(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for line in piece.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(line) if self.begun.is_empty() => take(line)?,
                Some(line) => {
                    self.begun.extend(line);
                    let outcome = take(&self.begun);
                    self.begun.clear();
                    outcome?;
                }
                None => self.begun.extend(line),
            }
        }
        Ok(())
    }

    /// Returns whether the last line has ended.
    pub(super) fn is_complete(&self) -> bool {
        self.begun.is_empty()
    }
}

impl CopyRow {
    /// Finds the columns of a line.
    pub(super) fn split(&mut self, line: &str) {
        self.columns.clear();
        self.decoded.clear();
        let mut begin = 0;
        for text in line.split('\t') {
            let range = begin..begin + text.len();
            begin = range.end + 1;
            self.columns.push(if text == "\\N" {
                Column::Null
            } else if text.contains('\\') {
                let start = self.decoded.len();
                decode(text, &mut self.decoded);
                Column::Decoded(start..self.decoded.len())
            } else {
                Column::InLine(range)
            });
        }
    }

    /// Appends the values of the columns of the line that was split last.
    pub(super) fn read<'a>(&'a self, line: &'a str, row: &mut Vec<Datum<'a>>) {
        row.extend(self.columns.iter().map(|column| {
            let text = match column {
                Column::Null => return Datum::Null,
                Column::InLine(range) => line.get(range.clone()),
                Column::Decoded(range) => self.decoded.get(range.clone()),
            };
            Datum::Text(text.unwrap_or_default())
        }));
    }
}

/// Appends a text without its escapes. A backslash before any other character stands for that
/// character; `COPY TO` writes no codes of characters.
fn decode(text: &str, decoded: &mut String) {
    let mut pieces = text.split('\\');
    decoded.push_str(pieces.next().unwrap_or_default());
    while let Some(piece) = pieces.next() {
        let mut characters = piece.chars();
        match characters.next() {
            Some('b') => decoded.push('\u{8}'),
            Some('f') => decoded.push('\u{c}'),
            Some('n') => decoded.push('\n'),
            Some('r') => decoded.push('\r'),
            Some('t') => decoded.push('\t'),
            Some('v') => decoded.push('\u{b}'),
            Some(other) => decoded.push(other),
            // Two backslashes: the second one's text is the next piece.
            None => {
                decoded.push('\\');
                decoded.push_str(pieces.next().unwrap_or_default());
            }
        }
        decoded.push_str(characters.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: &[Option<&str>]) {
        let mut copy_row = CopyRow::default();
        copy_row.split("an\\told\\\\\trow");
        copy_row.split(line);
        let mut row = Vec::new();
        copy_row.read(line, &mut row);
        let expected: Vec<_> = expected
            .iter()
            .map(|text| text.map_or(Datum::Null, Datum::Text))
            .collect();
        assert_eq!(row, expected, "{line:?}");
    }

    #[test]
    fn escapes_are_decoded() {
        check("1\t\\N\t", &[Some("1"), None, Some("")]);
        check("", &[Some("")]);
        check("a\\tb\\nc\\\\\t\\\\N", &[Some("a\tb\nc\\"), Some("\\N")]);
        check(
            "\\\\\\\\\\\\n\t\\b\\f\\r\\v",
            &[Some("\\\\\\n"), Some("\u{8}\u{c}\r\u{b}")],
        );
        check("{\"a\\\\\"b\"}\té", &[Some("{\"a\\\"b\"}"), Some("é")]);
    }

    /// Writes a text as the database does.
    fn encoded(text: &str) -> String {
        let characters = text.chars().map(|character| match character {
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            '\t' => "\\t".to_owned(),
            '\r' => "\\r".to_owned(),
            other => other.to_string(),
        });
        characters.collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(
                prop::collection::vec(prop::option::of("[a\\\\N\t\n\ré\"{},]{0,9}"), 3), 0..5,
            ),
            piece_bytes in 1usize..20,
        ) {
            let mut text = String::new();
            for row in &rows {
                let columns = row.iter().map(|column| match column {
                    None => "\\N".to_owned(),
                    Some(text) => encoded(text),
                });
                text.push_str(&columns.collect::<Vec<_>>().join("\t"));
                text.push('\n');
            }
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            let mut copy_row = CopyRow::default();
            for piece in text.as_bytes().chunks(piece_bytes) {
                lines.push(piece, |line| {
                    let line = str::from_utf8(line).unwrap();
                    copy_row.split(line);
                    let mut row = Vec::new();
                    copy_row.read(line, &mut row);
                    found.push(row.iter().map(|datum| match datum {
                        Datum::Text(text) => Some((*text).to_owned()),
                        _ => None,
                    }).collect::<Vec<_>>());
                    Ok::<_, ()>(())
                }).unwrap();
            }
            prop_assert!(lines.is_complete());
            prop_assert_eq!(found, rows);
        }
    }
}
