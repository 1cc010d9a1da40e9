//! A part of a stream that is held in memory, from some offset on, as far as somebody needs to look.

use std::io::{self, Read};

use memchr::memchr;

const CHUNK_BYTES: usize = 1 << 18;

/// What has been read and not been passed.
pub(crate) struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    /// Where the held part begins in `bytes`.
    start: usize,
    /// Where it begins in the stream.
    offset: u64,
    is_at_end: bool,
}

impl<R: Read> Window<R> {
    /// Of `input`, which begins at `offset` of its file.
    pub(crate) fn new(input: R, offset: u64) -> Self {
        Self {
            input,
            bytes: Vec::new(),
            start: 0,
            offset,
            is_at_end: false,
        }
    }

    /// Where the held bytes begin.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn held(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Holds more; false at the end.
    pub(crate) fn grow(&mut self) -> io::Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let mut chunk = self.input.by_ref().take(CHUNK_BYTES as u64);
        let read = chunk.read_to_end(&mut self.bytes)?;
        self.is_at_end = read < CHUNK_BYTES;
        Ok(read > 0)
    }

    /// Holds at least so many bytes, if the stream has them.
    pub(crate) fn hold(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.held().len() < bytes && self.grow()? {}
        Ok(self.held())
    }

    /// Lets go of the first held bytes.
    pub(crate) fn pass(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held().len());
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Lets go of everything up to the next line, without holding what is between.
    pub(crate) fn pass_line(&mut self) -> io::Result<()> {
        loop {
            match memchr(b'\n', self.held()) {
                Some(end) => {
                    self.pass(end + 1);
                    return Ok(());
                }
                None => self.pass(self.held().len()),
            }
            if !self.grow()? {
                return Ok(());
            }
        }
    }
}
