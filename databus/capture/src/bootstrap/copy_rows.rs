//! The rows of `COPY ... TO STDOUT` in its text format.
//!
//! A line is a row. Tabs separate its columns, `\N` is NULL, and a backslash begins an escape
//! (`rows/copy_text.rs`).

use std::ops::Range;

use crate::rows::{Datum, unescape};

/// Splits the pieces that the database sends into lines. It sends a row with each piece, which the
/// protocol does not promise.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The begin of a line whose end has not come.
    begun: Vec<u8>,
}

/// The columns of a row. The buffers are used again for the next row.
#[derive(Debug, Default)]
pub(super) struct CopyRow {
    /// The columns with escapes, without them, one after the other.
    unescaped: Vec<u8>,
    columns: Vec<Column>,
}

/// A column, and where its text is.
#[derive(Debug)]
enum Column {
    Null,
    InLine(Range<usize>),
    Unescaped(Range<usize>),
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
    /// Returns the values of a line; `None` if they are not UTF-8.
    pub(super) fn split<'a>(&'a mut self, line: &'a [u8]) -> Option<Vec<Datum<'a>>> {
        self.columns.clear();
        self.unescaped.clear();
        let mut begin = 0;
        for text in line.split(|&byte| byte == b'\t') {
            let range = begin..begin + text.len();
            begin = range.end + 1;
            self.columns.push(if text == b"\\N" {
                Column::Null
            } else if text.contains(&b'\\') {
                let start = self.unescaped.len();
                unescape(text, &mut self.unescaped);
                Column::Unescaped(start..self.unescaped.len())
            } else {
                Column::InLine(range)
            });
        }
        let line = str::from_utf8(line).ok()?;
        let unescaped = str::from_utf8(&self.unescaped).ok()?;
        let values = self.columns.iter().map(|column| {
            Some(Datum::Text(match column {
                Column::Null => return Some(Datum::Null),
                Column::InLine(range) => line.get(range.clone())?,
                Column::Unescaped(range) => unescaped.get(range.clone())?,
            }))
        });
        values.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: &[Option<&str>]) {
        let mut copy_row = CopyRow::default();
        assert!(copy_row.split(b"an\\told\\\\\trow").is_some());
        let row = copy_row.split(line.as_bytes()).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|text| text.map_or(Datum::Null, Datum::Text))
            .collect();
        assert_eq!(row, expected, "{line:?}");
    }

    #[test]
    fn what_is_not_utf_8_is_no_row() {
        assert_eq!(CopyRow::default().split(b"1\t\xff"), None);
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
                    let row = copy_row.split(line).unwrap();
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
