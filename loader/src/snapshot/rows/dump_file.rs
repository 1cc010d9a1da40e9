//! One file of a dump: its columns, and where its rows begin.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{
    job::{error::Error, progress::Progress},
    snapshot::rows::{
        column_map::{ColumnMap, DumpKind},
        encoding::{BYTE_ORDER_MARK, SAMPLE_BYTES, other_encoding},
        id_rule::IdRule,
        input::{Input, WindowMax},
        layout::{HeaderFault, Layout, layout},
        place::line_at,
        plain_rows::EdgeColumns,
        row_format::RowFormat,
        row_reader::RowReader,
    },
};

/// A file whose header has been read.
#[derive(Debug)]
pub(crate) struct DumpFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: DumpKind,
    pub(crate) format: RowFormat,
    pub(crate) layout: Layout,
    /// The number of fields of the header.
    pub(crate) width: Option<usize>,
    /// The offset after the header, in unpacked bytes.
    pub(crate) rows_begin: u64,
    /// The length of the file itself, compressed or not.
    pub(crate) bytes: u64,
    window_max: WindowMax,
}

impl DumpFile {
    /// Opens the file and reads its header.
    pub(crate) fn open(
        path: &Path,
        kind: DumpKind,
        map: Option<&ColumnMap>,
        format: RowFormat,
        window_max: WindowMax,
        ids: IdRule,
    ) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(Error::file("open", path))?;
        if !metadata.is_file() {
            return Err(Error::NotAFile(path.to_owned()));
        }
        let header = read_header(path, kind, format, window_max)?;
        let layout =
            layout(kind, map, header.names.as_deref(), ids).map_err(|fault| Error::Header {
                file: path.to_owned(),
                line: header.line,
                fault,
            })?;
        Ok(Self {
            path: path.to_owned(),
            kind,
            format,
            layout,
            width: header.names.map(|names| names.len()),
            rows_begin: header.end,
            bytes: metadata.len(),
            window_max,
        })
    }

    /// Returns the bytes after the header.
    pub(crate) fn input<'a>(&self, progress: &'a Progress) -> Result<Input<'a>, Error> {
        Input::open(&self.path, Some(progress), self.window_max)?
            .skip(self.rows_begin)
            .map_err(Error::file("read", &self.path))
    }

    /// Returns the rows after the header.
    pub(crate) fn rows<'a>(&self, progress: &'a Progress) -> Result<RowReader<Input<'a>>, Error> {
        Ok(self.rows_of(self.input(progress)?, self.rows_begin))
    }

    /// Returns the rows of an input that begins with a row, at `offset`.
    pub(crate) fn rows_of<R: Read>(&self, input: R, offset: u64) -> RowReader<R> {
        RowReader::new(input, offset, self.format, self.kind.has_comments())
    }

    /// Returns how to read the rows of a file of connections.
    pub(crate) fn edge_columns(&self) -> EdgeColumns {
        EdgeColumns::new(&self.layout, self.format)
    }
}

/// The part of a file before its first row.
struct Header {
    /// The names of the columns, if the files have a header row.
    names: Option<Vec<String>>,
    line: u64,
    /// The offset of the first row.
    end: u64,
}

fn read_header(
    path: &Path,
    kind: DumpKind,
    format: RowFormat,
    window_max: WindowMax,
) -> Result<Header, Error> {
    let read = Error::file("read", path);
    let mut sample = Vec::new();
    Input::open(path, None, window_max)?
        .take(SAMPLE_BYTES as u64)
        .read_to_end(&mut sample)
        .map_err(&read)?;
    if let Some(encoding) = other_encoding(&sample) {
        return Err(Error::Header {
            file: path.to_owned(),
            line: 1,
            fault: HeaderFault::Encoding(encoding),
        });
    }
    let begin = match sample.starts_with(BYTE_ORDER_MARK) {
        true => BYTE_ORDER_MARK.len() as u64,
        false => 0,
    };
    if !format.has_header {
        return Ok(Header {
            names: None,
            line: 1,
            end: begin,
        });
    }
    let input = Input::open(path, None, window_max)?
        .skip(begin)
        .map_err(&read)?;
    let mut rows = RowReader::new(input, begin, format, kind.has_comments());
    let names = match rows.next().map_err(&read)? {
        None => Err(HeaderFault::Empty),
        Some(Err(fault)) => Err(HeaderFault::Unreadable(fault)),
        Some(Ok(names)) => Ok(names
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect()),
    };
    let line = line_at(path, rows.offset())?;
    match names {
        Err(fault) => Err(Error::Header {
            file: path.to_owned(),
            line,
            fault,
        }),
        Ok(names) => Ok(Header {
            names: Some(names),
            line,
            end: rows.end().map_err(&read)?,
        }),
    }
}
