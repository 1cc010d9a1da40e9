//! The part of a file that is held in memory, from the beginning of a row on, and how far the row goes.
//!
//! The csv crate's reader reads a row from here, and is given one line at a time. So it never holds a byte behind the row,
//! and the row's own bytes are still here. A row that goes on behind the limit, or behind the end of the file, is closed:
//! the reader is given a quote and a line end. The row then costs one line, and the next row begins on the line below.
//!
//! A file in which every line leaves a quote open is read in linear time all the same. The reader asks for a second line
//! only inside quotes. So two rows that are both open at some line end are open, or closed, alike from there on. Where a
//! row was closed here, a later row that is open at its first line end goes on from there.

use std::io::{self, Read};
use std::mem;

use memchr::{memchr, memchr_iter};

use crate::snapshot::rows::row_fault::{LINE_BYTES_MAX, RowFault};

const CHUNK_BYTES: usize = 1 << 18;
/// The longest row and its line end.
const ROW_BYTES_MAX: usize = LINE_BYTES_MAX + 2;
/// Ends a row that is inside quotes.
const CLOSING: &[u8] = b"\"\n";

/// What has been read and not been passed. The last line always ends with a line end: a missing one is added.
pub(crate) struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    /// Where the row begins in `bytes`.
    start: usize,
    /// Where the row begins in the file.
    offset: u64,
    is_at_end: bool,
    /// How long the row's first line is, and the row up to the line that is given.
    first_line: usize,
    length: usize,
    /// How much of the row was given to the csv crate's reader.
    given: usize,
    /// Given before the rest of the row.
    extra: &'static [u8],
    /// Why the row was closed here.
    fault: Option<RowFault>,
    /// Where, at a line end, a row was open that was closed here.
    open_to: u64,
    /// The line behind `open_to` ends here or later.
    open_line_end: u64,
    /// Whether the row is given without the lines before `open_to`.
    is_shortened: bool,
    /// How many bytes the csv crate's reader was given.
    #[cfg(test)]
    pub(crate) scanned: u64,
}

impl<R: Read> Window<R> {
    /// Holds nothing yet of `input`, which begins at `offset` of its file.
    pub(crate) fn new(input: R, offset: u64) -> Self {
        Self {
            input,
            bytes: Vec::new(),
            start: 0,
            offset,
            is_at_end: false,
            first_line: 0,
            length: 0,
            given: 0,
            // The csv crate's reader passes over a blank line, and over a byte-order mark in what it is given first.
            extra: b"\n",
            fault: None,
            open_to: 0,
            open_line_end: 0,
            is_shortened: false,
            #[cfg(test)]
            scanned: 0,
        }
    }

    /// Where the row begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The row with its line end; of a line that is too long, its beginning.
    pub(crate) fn row(&self) -> &[u8] {
        self.held().get(..self.length).unwrap_or_default()
    }

    /// Passes the row, and begins one with the next line. Returns the line without its line end; of a line that is too
    /// long, more than the limit; `None` at the end.
    pub(crate) fn next_row(&mut self) -> io::Result<Option<&[u8]>> {
        self.pass_row()?;
        let (Ok(length) | Err(length)) = self.line_end(0)?;
        (self.first_line, self.length, self.given) = (length, length, 0);
        let row = self.row();
        Ok((!row.is_empty()).then(|| without_line_end(row)))
    }

    /// Passes the row. Where the row is the beginning of a line, passes the line without holding it.
    pub(crate) fn pass_row(&mut self) -> io::Result<()> {
        let mut is_passed = self.length == 0 || self.row().ends_with(b"\n");
        let length = mem::take(&mut self.length);
        self.pass(length);
        while !is_passed {
            let end = memchr(b'\n', self.held());
            let length = end.map_or(self.held().len(), |end| end + 1);
            self.pass(length);
            is_passed = end.is_some() || !self.grow()?;
        }
        Ok(())
    }

    /// Passes the row, and what follows, up to `offset`. Returns how many line ends that were.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<u64> {
        self.length = 0;
        let mut lines = 0;
        while self.offset < offset && (!self.held().is_empty() || self.grow()?) {
            let wanted = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            let passed = self.held().get(..wanted).unwrap_or(self.held());
            lines += memchr_iter(b'\n', passed).count() as u64;
            let passed = passed.len();
            self.pass(passed);
        }
        Ok(lines)
    }

    /// Ends the row that the csv crate's reader has read. False when it is to be read again, whole.
    pub(crate) fn end_row(&mut self) -> Result<bool, RowFault> {
        let is_shortened = mem::take(&mut self.is_shortened);
        if let Some(fault) = self.fault.take() {
            self.length = self.first_line;
            return Err(fault);
        }
        if is_shortened {
            (self.length, self.given, self.open_to) = (self.first_line, 0, 0);
        }
        Ok(!is_shortened)
    }

    /// Gives the next line of a row that is inside quotes, or closes the row.
    fn next_line(&mut self) -> io::Result<()> {
        if self.offset + (self.given as u64) < self.open_to {
            self.given = (self.open_to - self.offset) as usize;
            self.is_shortened = true;
        }
        let searched = match self.offset + self.given as u64 == self.open_to {
            true => (self.open_line_end - self.offset) as usize - 1,
            false => self.given,
        };
        let (Ok(length) | Err(length)) = self.line_end(searched)?;
        self.length = length;
        let fault = if length == self.given {
            RowFault::UnclosedQuote
        } else if without_line_end(self.row()).len() > LINE_BYTES_MAX {
            RowFault::LineTooLong
        } else {
            return Ok(());
        };
        self.open_to = self.offset + self.given as u64;
        self.open_line_end = self.offset + length.max(self.given + 1) as u64;
        (self.given, self.extra, self.fault) = (length, CLOSING, Some(fault));
        Ok(())
    }

    /// How long the row is up to its first line end from `searched` on; as an error, up to where there is none.
    fn line_end(&mut self, mut searched: usize) -> io::Result<Result<usize, usize>> {
        loop {
            let reach = self.held().len().min(ROW_BYTES_MAX);
            let unsearched = self.held().get(searched..reach).unwrap_or_default();
            if let Some(end) = memchr(b'\n', unsearched) {
                return Ok(Ok(searched + end + 1));
            }
            searched = searched.max(reach);
            if searched >= ROW_BYTES_MAX || !self.grow()? {
                return Ok(Err(searched));
            }
        }
    }

    fn held(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Holds more; false at the end.
    fn grow(&mut self) -> io::Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        self.bytes.drain(..mem::take(&mut self.start));
        let held = self.bytes.len();
        let mut chunk = self.input.by_ref().take(CHUNK_BYTES as u64);
        self.is_at_end = chunk.read_to_end(&mut self.bytes)? < CHUNK_BYTES;
        if self.is_at_end && self.bytes.last().is_some_and(|byte| *byte != b'\n') {
            self.bytes.push(b'\n');
        }
        Ok(self.bytes.len() > held)
    }

    fn pass(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }
}

/// Gives a line of the row, or a part of it.
impl<R: Read> Read for Window<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.extra.is_empty() && self.given == self.length {
            self.next_line()?;
        }
        let length = match self.extra {
            [] => self
                .row()
                .get(self.given..)
                .unwrap_or_default()
                .read(buffer)?,
            _ => return self.extra.read(buffer),
        };
        self.given += length;
        #[cfg(test)]
        (self.scanned += length as u64);
        Ok(length)
    }
}

/// A line or row without its line end.
pub(crate) fn without_line_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}
