//! The place of a row in the dump: its file and byte offset during the build, its file and line in
//! reports.
//!
//! Lines are counted only for rows that are reported, by reading the file again up to the row. So
//! parsing never counts lines, and the blocks of a file are parsed in any order. A blank line, a
//! comment or a quoted line break cannot make the count wrong.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::{
    job::error::Error,
    snapshot::rows::{
        input::{Input, WindowMax},
        line_end::LineCounter,
        row_fault::RowFault,
    },
};

/// The place where a row begins. Places are ordered as the rows are: by file, in the given order,
/// then by offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: u32,
    /// The offset in unpacked bytes.
    pub(crate) offset: u64,
}

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    Row(Place, RowFault),
    Other(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Stop {
    /// Returns an error with file and line.
    pub(crate) fn into_error(self, files: &[PathBuf]) -> Error {
        match self {
            Self::Other(error) => error,
            Self::Row(place, fault) => match locate(files, place) {
                Ok((file, line)) => Error::Row { file, line, fault },
                Err(error) => error,
            },
        }
    }

    /// Returns the one of two that a sequential reader would have found first.
    pub(crate) fn earlier(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Row(mine, _), Self::Row(theirs, _)) if theirs < mine => other,
            (Self::Other(_), Self::Row(..)) => other,
            _ => self,
        }
    }
}

/// Returns the file and the line of a row.
pub(crate) fn locate(files: &[PathBuf], place: Place) -> Result<(PathBuf, u64), Error> {
    let path = files.get(place.file as usize).cloned().unwrap_or_default();
    let line = line_at(&path, place.offset)?;
    Ok((path, line))
}

/// Returns the line that holds the byte at `offset`, from 1.
pub(crate) fn line_at(path: &Path, offset: u64) -> Result<u64, Error> {
    let mut before = Input::open(path, None, WindowMax::LIBRARY)?.take(offset);
    let (mut lines, mut buffer) = (LineCounter::default(), vec![0; 1 << 18]);
    loop {
        let length = before
            .read(&mut buffer)
            .map_err(Error::file("read", path))?;
        match buffer.get(..length) {
            Some(read) if length > 0 => lines.pass(read),
            _ => return Ok(lines.lines() + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_before_a_row_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        for (text, lines) in [
            (
                "a\r\n\r\n\nb\nc",
                [(0, 1), (1, 1), (3, 2), (6, 4), (7, 4), (8, 5), (99, 5)],
            ),
            (
                "a\r\rb\rc\nd\r",
                [(0, 1), (1, 1), (3, 3), (5, 4), (7, 5), (9, 6), (99, 6)],
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            for (offset, line) in lines {
                assert_eq!(
                    line_at(&path, offset).unwrap(),
                    line,
                    "{text:?} at {offset}"
                );
            }
        }
    }
}
