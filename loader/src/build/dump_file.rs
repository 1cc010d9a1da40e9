//! One file of a dump: its columns, and where its rows begin.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use csv::ReaderBuilder;

use super::column_map::{ColumnMap, DumpKind};
use super::error::Error;
use super::layout::{HeaderFault, Layout, layout};
use super::row_fault::{LINE_BYTES_MAX, RowFault};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How the rows of all files of a dump are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFormat {
    /// Between fields: one ASCII character.
    pub delimiter: u8,
    /// Whether the first line of each file names the columns.
    pub has_header: bool,
}

impl Default for RowFormat {
    fn default() -> Self {
        Self {
            delimiter: b',',
            has_header: true,
        }
    }
}

/// A file whose header has been read.
#[derive(Debug)]
pub(crate) struct DumpFile {
    pub(crate) path: PathBuf,
    pub(crate) layout: Layout,
    /// How many fields the header has.
    pub(crate) width: Option<usize>,
    /// The offset behind the header.
    pub(crate) rows_begin: u64,
    pub(crate) bytes: u64,
}

impl DumpFile {
    /// Reads the header.
    pub(crate) fn open(
        path: &Path,
        kind: DumpKind,
        map: Option<&ColumnMap>,
        format: RowFormat,
    ) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(Error::file("open", path))?;
        let header_fault = |fault| Error::Header {
            file: path.to_owned(),
            fault,
        };
        let (header, rows_begin) = read_header(path, format)?;
        let layout = layout(kind, map, header.as_deref()).map_err(header_fault)?;
        let width = header.map(|header| header.len());
        Ok(Self {
            path: path.to_owned(),
            layout,
            width,
            rows_begin,
            bytes: metadata.len(),
        })
    }

    /// The rows behind the header.
    pub(crate) fn rows(&self) -> Result<File, Error> {
        let mut file = File::open(&self.path).map_err(Error::file("open", &self.path))?;
        file.seek(SeekFrom::Start(self.rows_begin))
            .map_err(Error::file("read", &self.path))?;
        Ok(file)
    }
}

/// The names of the columns, if the files have a header, and the offset of the first row.
fn read_header(path: &Path, format: RowFormat) -> Result<(Option<Vec<String>>, u64), Error> {
    let fault = |fault| Error::Header {
        file: path.to_owned(),
        fault,
    };
    let file = File::open(path).map_err(Error::file("open", path))?;
    let mut line = Vec::new();
    let mut reader = BufReader::new(file).take(LINE_BYTES_MAX as u64 + 2);
    reader
        .read_until(b'\n', &mut line)
        .map_err(Error::file("read", path))?;
    let text = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line);
    if !format.has_header {
        return Ok((None, (line.len() - text.len()) as u64));
    }
    if text.is_empty() {
        return Err(fault(HeaderFault::Empty));
    }
    if text.len() > LINE_BYTES_MAX + 1 {
        return Err(fault(HeaderFault::Unreadable(RowFault::LineTooLong)));
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .delimiter(format.delimiter)
        .from_reader(text);
    let header = match reader.records().next() {
        Some(Ok(record)) => record.iter().map(|name| name.trim().to_owned()).collect(),
        Some(Err(_)) => return Err(fault(HeaderFault::Unreadable(RowFault::InvalidUtf8))),
        None => Vec::new(),
    };
    Ok((Some(header), line.len() as u64))
}
