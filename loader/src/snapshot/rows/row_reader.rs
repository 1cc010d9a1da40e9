//! Reads the rows of a file one after the other, in any syntax, with the offset and the fault of
//! each.
//!
//! The csv crate's reader reads rows with quotes. The [`Window`] under it knows where a row begins
//! and ends, limits its length, and closes a quote that the file leaves open.

use std::io::{self, Read};
use std::str;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use crate::snapshot::rows::{
    copy_fields::{END_OF_ROWS, split_copy_row},
    row_fault::{LINE_BYTES_MAX, RowFault},
    row_format::{RowFormat, RowSyntax},
    window::{Window, without_line_end},
};

/// The fields of a row, all of them UTF-8, or its fault.
pub(crate) type Row<'a> = Result<&'a ByteRecord, RowFault>;

/// The rows of a file from some offset on.
pub(crate) struct RowReader<R> {
    csv: Reader<Window<R>>,
    format: RowFormat,
    has_comments: bool,
    record: ByteRecord,
    has_ended: bool,
}

impl<R: Read> RowReader<R> {
    /// Makes a reader of `input`, which begins with a row, at `offset` of its file. With comments,
    /// no row begins with `#`.
    pub(crate) fn new(input: R, offset: u64, format: RowFormat, has_comments: bool) -> Self {
        let csv = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(format.delimiter)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(Window::new(input, offset));
        Self {
            csv,
            format,
            has_comments,
            record: ByteRecord::new(),
            has_ended: false,
        }
    }

    /// Returns the next row that is not blank, or `None` after the last. For an unclosed quote and
    /// for a line that is too long, one line is skipped.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        if self.has_ended || !self.find_row()? {
            return Ok(None);
        }
        let is_copy = self.format.syntax == RowSyntax::Copy;
        let outcome = if is_copy && self.row_bytes() == END_OF_ROWS {
            self.has_ended = true;
            if !self.find_row()? {
                return Ok(None);
            }
            Err(RowFault::RowsBehindEnd)
        } else {
            self.split_row()?
        };
        Ok(Some(outcome.map(|()| &self.record)))
    }

    /// Returns the offset of the last row.
    pub(crate) fn offset(&self) -> u64 {
        self.csv.get_ref().offset()
    }

    /// Returns the bytes of the last row without the line end. If the row is too long, these are
    /// its first bytes.
    pub(crate) fn row_bytes(&self) -> &[u8] {
        let row = without_line_end(self.csv.get_ref().row());
        row.get(..LINE_BYTES_MAX).unwrap_or(row)
    }

    /// Returns the offset of the end of the last row.
    pub(crate) fn end(&mut self) -> io::Result<u64> {
        self.csv.get_mut().pass_row()?;
        Ok(self.offset())
    }

    /// Skips to the row at `offset`, which is ahead. Returns the number of line ends skipped.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<u64> {
        self.csv.get_mut().skip_to(offset)
    }

    /// Skips the last row, blank lines and comments. Returns false at the end.
    fn find_row(&mut self) -> io::Result<bool> {
        loop {
            match self.csv.get_mut().next_row()? {
                None => return Ok(false),
                Some([]) => {}
                Some([b'#', ..]) if self.has_comments => {}
                Some(_) => return Ok(true),
            }
        }
    }

    fn split_row(&mut self) -> io::Result<Result<(), RowFault>> {
        let line = without_line_end(self.csv.get_ref().row());
        if line.len() > LINE_BYTES_MAX {
            return Ok(Err(RowFault::LineTooLong));
        }
        if self.format.syntax == RowSyntax::Copy {
            let delimiter = self.format.delimiter;
            return Ok(split_copy_row(line, delimiter, &mut self.record));
        }
        let mut is_whole = false;
        while !is_whole {
            self.csv.read_byte_record(&mut self.record)?;
            is_whole = match self.csv.get_mut().end_row() {
                Ok(is_whole) => is_whole,
                Err(fault) => return Ok(Err(fault)),
            };
        }
        let row = self.csv.get_ref().row();
        if row.ends_with(b"\r\n") {
            self.strip_return();
        }
        match str::from_utf8(self.csv.get_ref().row()) {
            Ok(_) => Ok(Ok(())),
            Err(_) => Ok(Err(RowFault::InvalidUtf8)),
        }
    }

    /// Removes the CR of a line that ends with CR LF. A CR elsewhere is text.
    fn strip_return(&mut self) {
        let others = self.record.len().saturating_sub(1);
        if let Some(last) = self
            .record
            .get(others)
            .and_then(|last| last.strip_suffix(b"\r"))
        {
            let last = last.to_vec();
            self.record.truncate(others);
            self.record.push_field(&last);
        }
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
        check(csv, b"a\rb,c\r", &[(0, Ok(&["a\rb", "c"]))]);
        check(csv, "\u{feff}a".as_bytes(), &[(0, Ok(&["\u{feff}a"]))]);
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
    fn a_bad_row_costs_one_line() {
        let csv = RowSyntax::Csv;
        check(
            csv,
            b"a,b\nc,\xff\n\"\xc3\"\xa9\nd",
            &[
                (0, Ok(&["a", "b"])),
                (4, Err(RowFault::InvalidUtf8)),
                (8, Err(RowFault::InvalidUtf8)),
                (13, Ok(&["d"])),
            ],
        );
        check(
            csv,
            b"a,\"b\nc,d\n\"e\nf",
            &[(0, Ok(&["a", "b\nc,d\ne"])), (12, Ok(&["f"]))],
        );
        check(
            csv,
            b"a,\"b\nc,d\n\"\"e\nf\n",
            &[
                (0, Err(RowFault::UnclosedQuote)),
                (5, Ok(&["c", "d"])),
                (9, Ok(&["e"])),
                (13, Ok(&["f"])),
            ],
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let x = "x".repeat(LINE_BYTES_MAX);
        let whole = [x.as_str()];
        let many = "b,c\n".repeat(LINE_BYTES_MAX);
        for (syntax, text, expected) in [
            (RowSyntax::Csv, format!("{x}\r\nb\n"), Ok(&whole[..])),
            (RowSyntax::Copy, format!("{x}\r\nb\n"), Ok(&whole[..])),
            (
                RowSyntax::Csv,
                format!("{x}x\nb\n"),
                Err(RowFault::LineTooLong),
            ),
            (
                RowSyntax::Copy,
                format!("{x}x\nb\n"),
                Err(RowFault::LineTooLong),
            ),
            (
                RowSyntax::Csv,
                format!("{x}{x}{x}\nb\n"),
                Err(RowFault::LineTooLong),
            ),
            (
                RowSyntax::Copy,
                format!("{x}{x}{x}\nb\n"),
                Err(RowFault::LineTooLong),
            ),
            (
                RowSyntax::Csv,
                format!("\"{x}\"\nb\n"),
                Err(RowFault::LineTooLong),
            ),
        ] {
            let second = (text.len() - 2) as u64;
            check(
                syntax,
                text.as_bytes(),
                &[(0, expected), (second, Ok(&["b"]))],
            );
        }
        let endless = format!("a,\"\n{many}");
        let format = RowFormat::default();
        let mut rows = RowReader::new(endless.as_bytes(), 0, format, false);
        assert_eq!(rows.next().unwrap(), Some(Err(RowFault::LineTooLong)));
        assert_eq!(rows.row_bytes(), b"a,\"");
        let mut following = 0;
        while let Some(row) = rows.next().unwrap() {
            assert_eq!(row.map(|row| row.len()), Ok(2));
            following += 1;
        }
        assert_eq!(following, LINE_BYTES_MAX);
    }

    /// Each line of such a file leaves a quote open, and is scanned as far as a record may go.
    #[test]
    fn quotes_that_stay_open_are_scanned_a_few_times() {
        let check = |line: &str, end: &str, faults: &[RowFault]| {
            let count = 3 * LINE_BYTES_MAX / line.len();
            let text = format!("{}{end}", line.repeat(count));
            let mut rows = RowReader::new(text.as_bytes(), 0, RowFormat::default(), false);
            let (mut found, mut bad) = (Vec::new(), 0);
            while let Some(row) = rows.next().unwrap() {
                if let Err(fault) = row {
                    bad += 1;
                    found.push(fault);
                    found.dedup();
                }
            }
            assert_eq!(found, faults, "{line:?}");
            // If the last line closes a quote, the last record holds up to a third of the lines.
            // The others are bad.
            assert!(bad + 1 >= count * 2 / 3, "{bad} of {count}");
            let scanned = rows.csv.get_ref().scanned / text.len() as u64;
            assert!(
                scanned < 4,
                "{} of {} bytes",
                rows.csv.get_ref().scanned,
                text.len()
            );

            let mut again = RowReader::new(text.as_bytes(), 0, RowFormat::default(), false);
            for at in (0..bad).step_by(3).map(|line_at| line_at * line.len()) {
                again.skip_to(at as u64).unwrap();
                assert!(again.next().unwrap().unwrap().is_err());
            }
            assert!(again.csv.get_ref().scanned / (text.len() as u64) < 4);
        };
        let both = [RowFault::LineTooLong, RowFault::UnclosedQuote];
        check("x\"y,\"z\n", "", &both);
        check("x\"y,\"z\"\"\r\n", "", &both);
        check("x\"y,\"z\n", "\"\n1,2\n", &[RowFault::LineTooLong]);
    }

    /// Compares the rows and faults with those of readers that begin at each row.
    #[test]
    fn rows_behind_an_open_quote_are_what_they_are_alone() {
        let parts = ["\"", ",", "x", "\n", "\r\n", "\"\"", "\n\"", ",\""];
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
