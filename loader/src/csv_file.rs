//! The end of a file of CSV that was written.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::job::error::Error;

/// Writes what is buffered, and fsyncs the file.
pub(crate) fn finish_csv(writer: csv::Writer<BufWriter<File>>, path: &Path) -> Result<(), Error> {
    let write = Error::file("write", path);
    let buffer = writer
        .into_inner()
        .map_err(|error| write(error.into_error()))?;
    let mut file = buffer
        .into_inner()
        .map_err(|error| write(error.into_error()))?;
    file.flush().map_err(&write)?;
    file.sync_all().map_err(&write)
}
