//! A file of rows in blocks that end with a line, for as many workers as want one.
//!
//! Reading is done under a lock and costs a copy; parsing, which costs ten times more, is done by the worker that took the
//! block. At the first quote the rest of the file goes to one worker as a stream: inside quotes a line break ends no row.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use memchr::{memchr, memrchr};

use super::row_fault::LINE_BYTES_MAX;

/// Enough that the lock is rarely contended, little enough to stay near the core that parses it; above the longest line.
const BLOCK_BYTES: usize = 4 << 20;

/// What follows the first quote of a file.
pub(crate) type Rest = io::Chain<Cursor<Vec<u8>>, File>;

/// What a worker gets.
pub(crate) enum Taken {
    /// Whole lines without a quote are in the buffer; they begin at this offset of the file.
    Lines { offset: u64 },
    /// Everything from this offset on, where a line begins.
    Quoted { offset: u64, rest: Rest },
    /// Nothing is left.
    End,
}

/// A file that is being handed out.
pub(crate) struct BlockReader {
    /// `None` when the file has been handed out.
    file: Option<File>,
    /// Read, but not handed out: the beginning of a line.
    carry: Vec<u8>,
    /// Where `carry` begins in the file.
    offset: u64,
    bytes_max: usize,
}

impl BlockReader {
    /// Reads from `offset`, where a line begins.
    pub(crate) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        Self::with_block_bytes(path, offset, BLOCK_BYTES)
    }

    fn with_block_bytes(path: &Path, offset: u64, bytes_max: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        io::copy(&mut file.by_ref().take(offset), &mut io::sink())?;
        Ok(Self {
            file: Some(file),
            carry: Vec::new(),
            offset,
            bytes_max,
        })
    }

    /// The next block, into `buffer`. A block without a line end is a line that is too long, or the file's last.
    pub(crate) fn take(&mut self, buffer: &mut Vec<u8>) -> io::Result<Taken> {
        buffer.clear();
        let Some(file) = &mut self.file else {
            return Ok(Taken::End);
        };
        buffer.append(&mut self.carry);
        let offset = self.offset;
        let wanted = self.bytes_max.saturating_sub(buffer.len());
        let is_last = file.by_ref().take(wanted as u64).read_to_end(buffer)? < wanted;
        let quote = memchr(b'"', buffer);
        let lines = match (quote, is_last) {
            (Some(quote), _) => buffer
                .get(..quote)
                .and_then(|before| memrchr(b'\n', before))
                .map_or(0, |end| end + 1),
            (None, true) => buffer.len(),
            (None, false) => memrchr(b'\n', buffer).map_or(buffer.len(), |end| end + 1),
        };
        self.carry = buffer.split_off(lines);
        self.offset += lines as u64;
        if lines > 0 || quote.is_none() {
            if is_last && quote.is_none() {
                self.file = None;
            }
            return Ok(if lines > 0 {
                Taken::Lines { offset }
            } else {
                Taken::End
            });
        }
        let rest = Cursor::new(std::mem::take(&mut self.carry));
        Ok(self.file.take().map_or(Taken::End, |file| Taken::Quoted {
            offset,
            rest: rest.chain(file),
        }))
    }
}

const _: () = assert!(
    BLOCK_BYTES > 2 * LINE_BYTES_MAX,
    "a block without a line end is a line that is too long"
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks joined are the file, each ends with a line, and what follows a quote comes as one stream.
    fn check(
        text: &str,
        skip: u64,
        block_bytes: usize,
        expected_plain: &[&str],
        expected_rest: Option<&str>,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        std::fs::write(&path, text).unwrap();
        let mut reader = BlockReader::with_block_bytes(&path, skip, block_bytes).unwrap();
        let (mut plain, mut rest_found, mut buffer) = (Vec::new(), None, Vec::new());
        let mut position = skip;
        loop {
            match reader.take(&mut buffer).unwrap() {
                Taken::Lines { offset } => {
                    assert_eq!(offset, position);
                    position += buffer.len() as u64;
                    plain.push(String::from_utf8(buffer.clone()).unwrap());
                }
                Taken::Quoted { offset, mut rest } => {
                    assert_eq!(offset, position);
                    let mut text = String::new();
                    rest.read_to_string(&mut text).unwrap();
                    rest_found = Some(text);
                }
                Taken::End => break,
            }
        }
        assert_eq!(plain, expected_plain, "{text:?} in {block_bytes}");
        assert_eq!(
            rest_found.as_deref(),
            expected_rest,
            "{text:?} in {block_bytes}"
        );
    }

    #[test]
    fn blocks_end_with_lines() {
        check("", 0, 8, &[], None);
        check("ab\ncd\n", 0, 100, &["ab\ncd\n"], None);
        check("ab\ncd\nef", 0, 4, &["ab\n", "cd\n", "ef"], None);
        check("ab\ncd\nef\n", 3, 6, &["cd\nef\n"], None);
        check("header\n", 7, 6, &[], None);
        check("abcdef\nx\n", 0, 4, &["abcd", "ef\n", "x\n"], None);
    }

    #[test]
    fn a_quote_ends_the_plain_lines() {
        check("\"a\"\nb\n", 0, 100, &[], Some("\"a\"\nb\n"));
        check(
            "a\nb\n\"c\n\"\nd\n",
            0,
            100,
            &["a\nb\n"],
            Some("\"c\n\"\nd\n"),
        );
        check("a\nbb,\"c\"\nd\n", 0, 5, &["a\n"], Some("bb,\"c\"\nd\n"));
        check("a\nb,\"c", 2, 100, &[], Some("b,\"c"));
    }
}
