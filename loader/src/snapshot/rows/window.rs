//! The part of a file that is in memory: it begins with a row, whose end is searched line by line.
//!
//! The csv crate's reader reads a row from the window, one line at a time. So it never holds a byte
//! after the row, and the row's own bytes stay in the window. If a row exceeds the limit, or the
//! end of the file, the window closes it: the reader gets a quote and a line end. Then only the
//! row's first line is lost, and the next row begins on the line after it.
//!
//! A file in which every line leaves a quote open is still read in linear time. The reader needs a
//! second line only inside quotes. So two rows that are both inside quotes at the same line end
//! read the following lines in the same way. When the window has closed a row at some line end, it
//! remembers that position. A later row that is inside quotes at its first line end continues
//! there.

use std::io::{self, Read};
use std::mem;

use memchr::{memchr, memchr_iter};

use crate::snapshot::rows::row_fault::{LINE_BYTES_MAX, RowFault};

const CHUNK_BYTES: usize = 1 << 18;
/// The longest row and its line end.
const ROW_BYTES_MAX: usize = LINE_BYTES_MAX + 2;
/// The bytes that end a row inside quotes.
const CLOSING: &[u8] = b"\"\n";

/// The bytes that have been read but not skipped. A missing line end of the last line is added.
pub(crate) struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    /// The begin of the row in `bytes`.
    start: usize,
    /// The offset of the row in the file.
    offset: u64,
    is_at_end: bool,
    /// The lengths of the row's first line, and of the row up to the line that is given to the
    /// reader.
    first_line: usize,
    length: usize,
    /// The number of bytes of the row that were given to the csv crate's reader.
    given: usize,
    /// The bytes to give before the rest of the row.
    extra: &'static [u8],
    /// Why the window closed the row.
    fault: Option<RowFault>,
    /// The offset of the line end at which the window closed a row: that row was inside quotes
    /// there.
    open_to: u64,
    /// A lower bound for the end of the line after `open_to`.
    open_line_end: u64,
    /// True if the reader gets the row without the lines before `open_to`.
    is_shortened: bool,
    /// The number of bytes that were given to the csv crate's reader.
    #[cfg(test)]
    pub(crate) scanned: u64,
}

impl<R: Read> Window<R> {
    /// Makes a window of `input`, which begins at `offset` of its file. Nothing is read yet.
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
            // The csv crate's reader skips a blank line. It also skips a byte-order mark, but only
            // in the first bytes that it gets: these are no part of a row.
            extra: b"\n",
            fault: None,
            open_to: 0,
            open_line_end: 0,
            is_shortened: false,
            #[cfg(test)]
            scanned: 0,
        }
    }

    /// Returns the offset of the row.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the row with its line end. If the line is too long, these are its first bytes.
    pub(crate) fn row(&self) -> &[u8] {
        self.held().get(..self.length).unwrap_or_default()
    }

    /// Skips the row, and begins a row with the next line. Returns the line without its line end,
    /// or `None` at the end. If the line is too long, these are its first bytes, more than the
    /// limit.
    pub(crate) fn next_row(&mut self) -> io::Result<Option<&[u8]>> {
        self.pass_row()?;
        let (Ok(length) | Err(length)) = self.line_end(0)?;
        (self.first_line, self.length, self.given) = (length, length, 0);
        let row = self.row();
        Ok((!row.is_empty()).then(|| without_line_end(row)))
    }

    /// Skips the row. If the row is the beginning of a line, the rest of the line is skipped
    /// without keeping it in memory.
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

    /// Skips the row and the bytes up to `offset`. Returns the number of line ends skipped.
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

    /// Ends the row that the csv crate's reader has read. Returns false if it must be read again as
    /// a whole.
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

    /// Returns the length of the row up to its first line end at or after `searched`. If there is
    /// none, returns the length that was searched as an error.
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

    /// Reads more bytes. Returns false at the end.
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

/// Returns a line or row without its line end.
pub(crate) fn without_line_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}
