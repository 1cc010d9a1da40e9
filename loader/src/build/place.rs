//! Where a row stands in the dump: file and byte offset while building, file and line once somebody must read it.
//!
//! Lines are counted only when an error is reported, by reading the file again up to the row: so parsing never counts
//! them, blocks of a file are parsed in any order, and a blank line or a quoted line break cannot shift the count.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::error::Error;
use super::row_fault::RowFault;

/// Where a row begins. Ordered as the rows are: by file as they were named, then by offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: u32,
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
    /// As an error with file and line.
    pub(crate) fn into_error(self, files: &[PathBuf]) -> Error {
        match self {
            Self::Other(error) => error,
            Self::Row(place, fault) => match locate(files, place) {
                Ok((file, line)) => Error::Row { file, line, fault },
                Err(error) => error,
            },
        }
    }

    /// Of two, the one that a reader from the first row on would have met first.
    pub(crate) fn earlier(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Row(mine, _), Self::Row(theirs, _)) if theirs < mine => other,
            (Self::Other(_), Self::Row(..)) => other,
            _ => self,
        }
    }
}

/// File and line of a row.
pub(crate) fn locate(files: &[PathBuf], place: Place) -> Result<(PathBuf, u64), Error> {
    let path = files.get(place.file as usize).cloned().unwrap_or_default();
    let line = line_at(&path, place.offset)?;
    Ok((path, line))
}

/// The line of the first row at or after `offset`. Line breaks at `offset` itself belong to the row before.
fn line_at(path: &Path, offset: u64) -> Result<u64, Error> {
    let mut reader = BufReader::new(File::open(path).map_err(Error::file("open", path))?);
    let (mut line, mut position) = (1, 0);
    loop {
        let bytes = reader.fill_buf().map_err(Error::file("read", path))?;
        if bytes.is_empty() {
            return Ok(line);
        }
        for &byte in bytes {
            if position >= offset && byte != b'\n' && byte != b'\r' {
                return Ok(line);
            }
            line += u64::from(byte == b'\n');
            position += 1;
        }
        let length = bytes.len();
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_and_line_ends_before_a_row_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows");
        std::fs::write(&path, b"a\r\n\r\n\nb\nc").unwrap();
        for (offset, line) in [(0, 1), (1, 4), (2, 4), (6, 4), (7, 5), (8, 5), (99, 5)] {
            assert_eq!(line_at(&path, offset).unwrap(), line, "offset {offset}");
        }
    }
}
