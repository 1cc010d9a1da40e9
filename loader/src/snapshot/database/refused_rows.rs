//! The rows of a core database that the rules refuse, and the file that lists them.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cloud_capture::rows::RefusedRow;

use crate::{csv_file::finish_csv, job::error::Error, snapshot::rejects::OnError};

/// Lists refused rows with table, key and reason, in the order in which they are found.
#[derive(Debug)]
pub(crate) struct RefusedRows {
    /// The list. `None` if the first refused row stops the build.
    list: Option<Mutex<List>>,
    rows_max: Option<u64>,
    path: PathBuf,
}

#[derive(Debug)]
struct List {
    count: u64,
    /// The file, which the first row creates.
    writer: Option<csv::Writer<BufWriter<File>>>,
}

impl RefusedRows {
    /// Makes an empty list, which becomes a file at `path`.
    pub(crate) fn new(on_error: OnError, rows_max: Option<u64>, path: PathBuf) -> Self {
        let list = || List {
            count: 0,
            writer: None,
        };
        Self {
            list: (on_error == OnError::Skip).then(|| Mutex::new(list())),
            rows_max,
            path,
        }
    }

    /// Lists a row, or stops the build because of it.
    pub(crate) fn take(&self, row: RefusedRow) -> Result<(), Error> {
        let RefusedRow { table, key, reason } = row;
        let table = table.to_string();
        let Some(list) = &self.list else {
            return Err(Error::DatabaseRow { table, key, reason });
        };
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        list.count += 1;
        if let Some(max) = self.rows_max.filter(|max| list.count > *max) {
            return Err(Error::TooManyRefusedRows {
                max,
                last: format!("{table}, row {key}: {reason}"),
            });
        }
        let write = |error: csv::Error| Error::file("write", &self.path)(error.into());
        let writer = match &mut list.writer {
            Some(writer) => writer,
            none => {
                let file = File::create(&self.path).map_err(Error::file("create", &self.path))?;
                let mut writer = csv::Writer::from_writer(BufWriter::new(file));
                writer
                    .write_record(["table", "key", "reason"])
                    .map_err(write)?;
                none.insert(writer)
            }
        };
        writer.write_record([table, key, reason]).map_err(write)
    }

    /// Fsyncs the list. Returns the number of its rows, and its path if there are any.
    pub(crate) fn finish(&self) -> Result<Option<(u64, &Path)>, Error> {
        let Some(list) = &self.list else {
            return Ok(None);
        };
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = list.writer.take() else {
            return Ok(None);
        };
        finish_csv(writer, &self.path)?;
        Ok(Some((list.count, &self.path)))
    }
}

#[cfg(test)]
mod tests {
    use cloud_capture::TableName;

    use super::*;

    #[test]
    fn refused_rows_are_listed_or_stop_the_build() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejects.csv");
        let take = |rows: &RefusedRows| {
            rows.take(RefusedRow {
                table: TableName::from_text("t"),
                key: "7,8".to_owned(),
                reason: "is 0".to_owned(),
            })
        };
        let stopped = take(&RefusedRows::new(OnError::Stop, None, path.clone()));
        assert_eq!(stopped.unwrap_err().to_string(), "public.t, row 7,8: is 0");
        let rows = RefusedRows::new(OnError::Skip, Some(2), path.clone());
        assert!(rows.finish().unwrap().is_none());
        take(&rows).unwrap();
        take(&rows).unwrap();
        let above = take(&rows).unwrap_err().to_string();
        assert!(above.starts_with("more than 2 rows"), "{above}");
        let rows = RefusedRows::new(OnError::Skip, None, path.clone());
        take(&rows).unwrap();
        take(&rows).unwrap();
        assert_eq!(rows.finish().unwrap(), Some((2, path.as_path())));
        let list = std::fs::read_to_string(path).unwrap();
        let row = "public.t,\"7,8\",is 0\n";
        assert_eq!(list, format!("table,key,reason\n{row}{row}"));
    }
}
