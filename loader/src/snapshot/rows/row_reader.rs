//! Reads the rows of a file one after the other, in any syntax, with the offset and the fault of
//! each.
//!
//! A row with a fault takes the lines that it takes for every reader of its syntax: the next row
//! begins at the same byte. So no text of a quoted field is read as a row. A row that is too long
//! ends the rows if it is inside quotes: its end is not known.

use std::io::{self, Read};
use std::str;

use csv::ByteRecord;

use crate::snapshot::rows::{
    copy_fields::{END_OF_ROWS, split_copy_row},
    csv_fields::CsvFields,
    encoding::BYTE_ORDER_MARK,
    row_fault::{LINE_BYTES_MAX, RowFault},
    row_format::{RowFormat, RowSyntax},
    window::Window,
};

/// The fields of a row, all of them UTF-8, or its fault.
pub(crate) type Row<'a> = Result<&'a ByteRecord, RowFault>;

/// The rows of a file from some offset on.
pub(crate) struct RowReader<R> {
    window: Window<R>,
    format: RowFormat,
    has_comments: bool,
    fields: CsvFields,
    /// The fields of a row of `COPY`.
    copy_record: ByteRecord,
    has_ended: bool,
}

impl<R: Read> RowReader<R> {
    /// Makes a reader of `input`, which begins with a row, at `offset` of its file. With comments,
    /// no row begins with `#`.
    pub(crate) fn new(input: R, offset: u64, format: RowFormat, has_comments: bool) -> Self {
        Self {
            window: Window::new(input, offset),
            format,
            has_comments,
            fields: CsvFields::new(format),
            copy_record: ByteRecord::new(),
            has_ended: false,
        }
    }

    /// Returns the next row that is not blank, or `None` after the last.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        if self.has_ended || !self.find_row()? {
            return Ok(None);
        }
        if self.format.syntax == RowSyntax::Csv {
            let outcome = self.split_csv()?;
            return Ok(Some(outcome.map(|()| self.fields.record())));
        }
        if self.row_bytes() == END_OF_ROWS {
            self.has_ended = true;
            return Ok(self.find_row()?.then_some(Err(RowFault::RowsBehindEnd)));
        }
        let outcome = self.split_copy();
        Ok(Some(outcome.map(|()| &self.copy_record)))
    }

    /// Returns the offset of the last row.
    pub(crate) fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Returns the bytes of the last row without the line end. If the row is too long, these are
    /// its first bytes.
    pub(crate) fn row_bytes(&self) -> &[u8] {
        let row = self.window.row();
        row.get(..LINE_BYTES_MAX).unwrap_or(row)
    }

    /// Returns the offset of the end of the last row.
    pub(crate) fn end(&mut self) -> io::Result<u64> {
        self.window.pass_row()?;
        Ok(self.offset())
    }

    /// Skips to the row at `offset`, which is ahead. Returns the number of line ends skipped.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<u64> {
        self.window.skip_to(offset)
    }

    /// Skips the last row, blank lines and comments. Returns false at the end.
    fn find_row(&mut self) -> io::Result<bool> {
        loop {
            match self.window.next_row()? {
                None => return Ok(false),
                Some([]) => {}
                Some([b'#', ..]) if self.has_comments => {}
                Some(_) => return Ok(true),
            }
        }
    }

    fn split_copy(&mut self) -> Result<(), RowFault> {
        let line = self.window.row();
        if self.window.is_too_long() {
            Err(RowFault::LineTooLong)
        } else if line.starts_with(BYTE_ORDER_MARK) {
            Err(RowFault::ByteOrderMark)
        } else {
            split_copy_row(line, self.format.delimiter, &mut self.copy_record)
        }
    }

    fn split_csv(&mut self) -> io::Result<Result<(), RowFault>> {
        let Self { window, fields, .. } = self;
        fields.begin();
        let mut begin = 0;
        loop {
            fields.piece(window.row().get(begin..).unwrap_or_default());
            if window.is_too_long() {
                window.drop_rest(|piece| {
                    fields.forget();
                    fields.piece(piece);
                })?;
            }
            if fields.end_line(window.line_end()) {
                break;
            }
            if window.row().len() + window.line_end().len() > LINE_BYTES_MAX {
                self.has_ended = true;
                return Ok(Err(fields.quote_too_long()));
            }
            begin = match window.add_line()? {
                Some(begin) => begin,
                None => return Ok(Err(fields.unfinished())),
            };
        }
        Ok(if window.is_too_long() {
            Err(RowFault::LineTooLong)
        } else if window.row().starts_with(BYTE_ORDER_MARK) {
            Err(RowFault::ByteOrderMark)
        } else if str::from_utf8(window.row()).is_err() {
            Err(RowFault::invalid_utf8(window.row()))
        } else {
            fields.take_fault().map_or(Ok(()), Err)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offset of a row with its fields or its fault.
    type Found<'a> = (u64, Result<&'a [&'a str], RowFault>);

    fn check(syntax: RowSyntax, text: &[u8], expected: &[Found<'_>]) {
        let format = RowFormat {
            syntax,
            delimiter: b',',
            has_header: false,
            ..RowFormat::default()
        };
        let mut rows = RowReader::new(text, 100, format, true);
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let fields = row.map(|record| {
                let fields = record.iter().map(|field| str::from_utf8(field).unwrap());
                fields.map(str::to_owned).collect::<Vec<_>>()
            });
            found.push((rows.offset() - 100, fields));
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|(offset, row)| {
                let row = row.clone();
                let fields = row.map(|row| {
                    row.iter()
                        .map(|&field| field.to_owned())
                        .collect::<Vec<_>>()
                });
                (*offset, fields)
            })
            .collect();
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(text));
    }

    #[test]
    fn quotes_hold_delimiters_and_line_breaks() {
        let csv = RowSyntax::Csv;
        check(
            csv,
            b"a,\"b,\n\"\"c\"\"\"\nd,e\n",
            &[(0, Ok(&["a", "b,\n\"c\""])), (13, Ok(&["d", "e"]))],
        );
        for text in ["a,\"b\n\"", "a,\"b\n\"\n", "a,\"b\n\"\r\n"] {
            check(csv, text.as_bytes(), &[(0, Ok(&["a", "b\n"]))]);
        }
        check(csv, b"a,b\"c\r\n", &[(0, Ok(&["a", "b\"c"]))]);
        check(csv, b"a,\"b\r\"\n", &[(0, Ok(&["a", "b\r"]))]);
        check(
            csv,
            b"a,\"b\rc\r\n\"\r\"d\"",
            &[(0, Ok(&["a", "b\rc\r\n"])), (10, Ok(&["d"]))],
        );
        for syntax in [csv, RowSyntax::Copy] {
            check(
                syntax,
                "\u{feff}a\nb\u{feff}".as_bytes(),
                &[(0, Err(RowFault::ByteOrderMark)), (5, Ok(&["b\u{feff}"]))],
            );
        }
    }

    #[test]
    fn a_line_may_end_in_a_return() {
        for syntax in [RowSyntax::Csv, RowSyntax::Copy] {
            check(
                syntax,
                b"a\rb,c\r\n\r#d\re\r\rf\ng\r",
                &[
                    (0, Ok(&["a"])),
                    (2, Ok(&["b", "c"])),
                    (11, Ok(&["e"])),
                    (14, Ok(&["f"])),
                    (16, Ok(&["g"])),
                ],
            );
        }
    }

    #[test]
    fn blank_lines_and_comments_are_passed_over() {
        for syntax in [RowSyntax::Csv, RowSyntax::Copy] {
            check(
                syntax,
                b"\n\r\n#\xff\"\n#\r\na\r\n\n #b\n#\n\r",
                &[(10, Ok(&["a"])), (14, Ok(&[" #b"]))],
            );
            check(syntax, b"", &[]);
            check(syntax, b"#", &[]);
        }
        check(RowSyntax::Csv, b"\"\n#a\"\n", &[(0, Ok(&["\n#a"]))]);
    }

    #[test]
    fn a_bad_row_takes_the_lines_that_it_has() {
        let csv = RowSyntax::Csv;
        let behind = |column, lines_below| {
            Err(RowFault::TextBehindQuote {
                column,
                lines_below,
            })
        };
        check(
            csv,
            b"a,b\nc,\xff\n\"\xc3\"\xa9\nd",
            &[
                (0, Ok(&["a", "b"])),
                (4, Err(RowFault::invalid_utf8(b"\xff"))),
                (8, Err(RowFault::invalid_utf8(b"\xc3"))),
                (13, Ok(&["d"])),
            ],
        );
        check(csv, b"\"a\" b,c\nd", &[(0, behind(1, 0)), (8, Ok(&["d"]))]);
        check(
            csv,
            b"a,\"b\nc,d\n\"e\nf",
            &[(0, behind(2, 2)), (12, Ok(&["f"]))],
        );
        check(
            csv,
            b"a,\"b\"c,\"d\ne\"\rf",
            &[(0, behind(2, 0)), (13, Ok(&["f"]))],
        );
        check(
            csv,
            b"x\na,\"b\nc,d\n\"\"e\nf\n",
            &[
                (0, Ok(&["x"])),
                (2, Err(RowFault::UnclosedQuote { column: 2 })),
            ],
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let x = "x".repeat(LINE_BYTES_MAX);
        let whole = [x.as_str()];
        let (csv, copy) = (RowSyntax::Csv, RowSyntax::Copy);
        let too_long = || Err(RowFault::LineTooLong);
        for (syntax, text, expected) in [
            (csv, format!("{x}\r\nb\n"), Ok(&whole[..])),
            (copy, format!("{x}\r\nb\n"), Ok(&whole[..])),
            (csv, format!("{x}x\nb\n"), too_long()),
            (copy, format!("{x}x\nb\n"), too_long()),
            (csv, format!("{x}{x}{x}\nb\n"), too_long()),
            (copy, format!("{x}{x}{x}\nb\n"), too_long()),
            (csv, format!("\"{x}\"\nb\n"), too_long()),
            (csv, format!("{x}{x},\"y\"\nb\n"), too_long()),
            (csv, format!("\"y\n\"{x},z\nb\n"), too_long()),
        ] {
            let second = (text.len() - 2) as u64;
            check(
                syntax,
                text.as_bytes(),
                &[(0, expected), (second, Ok(&["b"]))],
            );
        }
        let mut rows = RowReader::new(
            std::io::repeat(b'x').take(1 << 30).chain(&b"\ny\n"[..]),
            0,
            RowFormat::default(),
            false,
        );
        assert_eq!(rows.next().unwrap(), Some(Err(RowFault::LineTooLong)));
        assert_eq!(rows.row_bytes().len(), LINE_BYTES_MAX);
        assert_eq!(rows.skip_to(1 + (1 << 30)).unwrap(), 1);
        assert_eq!(
            rows.next().unwrap().map(|row| row.map(|row| row.len())),
            Some(Ok(1))
        );
        assert_eq!(rows.row_bytes(), b"y");
    }

    #[test]
    fn a_quote_that_stays_open_too_long_ends_the_rows() {
        let x = "x".repeat(LINE_BYTES_MAX);
        let lines = "b,c\n".repeat(LINE_BYTES_MAX);
        for (text, column) in [
            (format!("a,\"\n{lines}"), 2),
            (format!("a,\"\n{x}\n{lines}\"\n"), 2),
            (format!("\"{x}\ny\"\n{lines}"), 1),
            (format!("{x}{x},b,\"y\n{lines}"), 3),
        ] {
            check(
                RowSyntax::Csv,
                text.as_bytes(),
                &[(0, Err(RowFault::QuoteTooLong { column }))],
            );
        }
    }

    /// Compares the rows and faults with those of readers that begin at each row.
    #[test]
    fn a_row_is_what_it_is_alone() {
        let parts = ["\"", ",", "x", "\n", "\r\n", "\r", "\n\"", ",\""];
        let mut state = 7u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..24 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                text.push_str(parts[(state >> 61) as usize]);
            }
            let format = RowFormat::default();
            let mut rows = RowReader::new(text.as_bytes(), 0, format, false);
            while let Some(row) = rows.next().unwrap() {
                let row = row.cloned();
                let rest = &text.as_bytes()[rows.offset() as usize..];
                let mut alone = RowReader::new(rest, rows.offset(), format, false);
                let expected = alone.next().unwrap().unwrap().cloned();
                assert_eq!(row, expected, "{text:?} at {}", rows.offset());
            }
        }
    }

    #[test]
    fn nothing_is_read_behind_the_end_of_rows() {
        let copy = RowSyntax::Copy;
        check(copy, b"a\n\\.", &[(0, Ok(&["a"]))]);
        check(copy, b"a\n\\.\r\n\n\r\n", &[(0, Ok(&["a"]))]);
        check(
            copy,
            b"\\.a\n\\\\.\n",
            &[(0, Ok(&[".a"])), (4, Ok(&["\\."]))],
        );
        check(
            copy,
            b"a\n\\.\n\nb\nc",
            &[(0, Ok(&["a"])), (6, Err(RowFault::RowsBehindEnd))],
        );
        check(RowSyntax::Csv, b"\\.\n", &[(0, Ok(&["\\."]))]);
    }

    #[test]
    fn rows_are_found_again_by_their_offset() {
        let text = b"#\na,\"b\nc\"\n\nd\n";
        let mut rows = RowReader::new(&text[..], 0, RowFormat::default(), true);
        assert_eq!(rows.skip_to(2).unwrap(), 1);
        assert!(rows.next().unwrap().is_some());
        assert_eq!((rows.offset(), rows.row_bytes()), (2, &b"a,\"b\nc\""[..]));
        assert_eq!(rows.skip_to(11).unwrap(), 3);
        assert!(rows.next().unwrap().is_some());
        assert_eq!((rows.offset(), rows.row_bytes()), (11, &b"d"[..]));
        assert_eq!(rows.end().unwrap(), text.len() as u64);
    }
}
