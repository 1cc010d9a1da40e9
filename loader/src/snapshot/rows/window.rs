//! The part of a file that is in memory: it begins with a row, to which lines are added.
//!
//! At most the longest row and a chunk are held. Of a line that is longer, only the beginning is
//! held.

use std::io::{self, Read};
use std::mem;

use crate::snapshot::rows::{
    line_end::{LineCounter, line_length},
    row_fault::LINE_BYTES_MAX,
};

const CHUNK_BYTES: usize = 1 << 18;
/// The bytes in which a line end is searched: the longest row and its line end.
const ROW_BYTES_MAX: usize = LINE_BYTES_MAX + 1;

/// The bytes that have been read but not skipped.
pub(crate) struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    /// The begin of the row in `bytes`.
    start: usize,
    /// The offset of the row in the file.
    offset: u64,
    is_at_end: bool,
    /// The length of the row so far, without the end of its last line.
    length: usize,
    /// The length of the end of its last line: 0 at the end of the file, and if the line is cut.
    line_end: usize,
    /// The number of bytes that were dropped behind the row: the rest of a line that is cut.
    dropped: u64,
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
            length: 0,
            line_end: 0,
            dropped: 0,
        }
    }

    /// Returns the offset of the row.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the row without the end of its last line. If that line is cut, these are its first
    /// bytes, more than the limit.
    pub(crate) fn row(&self) -> &[u8] {
        self.held().get(..self.length).unwrap_or_default()
    }

    /// Returns the end of the row's last line.
    pub(crate) fn line_end(&self) -> &[u8] {
        let end = self.length + self.line_end;
        self.held().get(self.length..end).unwrap_or_default()
    }

    /// Returns whether the row's last line is longer than a row may be.
    pub(crate) fn is_too_long(&self) -> bool {
        self.length > LINE_BYTES_MAX
    }

    /// Skips the row, and begins a row with the next line. Returns the line, or `None` at the end
    /// of the file.
    pub(crate) fn next_row(&mut self) -> io::Result<Option<&[u8]>> {
        self.pass_row()?;
        self.read_line(0)?;
        Ok((self.length + self.line_end > 0).then(|| self.row()))
    }

    /// Adds the next line to the row. Returns where the line begins in the row, or `None` at the
    /// end of the file.
    pub(crate) fn add_line(&mut self) -> io::Result<Option<usize>> {
        let row = (self.length, self.line_end);
        let begin = self.length + self.line_end;
        self.read_line(begin)?;
        let is_longer = self.length + self.line_end > begin;
        if !is_longer {
            (self.length, self.line_end) = row;
        }
        Ok(is_longer.then_some(begin))
    }

    /// Skips the row.
    pub(crate) fn pass_row(&mut self) -> io::Result<()> {
        if self.is_cut() {
            self.drop_rest(|_| {})?;
        }
        let length = mem::take(&mut self.length) + mem::take(&mut self.line_end);
        self.pass(length);
        self.offset += mem::take(&mut self.dropped);
        Ok(())
    }

    /// Reads the rest of a line that is cut, without keeping it, and passes it on in pieces.
    pub(crate) fn drop_rest(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let begin = self.start + self.length;
            let rest = self.bytes.get(begin..).unwrap_or_default();
            let end = line_length(rest);
            let length = end.unwrap_or(rest.len());
            take(rest.get(..length).unwrap_or(rest));
            self.bytes.drain(begin..begin + length);
            self.dropped += length as u64;
            self.line_end = usize::from(end.is_some());
            if end.is_some() || !self.grow()? {
                return Ok(());
            }
        }
    }

    /// Skips the row and the bytes up to `offset`. Returns the number of line ends skipped.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<u64> {
        let mut lines = LineCounter::default();
        if self.is_cut() {
            self.drop_rest(|_| {})?;
        }
        lines.pass(self.row());
        lines.pass(self.line_end());
        self.pass_row()?;
        while self.offset < offset && (!self.held().is_empty() || self.grow()?) {
            let wanted = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            let passed = self.held().get(..wanted).unwrap_or(self.held());
            lines.pass(passed);
            let passed = passed.len();
            self.pass(passed);
        }
        Ok(lines.lines())
    }

    /// Finds the end of the line that begins at `begin` of the row.
    fn read_line(&mut self, begin: usize) -> io::Result<()> {
        let mut searched = begin;
        loop {
            let reach = self.held().len().min(ROW_BYTES_MAX);
            let unsearched = self.held().get(searched..reach).unwrap_or_default();
            if let Some(end) = line_length(unsearched) {
                (self.length, self.line_end) = (searched + end, 1);
                return Ok(());
            }
            searched = searched.max(reach);
            if searched >= ROW_BYTES_MAX || !self.grow()? {
                (self.length, self.line_end) = (searched, 0);
                return Ok(());
            }
        }
    }

    /// Returns whether the end of the row's last line has not been found.
    fn is_cut(&self) -> bool {
        self.is_too_long() && self.line_end == 0
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
        Ok(self.bytes.len() > held)
    }

    fn pass(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }
}
