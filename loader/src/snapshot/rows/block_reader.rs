//! Splits a file of rows into blocks that end with a line, for any number of workers.
//!
//! Reading is done under a lock and costs a copy, or unpacking if the file is compressed. Parsing
//! costs ten times more and is done by the worker that took the block.
//!
//! At the first quote or escape, the rest of the file goes to one worker as a stream: a line break
//! inside quotes ends no row. So it does at a line that is longer than a block. In the syntax of
//! `COPY` a line break always ends a row, and `\.` ends the rows.

use std::io::{self, Chain, Cursor, Read};

use memchr::{memchr2, memmem};

use crate::snapshot::rows::{
    copy_fields::END_OF_ROWS,
    line_end::whole_lines,
    row_fault::LINE_BYTES_MAX,
    row_format::{RowFormat, RowSyntax},
};

/// The length of a block. It is long enough that the lock is rarely contended, and short enough to
/// stay in a cache near the core that parses it. It is above the longest line.
const BLOCK_BYTES: usize = 4 << 20;

/// The bytes of a file from the line with its first quote or escape on, from a line longer than a
/// block on, or from the end of its rows on.
pub(crate) type Rest<R> = Chain<Cursor<Vec<u8>>, R>;

/// The work that a worker gets.
pub(crate) enum Taken<R> {
    /// The buffer holds whole lines without a quote, which begin at this offset of the file.
    Lines { offset: u64 },
    /// All bytes from this offset on, where a line begins.
    Rest { offset: u64, rest: Rest<R> },
    /// The file has been handed out.
    End,
}

/// A file whose blocks are handed out.
pub(crate) struct BlockReader<R> {
    /// The input. It is absent when the file has been handed out.
    input: Option<R>,
    format: RowFormat,
    /// The bytes that are read but not handed out: the beginning of a line.
    carry: Vec<u8>,
    /// The offset of `carry` in the file.
    offset: u64,
    bytes_max: usize,
}

impl<R: Read> BlockReader<R> {
    /// Makes a reader of `input`, which begins with a line, at `offset` of its file.
    pub(crate) fn new(input: R, offset: u64, format: RowFormat) -> Self {
        Self::with_block_bytes(input, offset, format, BLOCK_BYTES)
    }

    pub(crate) fn with_block_bytes(
        input: R,
        offset: u64,
        format: RowFormat,
        bytes_max: usize,
    ) -> Self {
        Self {
            input: Some(input),
            format,
            carry: Vec::new(),
            offset,
            bytes_max,
        }
    }

    /// Reads the next block into `buffer`. A block without a line end is the file's last line.
    pub(crate) fn take(&mut self, buffer: &mut Vec<u8>) -> io::Result<Taken<R>> {
        buffer.clear();
        let Some(input) = &mut self.input else {
            return Ok(Taken::End);
        };
        buffer.append(&mut self.carry);
        let offset = self.offset;
        let wanted = self.bytes_max.saturating_sub(buffer.len());
        let is_last = input.by_ref().take(wanted as u64).read_to_end(buffer)? < wanted;
        let before_rest = lines_before_rest(buffer, self.format);
        let length = match before_rest.or_else(|| whole_lines(buffer)) {
            _ if is_last && before_rest.is_none() => {
                self.input = None;
                buffer.len()
            }
            length => length.unwrap_or(0),
        };
        self.offset += length as u64;
        self.carry = buffer.split_off(length);
        if length > 0 {
            return Ok(Taken::Lines { offset });
        }
        let held = Cursor::new(std::mem::take(&mut self.carry));
        Ok(self.input.take().map_or(Taken::End, |input| Taken::Rest {
            offset,
            rest: held.chain(input),
        }))
    }
}

/// Returns the end of the lines that can be parsed one by one, if it is inside the block.
fn lines_before_rest(block: &[u8], format: RowFormat) -> Option<usize> {
    match format.syntax {
        RowSyntax::Csv => {
            let special = format.quote.or(format.escape)?;
            let at = memchr2(special, format.escape.unwrap_or(special), block)?;
            Some(whole_lines(block.get(..at)?).unwrap_or(0))
        }
        RowSyntax::Copy => memmem::find_iter(block, END_OF_ROWS).find(|&at| {
            let begins = at == 0 || matches!(block.get(at - 1), Some(b'\n' | b'\r'));
            let after = block.get(at + END_OF_ROWS.len()..).unwrap_or_default();
            begins && matches!(after, [] | [b'\n' | b'\r', ..])
        }),
    }
}

const _: () = assert!(
    BLOCK_BYTES > 2 * LINE_BYTES_MAX,
    "a block without a line end is a line that is too long"
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the joined blocks are the file, and that each ends with a line. The bytes from a
    /// quote or from the end of the rows on must come as one stream.
    fn check(
        syntax: RowSyntax,
        text: &str,
        block_bytes: usize,
        expected_plain: &[(u64, &str)],
        expected_rest: Option<(u64, &str)>,
    ) {
        let format = RowFormat {
            syntax,
            ..RowFormat::default()
        };
        let mut reader = BlockReader::with_block_bytes(text.as_bytes(), 100, format, block_bytes);
        let (mut plain, mut rest_found, mut buffer) = (Vec::new(), None, Vec::new());
        loop {
            match reader.take(&mut buffer).unwrap() {
                Taken::Lines { offset } => {
                    plain.push((offset - 100, String::from_utf8(buffer.clone()).unwrap()));
                }
                Taken::Rest { offset, mut rest } => {
                    let mut text = String::new();
                    rest.read_to_string(&mut text).unwrap();
                    rest_found = Some((offset - 100, text));
                }
                Taken::End => break,
            }
        }
        let plain: Vec<_> = plain
            .iter()
            .map(|(at, text)| (*at, text.as_str()))
            .collect();
        assert_eq!(plain, expected_plain, "{text:?} in {block_bytes}");
        let rest_found = rest_found.as_ref().map(|(at, text)| (*at, text.as_str()));
        assert_eq!(rest_found, expected_rest, "{text:?} in {block_bytes}");
    }

    #[test]
    fn blocks_end_with_lines() {
        for syntax in [RowSyntax::Csv, RowSyntax::Copy] {
            check(syntax, "", 8, &[], None);
            check(syntax, "ab\ncd\n", 100, &[(0, "ab\ncd\n")], None);
            let lines = [(0, "ab\n"), (3, "cd\n"), (6, "ef")];
            check(syntax, "ab\ncd\nef", 4, &lines, None);
            check(syntax, "cd\nef\n", 6, &[(0, "cd\nef\n")], None);
        }
    }

    #[test]
    fn a_line_longer_than_a_block_ends_the_plain_lines() {
        for syntax in [RowSyntax::Csv, RowSyntax::Copy] {
            check(syntax, "abcdef\nx\n", 4, &[], Some((0, "abcdef\nx\n")));
            let rest = Some((2, "bcdefghijk\nx"));
            check(syntax, "a\nbcdefghijk\nx", 4, &[(0, "a\n")], rest);
            check(syntax, "abcd\nefgh", 4, &[], Some((0, "abcd\nefgh")));
        }
    }

    #[test]
    fn lines_may_end_in_a_return() {
        for syntax in [RowSyntax::Csv, RowSyntax::Copy] {
            check(
                syntax,
                "ab\rcd\ref",
                4,
                &[(0, "ab\r"), (3, "cd\r"), (6, "ef")],
                None,
            );
            check(
                syntax,
                "ab\r\ncd\r\n",
                3,
                &[(0, "ab\r"), (3, "\n"), (4, "cd\r"), (7, "\n")],
                None,
            );
        }
        let rest = Some((2, "\"b\r\"\rc"));
        check(RowSyntax::Csv, "a\r\"b\r\"\rc", 100, &[(0, "a\r")], rest);
        check(
            RowSyntax::Copy,
            "a\r\\.\rb",
            100,
            &[(0, "a\r")],
            Some((2, "\\.\rb")),
        );
    }

    #[test]
    fn a_quote_ends_the_plain_lines() {
        let syntax = RowSyntax::Csv;
        check(syntax, "\"a\"\nb\n", 100, &[], Some((0, "\"a\"\nb\n")));
        let (text, rest) = ("a\nb\n\"c\n\"\nd\n", "\"c\n\"\nd\n");
        check(syntax, text, 100, &[(0, "a\nb\n")], Some((4, rest)));
        check(
            syntax,
            "a\nbb,\"c\"\nd\n",
            5,
            &[(0, "a\n")],
            Some((2, "bb,\"c\"\nd\n")),
        );
        let text = "a\nb\"\n";
        check(RowSyntax::Copy, text, 100, &[(0, text)], None);
    }

    #[test]
    fn the_end_of_rows_ends_the_plain_lines() {
        let syntax = RowSyntax::Copy;
        check(
            syntax,
            "a\n\\.\nb\n",
            100,
            &[(0, "a\n")],
            Some((2, "\\.\nb\n")),
        );
        check(
            syntax,
            "a\n\\.\r\nb\n",
            3,
            &[(0, "a\n")],
            Some((2, "\\.\r\nb\n")),
        );
        check(syntax, "\\.", 100, &[], Some((0, "\\.")));
        let text = "a\\.\n\\.a\n";
        check(syntax, text, 100, &[(0, text)], None);
        check(RowSyntax::Csv, "\\.\n", 100, &[(0, "\\.\n")], None);
    }
}
