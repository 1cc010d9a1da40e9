//! The rows of a file one after the other, whatever their syntax, with where each begins and what is wrong with it.
//!
//! RowReader with quotes are split by the csv crate's state machine, which is fed here, so that a record has a limit and a quote
//! that is never closed costs one line: the next row begins on the line below the one where the bad row began.
//!
//! A file in which every line leaves a quote open is read in linear time all the same. At a line end inside a record the state
//! machine is inside quotes, whatever was before: so when it got from one row to some offset without an end, another row that is
//! still open at its first line end does not end before that offset either, and what follows is looked at once for all of them.

use std::io::{self, Read};
use std::{mem, str};

use csv::ByteRecord;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use memchr::{memchr, memchr_iter};

use crate::snapshot::rows::{
    copy_fields::{END_OF_ROWS, split_copy_row},
    row_fault::{LINE_BYTES_MAX, RowFault},
    row_format::{RowFormat, RowSyntax},
    window::Window,
};

/// The longest row and its line end.
const ROW_BYTES_MAX: usize = LINE_BYTES_MAX + 2;

/// A row's fields, all of them UTF-8, or what is wrong with it.
pub(crate) type Row<'a> = Result<&'a ByteRecord, RowFault>;

/// The rows of a file from some offset on.
pub(crate) struct RowReader<R> {
    window: Window<R>,
    format: RowFormat,
    has_comments: bool,
    csv: Reader,
    /// How far a record has no end that was not closed.
    open: Option<OpenRecord>,
    /// What the state machine wrote: fields without their quotes, and where each ends.
    fields: Vec<u8>,
    ends: Vec<usize>,
    record: ByteRecord,
    extent: Extent,
    has_ended: bool,
    /// How many bytes the state machines were given.
    #[cfg(test)]
    scanned: u64,
}

/// A record in which no end was found.
struct OpenRecord {
    /// As it stands at the offset.
    csv: Reader,
    offset: u64,
}

/// How far the row goes that was read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// So many bytes, with the line end.
    Bytes(usize),
    /// To the end of the line, wherever that is.
    Line,
}

impl<R: Read> RowReader<R> {
    /// Of `input`, which begins at `offset` of its file, with a row. Lines that begin with `#` are comments if there are any.
    pub(crate) fn new(input: R, offset: u64, format: RowFormat, has_comments: bool) -> Self {
        let mut rows = Self {
            window: Window::new(input, offset),
            format,
            has_comments,
            csv: new_csv(format),
            open: None,
            fields: vec![0; 1 << 10],
            ends: vec![0; 32],
            record: ByteRecord::new(),
            extent: Extent::Bytes(0),
            has_ended: false,
            #[cfg(test)]
            scanned: 0,
        };
        rows.begin();
        rows
    }

    /// The next row that is not blank; `None` behind the last.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        self.pass()?;
        if self.has_ended || !self.find_row()? {
            return Ok(None);
        }
        let outcome = if self.is_end_of_rows()? {
            self.has_ended = true;
            self.window.pass_line()?;
            if !self.find_row()? {
                return Ok(None);
            }
            self.extent = Extent::Line;
            Err(RowFault::RowsBehindEnd)
        } else {
            match self.format.syntax {
                RowSyntax::Csv => self.split_csv()?,
                RowSyntax::Copy => self.split_copy()?,
            }
        };
        Ok(Some(outcome.map(|()| &self.record)))
    }

    /// Where the row that was read last begins.
    pub(crate) fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The bytes of the row that was read last, without the line end; of a row that is too long, its beginning.
    pub(crate) fn row_bytes(&self) -> &[u8] {
        let held = self.window.held();
        let row = match self.extent {
            Extent::Bytes(length) => held.get(..length),
            Extent::Line => held.split(|byte| *byte == b'\n').next(),
        };
        let row = without_line_end(row.unwrap_or(held));
        row.get(..LINE_BYTES_MAX).unwrap_or(row)
    }

    /// Where the row ends that was read last.
    pub(crate) fn end(&mut self) -> io::Result<u64> {
        self.pass()?;
        Ok(self.window.offset())
    }

    /// Goes to the row at `offset`, ahead of here, and answers how many line ends are passed.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<u64> {
        self.extent = Extent::Bytes(0);
        let mut lines = 0;
        while self.window.offset() < offset {
            let wanted = usize::try_from(offset - self.window.offset()).unwrap_or(usize::MAX);
            let held = self.window.hold(1)?;
            let passed = held.get(..wanted).unwrap_or(held);
            if passed.is_empty() {
                break;
            }
            lines += memchr_iter(b'\n', passed).count() as u64;
            let passed = passed.len();
            self.window.pass(passed);
        }
        Ok(lines)
    }

    fn pass(&mut self) -> io::Result<()> {
        match self.extent {
            Extent::Bytes(length) => self.window.pass(length),
            Extent::Line => self.window.pass_line()?,
        }
        self.extent = Extent::Bytes(0);
        Ok(())
    }

    /// Passes blank lines and comments; false at the end.
    fn find_row(&mut self) -> io::Result<bool> {
        loop {
            match self.window.hold(2)? {
                [] => return Ok(false),
                [b'\n', ..] | [b'\r'] => self.window.pass(1),
                [b'\r', b'\n', ..] => self.window.pass(2),
                [b'#', ..] if self.has_comments => self.window.pass_line()?,
                _ => return Ok(true),
            }
        }
    }

    fn is_end_of_rows(&mut self) -> io::Result<bool> {
        if self.format.syntax == RowSyntax::Csv {
            return Ok(false);
        }
        let held = self.window.hold(END_OF_ROWS.len() + 2)?;
        Ok(match held.strip_prefix(END_OF_ROWS) {
            Some(after) => matches!(after, [] | [b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..]),
            None => false,
        })
    }

    fn split_copy(&mut self) -> io::Result<Result<(), RowFault>> {
        let mut searched = 0;
        let length = loop {
            let held = self.window.held();
            let unsearched = held.get(searched..).unwrap_or_default();
            if let Some(end) = memchr(b'\n', unsearched) {
                break searched + end + 1;
            }
            searched = held.len();
            if searched > ROW_BYTES_MAX || !self.window.grow()? {
                break searched;
            }
        };
        let row = self.window.held().get(..length).unwrap_or_default();
        let line = without_line_end(row);
        if line.len() > LINE_BYTES_MAX {
            self.extent = Extent::Line;
            return Ok(Err(RowFault::LineTooLong));
        }
        self.extent = Extent::Bytes(length);
        Ok(split_copy_row(
            line,
            self.format.delimiter,
            &mut self.record,
        ))
    }

    fn split_csv(&mut self) -> io::Result<Result<(), RowFault>> {
        let (mut fed, mut written, mut ended) = (0, 0, 0);
        let offset = self.window.offset();
        self.open.take_if(|open| open.offset <= offset);
        let mut is_first_line = self.open.is_some();
        loop {
            if fed == self.window.held().len() && fed < ROW_BYTES_MAX {
                self.window.grow()?;
            }
            let held = self.window.held();
            let is_all = fed == held.len() && fed < ROW_BYTES_MAX;
            let input = match is_all {
                // The last row may lack its line end; inside quotes a line end ends nothing.
                true => b"\n",
                false => held
                    .get(fed..held.len().min(ROW_BYTES_MAX))
                    .unwrap_or_default(),
            };
            let line_end = memchr(b'\n', input).filter(|_| is_first_line);
            let input = line_end.and_then(|end| input.get(..=end)).unwrap_or(input);
            if input.is_empty() {
                return Ok(self.not_ended(fed, RowFault::LineTooLong));
            }
            let (fields, ends) = (
                self.fields.get_mut(written..).unwrap_or_default(),
                self.ends.get_mut(ended..).unwrap_or_default(),
            );
            let (result, read, wrote, ends) = self.csv.read_record(input, fields, ends);
            written += wrote;
            ended += ends;
            #[cfg(test)]
            (self.scanned += read as u64);
            if !is_all {
                fed += read;
            }
            match result {
                ReadRecordResult::InputEmpty if is_all => {
                    return Ok(self.not_ended(fed, RowFault::UnclosedQuote));
                }
                ReadRecordResult::InputEmpty if line_end.is_some() => {
                    is_first_line = false;
                    if let Some(fault) = self.stays_open(fed)? {
                        self.begin();
                        self.extent = Extent::Line;
                        return Ok(Err(fault));
                    }
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let row = self.window.held().get(..fed).unwrap_or_default();
        let line = without_line_end(row);
        if line.len() > LINE_BYTES_MAX {
            self.extent = Extent::Line;
            return Ok(Err(RowFault::LineTooLong));
        }
        self.extent = Extent::Bytes(fed);
        if str::from_utf8(line).is_err() {
            return Ok(Err(RowFault::InvalidUtf8));
        }
        let has_return = row.ends_with(b"\r\n") || row.ends_with(b"\r");
        self.record.clear();
        let mut start = 0;
        for (index, &end) in self.ends.iter().take(ended).enumerate() {
            let mut field = self.fields.get(start..end).unwrap_or_default();
            if has_return && index + 1 == ended {
                field = field.strip_suffix(b"\r").unwrap_or(field);
            }
            self.record.push_field(field);
            start = end;
        }
        Ok(Ok(()))
    }

    /// Goes on with the open record from where it stands, for a row that is inside quotes `fed` bytes behind its beginning: why the
    /// row has no end, if it has none. Answers `None`, too, when the open record does not reach so far.
    fn stays_open(&mut self, fed: usize) -> io::Result<Option<RowFault>> {
        let start = self.window.offset();
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        if open.offset < start + fed as u64 {
            return Ok(None);
        }
        let mut output = ([0; 1 << 10], [0; 32]);
        loop {
            let at = (open.offset - start) as usize;
            let held = match at < ROW_BYTES_MAX {
                true => self.window.hold(at + 1)?,
                false => return Ok(Some(RowFault::LineTooLong)),
            };
            let is_all = at >= held.len();
            let input = match is_all {
                true => b"\n",
                false => held
                    .get(at..held.len().min(ROW_BYTES_MAX))
                    .unwrap_or_default(),
            };
            let (result, read, ..) = open.csv.read_record(input, &mut output.0, &mut output.1);
            #[cfg(test)]
            (self.scanned += read as u64);
            match result {
                ReadRecordResult::InputEmpty if is_all => {
                    return Ok(Some(RowFault::UnclosedQuote));
                }
                ReadRecordResult::Record | ReadRecordResult::End => {
                    self.open = None;
                    return Ok(None);
                }
                _ => open.offset += read as u64,
            }
        }
    }

    /// Of a record that was scanned as far as it may go, `fed` bytes.
    fn not_ended(&mut self, fed: usize, fault: RowFault) -> Result<(), RowFault> {
        let csv = mem::replace(&mut self.csv, new_csv(self.format));
        self.open = Some(OpenRecord {
            csv,
            offset: self.window.offset() + fed as u64,
        });
        self.begin();
        self.extent = Extent::Line;
        Err(fault)
    }

    /// Brings the state machine to the beginning of a row. (It has no clone that works: csv-core 0.1.13.) A byte-order mark is
    /// one for it in its first input, which is a blank line here.
    fn begin(&mut self) {
        self.csv.reset();
        self.csv.read_record(b"\n", &mut [0], &mut [0]);
    }
}

fn new_csv(format: RowFormat) -> Reader {
    ReaderBuilder::new()
        .delimiter(format.delimiter)
        .terminator(Terminator::Any(b'\n'))
        .build()
}

pub(crate) fn without_line_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row's offset and its fields, or the reason why it has none.
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

    /// Each line of such a file leaves a quote open, and is looked at in full as far as a record may go.
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
            // Of a record that ends after all, the lines before those that it may hold.
            assert!(bad + 1 >= count * 2 / 3, "{bad} of {count}");
            let scanned = rows.scanned / text.len() as u64;
            assert!(scanned < 4, "{} of {} bytes", rows.scanned, text.len());

            let mut again = RowReader::new(text.as_bytes(), 0, RowFormat::default(), false);
            for at in (0..bad).step_by(3).map(|line_at| line_at * line.len()) {
                again.skip_to(at as u64).unwrap();
                assert!(again.next().unwrap().unwrap().is_err());
            }
            assert!(again.scanned / (text.len() as u64) < 4);
        };
        let both = [RowFault::LineTooLong, RowFault::UnclosedQuote];
        check("x\"y,\"z\n", "", &both);
        check("x\"y,\"z\"\"\r\n", "", &both);
        check("x\"y,\"z\n", "\"\n1,2\n", &[RowFault::LineTooLong]);
    }

    /// The same rows, or faults, as of a reader that begins at each row anew.
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
