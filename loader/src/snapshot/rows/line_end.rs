//! Where a line ends: at LF, at CR LF, or at a CR alone.
//!
//! All three end a line, also in one file: tools that convert files leave some line ends behind. A
//! reader takes CR LF for a line end and a blank line, which is skipped; so it never looks ahead.
//! Only the count of lines must see the pair.

use memchr::{memchr, memchr_iter, memchr2, memrchr2};

/// Returns the length of the first line without its line end. `None` if the line does not end here.
#[inline]
pub(crate) fn line_length(bytes: &[u8]) -> Option<usize> {
    memchr2(b'\n', b'\r', bytes)
}

/// Returns the length of all whole lines, their line ends included. `None` if there is no line end.
pub(crate) fn whole_lines(bytes: &[u8]) -> Option<usize> {
    memrchr2(b'\n', b'\r', bytes).map(|end| end + 1)
}

/// Counts line ends in a file that is read part by part.
#[derive(Debug, Default)]
pub(crate) struct LineCounter {
    lines: u64,
    /// True if the last part ends with a CR. A LF after it belongs to the same line end.
    ends_with_return: bool,
}

impl LineCounter {
    /// Adds the line ends of the next part.
    pub(crate) fn pass(&mut self, part: &[u8]) {
        let Some(last) = part.last() else {
            return;
        };
        self.lines += memchr_iter(b'\n', part).count() as u64;
        if self.ends_with_return && part.first() == Some(&b'\n') {
            self.lines -= 1;
        }
        if memchr(b'\r', part).is_some() {
            let is_alone = |at: &usize| part.get(at + 1) != Some(&b'\n');
            self.lines += memchr_iter(b'\r', part).filter(is_alone).count() as u64;
        }
        self.ends_with_return = *last == b'\r';
    }

    /// Returns the number of line ends so far.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_count_once_wherever_a_part_ends() {
        for (text, lines) in [
            ("", 0),
            ("a", 0),
            ("a\nb\n", 2),
            ("a\r\nb\r\n", 2),
            ("a\rb\r", 2),
            ("a\r\rb\n\nc", 4),
            ("a\n\rb\r\n\r", 4),
            ("\r\n\n\r\r\n", 4),
        ] {
            for at in 0..=text.len() {
                let mut counter = LineCounter::default();
                counter.pass(&text.as_bytes()[..at]);
                counter.pass(&text.as_bytes()[at..]);
                assert_eq!(counter.lines(), lines, "{text:?} at {at}");
            }
        }
    }
}
