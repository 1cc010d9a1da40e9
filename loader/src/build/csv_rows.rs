//! Rows with quotes, read by the csv crate, with what it lacks: a limit to a record, and a word about a quote that is
//! never closed.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::str;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::row_fault::{LINE_BYTES_MAX, RowFault};

const BUFFER_BYTES: usize = 1 << 18;

/// A row stopped, or reading did.
#[derive(Debug)]
pub(crate) enum CsvStop {
    /// At this offset.
    Row(u64, RowFault),
    Io(io::Error),
}

/// The rows of a file from some offset on.
pub(crate) struct CsvRows<R> {
    reader: Reader<Metered<R>>,
    meter: Rc<Meter>,
    record: ByteRecord,
    /// Where the reader began in the file.
    base: u64,
    /// Where the last row began, when its last field has a line break.
    broken_line: Option<u64>,
}

#[derive(Default)]
struct Meter {
    read: Cell<u64>,
    limit: Cell<u64>,
    reached: Cell<bool>,
    /// The last three bytes that were read.
    tail: Cell<[u8; 3]>,
}

/// Reads no further than the limit: so the longest record bounds the memory, whatever the file is.
struct Metered<R> {
    input: R,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let meter = &self.meter;
        if meter.read.get() >= meter.limit.get() {
            meter.reached.set(true);
            return Err(io::Error::other("a record is too long"));
        }
        let length = self.input.read(buffer)?;
        meter.read.set(meter.read.get() + length as u64);
        let mut tail = meter.tail.get();
        for &byte in buffer
            .get(length.saturating_sub(3)..length)
            .unwrap_or_default()
        {
            tail = [tail[1], tail[2], byte];
        }
        meter.tail.set(tail);
        Ok(length)
    }
}

impl<R: Read> CsvRows<R> {
    /// Of `input`, which begins at the offset `base` of its file.
    pub(crate) fn new(input: R, base: u64, delimiter: u8) -> Self {
        let meter = Rc::new(Meter::default());
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Metered {
                input,
                meter: Rc::clone(&meter),
            });
        Self {
            reader,
            meter,
            record: ByteRecord::new(),
            base,
            broken_line: None,
        }
    }

    /// The next row and its offset. Every field is UTF-8.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &ByteRecord)>, CsvStop> {
        let start = self.reader.position().byte();
        let offset = self.base + start;
        self.meter
            .limit
            .set(start + (LINE_BYTES_MAX + 2 * BUFFER_BYTES) as u64);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return self.end(),
            Err(_) if self.meter.reached.get() => {
                return Err(CsvStop::Row(offset, RowFault::LineTooLong));
            }
            Err(error) => return Err(CsvStop::Io(error.into())),
        }
        if self.reader.position().byte() - start > LINE_BYTES_MAX as u64 + 2 {
            return Err(CsvStop::Row(offset, RowFault::LineTooLong));
        }
        if self
            .record
            .iter()
            .any(|field| str::from_utf8(field).is_err())
        {
            return Err(CsvStop::Row(offset, RowFault::InvalidUtf8));
        }
        let last_field = self.record.iter().next_back().unwrap_or_default();
        self.broken_line = last_field.contains(&b'\n').then_some(offset);
        Ok(Some((offset, &self.record)))
    }

    /// A field with a line break is quoted, so a file that ends with one ends with a quote, or the quote was not closed and
    /// swallowed rows.
    fn end(&self) -> Result<Option<(u64, &ByteRecord)>, CsvStop> {
        let tail = self.meter.tail.get();
        match self.broken_line {
            Some(offset)
                if !matches!(tail, [_, _, b'"'] | [_, b'"', b'\n'] | [b'"', b'\r', b'\n']) =>
            {
                Err(CsvStop::Row(offset, RowFault::UnclosedQuote))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], rows: &[(u64, &[&str])], fault: Option<(u64, RowFault)>) {
        let mut reader = CsvRows::new(text, 100, b',');
        let mut found = Vec::new();
        let stopped = loop {
            match reader.next() {
                Ok(Some((offset, record))) => {
                    let fields: Vec<_> = record
                        .iter()
                        .map(|field| str::from_utf8(field).unwrap().to_owned())
                        .collect();
                    found.push((offset - 100, fields));
                }
                Ok(None) => break None,
                Err(CsvStop::Row(offset, fault)) => break Some((offset - 100, fault)),
                Err(CsvStop::Io(error)) => panic!("{error}"),
            }
        };
        let found: Vec<(u64, Vec<&str>)> = found
            .iter()
            .map(|(offset, row)| (*offset, row.iter().map(String::as_str).collect()))
            .collect();
        let rows: Vec<(u64, Vec<&str>)> = rows
            .iter()
            .map(|(offset, row)| (*offset, row.to_vec()))
            .collect();
        assert_eq!(found, rows);
        assert_eq!(stopped, fault);
    }

    #[test]
    fn quotes_hold_delimiters_and_line_breaks() {
        check(
            b"a,\"b,\n\"\"c\"\"\"\nd,e\n",
            &[(0, &["a", "b,\n\"c\""]), (13, &["d", "e"])],
            None,
        );
        check(b"a,\"b\n\"", &[(0, &["a", "b\n"])], None);
        check(b"a,\"b\n\"\n", &[(0, &["a", "b\n"])], None);
        check(b"a,\"b\n\"\r\n", &[(0, &["a", "b\n"])], None);
    }

    #[test]
    fn what_the_crate_lets_through_is_refused() {
        check(
            b"a,\"b\nc,d\n",
            &[(0, &["a", "b\nc,d\n"])],
            Some((0, RowFault::UnclosedQuote)),
        );
        check(
            b"a,b\nc,\xff\n",
            &[(0, &["a", "b"])],
            Some((4, RowFault::InvalidUtf8)),
        );
        let mut long = b"a,b\nc,\"".to_vec();
        long.resize(3 * LINE_BYTES_MAX, b'x');
        check(&long, &[(0, &["a", "b"])], Some((4, RowFault::LineTooLong)));
        long.truncate(LINE_BYTES_MAX + 10);
        check(&long, &[(0, &["a", "b"])], Some((4, RowFault::LineTooLong)));
    }
}
