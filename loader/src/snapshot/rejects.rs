//! The bad rows that a build skips, and the file that lists them.
//!
//! A running build keeps only their places and reasons, on disk when there are many. At the end,
//! each dump file with bad rows is read once more for the line numbers and the rows themselves. So
//! the list is in the order of the dump, whichever worker found a row.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use crate::{
    csv_file::finish_csv,
    job::{error::Error, options::Dump},
    snapshot::{
        rows::{
            column_map::DumpKind,
            dump_file::DumpFile,
            input::{Input, WindowMax},
            place::{Place, Stop},
            row_fault::RowFault,
            row_reader::RowReader,
        },
        sort::sorted_rows::RowSorter,
    },
};

/// The name of the list in the site's directory.
pub const REJECTS_NAME: &str = "rejects.csv";

const SORT_MEMORY_BYTES: usize = 8 << 20;

/// How the build handles a bad row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The build stops, and the error has the row's file, line and reason.
    #[default]
    Stop,
    /// The build skips the row and lists it. The build still stops if it is open which of two rows
    /// is right.
    Skip,
}

/// Collects bad rows from all workers.
#[derive(Debug)]
pub(crate) struct Rejects {
    /// The skipped rows. `Option::None` if the first bad row stops the build.
    skipped: Option<Mutex<Skipped>>,
}

#[derive(Debug)]
struct Skipped {
    count: u64,
    /// The rows, sorted by kind of file, then by place; the message is the reason.
    rows: RowSorter,
}

impl Rejects {
    /// Makes an empty list. `directory` is for rows that do not fit the memory.
    pub(crate) fn new(on_error: OnError, directory: &Path) -> Self {
        let skipped = || Skipped {
            count: 0,
            rows: RowSorter::new(directory, "rejects", SORT_MEMORY_BYTES),
        };
        Self {
            skipped: (on_error == OnError::Skip).then(|| Mutex::new(skipped())),
        }
    }

    /// Records a bad row, or stops the build because of it.
    pub(crate) fn take(&self, kind: DumpKind, place: Place, fault: RowFault) -> Result<(), Stop> {
        match &self.skipped {
            Some(skipped) if fault.can_be_skipped() => {
                let mut skipped = skipped.lock().unwrap_or_else(PoisonError::into_inner);
                skipped.count += 1;
                let reason = fault.to_string();
                let write = |message: &mut Vec<u8>| message.extend(reason.as_bytes());
                Ok(skipped.rows.push(kind as u64, place, write)?)
            }
            _ => Err(Stop::Row(place, fault)),
        }
    }

    /// Returns whether there are rows to list.
    pub(crate) fn has_rows(&mut self) -> bool {
        self.skipped.as_mut().is_some_and(|skipped| {
            let skipped = skipped.get_mut().unwrap_or_else(PoisonError::into_inner);
            skipped.count > 0
        })
    }

    /// Writes the list to `path` and fsyncs it. Returns the number of rows.
    pub(crate) fn write(self, dump: &Dump, path: &Path) -> Result<u64, Error> {
        let Some(skipped) = self.skipped else {
            return Ok(0);
        };
        let Skipped { count, rows } = skipped.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut list, rows) = (List::create(path)?, rows.finish()?);
        let mut reader = rows.reader()?;
        let mut open: Option<OpenFile<'_>> = None;
        while let Some(row) = reader.next()? {
            let kind = DumpKind::ALL.get(row.member as usize);
            let files = kind.map(|kind| dump.files(*kind)).unwrap_or_default();
            let Some(file) = files.get(row.place.file as usize) else {
                unreachable!("rows are rejected from the dump's files");
            };
            let open = match &mut open {
                Some(open) if ptr::eq(open.file, file) => open,
                other => other.insert(OpenFile::open(file)?),
            };
            let line = open.go_to(row.place.offset)?;
            list.row(&file.path, line, &row.message, open.rows.row_bytes())?;
        }
        list.finish()?;
        Ok(count)
    }
}

/// A dump file that is read again.
struct OpenFile<'a> {
    file: &'a DumpFile,
    rows: RowReader<Input<'static>>,
    /// The line of the current row.
    line: u64,
}

impl<'a> OpenFile<'a> {
    fn open(file: &'a DumpFile) -> Result<Self, Error> {
        Ok(Self {
            file,
            rows: file.rows_of(Input::open(&file.path, None, WindowMax::LIBRARY)?, 0),
            line: 1,
        })
    }

    /// Reads the row at `offset`, which is ahead of the current one, and returns its line.
    fn go_to(&mut self, offset: u64) -> Result<u64, Error> {
        let read = Error::file("read", &self.file.path);
        self.line += self.rows.skip_to(offset).map_err(&read)?;
        // The fault of the row is known already.
        let _ = self.rows.next().map_err(&read)?;
        Ok(self.line)
    }
}

/// The list that is written: comma-separated, with a header.
struct List {
    path: PathBuf,
    writer: csv::Writer<BufWriter<File>>,
}

impl List {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::file("create", path))?;
        let mut list = Self {
            path: path.to_owned(),
            writer: csv::Writer::from_writer(BufWriter::new(file)),
        };
        list.record(["file", "line", "reason", "row"].map(str::as_bytes))?;
        Ok(list)
    }

    fn row(&mut self, file: &Path, line: u64, reason: &[u8], row: &[u8]) -> Result<(), Error> {
        let (file, line) = (file.as_os_str().as_encoded_bytes(), line.to_string());
        self.record([file, line.as_bytes(), reason, row])
    }

    fn record(&mut self, fields: [&[u8]; 4]) -> Result<(), Error> {
        let written = self.writer.write_record(fields);
        written.map_err(|error| Error::file("write", &self.path)(error.into()))
    }

    fn finish(self) -> Result<(), Error> {
        finish_csv(self.writer, &self.path)
    }
}
