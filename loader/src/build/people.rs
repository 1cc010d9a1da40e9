//! Reads members and positions and sorts them by member; the profiles are put together from both while they are written.

use std::path::{Path, PathBuf};

use prost::Message as _;
use rayon::prelude::*;

use super::csv_rows::{CsvRows, CsvStop};
use super::dump_file::DumpFile;
use super::error::Error;
use super::options::Dump;
use super::person_fields::PersonFields;
use super::place::{Place, Stop};
use super::progress::Progress;
use super::row_fault::RowFault;
use super::sorted_rows::{RowSorter, SortedRows};

/// The people of a dump, sorted.
#[derive(Debug)]
pub(crate) struct People {
    /// Ascending, each once.
    pub(crate) ids: Vec<u64>,
    pub(crate) members: SortedRows,
    pub(crate) positions: SortedRows,
    pub(crate) member_files: Vec<PathBuf>,
    pub(crate) position_files: Vec<PathBuf>,
}

impl People {
    /// Reads both kinds at once, each on a core. Each may hold `sorter_bytes` of rows; `directory` is for the others.
    pub(crate) fn read(
        dump: &Dump,
        delimiter: u8,
        directory: &Path,
        sorter_bytes: usize,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let sorter = |name| RowSorter::new(directory, name, sorter_bytes);
        let (members, positions) = rayon::join(
            || read_members(&dump.members, delimiter, sorter("members"), progress),
            || read_positions(&dump.positions, delimiter, sorter("positions"), progress),
        );
        let (mut ids, members) = members?;
        ids.par_sort_unstable();
        ids.dedup();
        let paths = |files: &[DumpFile]| files.iter().map(|file| file.path.clone()).collect();
        let (member_files, position_files) = (paths(&dump.members), paths(&dump.positions));
        Ok(Self {
            ids,
            members,
            positions: positions?,
            member_files,
            position_files,
        })
    }
}

fn read_members(
    files: &[DumpFile],
    delimiter: u8,
    mut sorter: RowSorter,
    progress: &Progress,
) -> Result<(Vec<u64>, SortedRows), Error> {
    let mut ids = Vec::new();
    for_each_row(files, delimiter, progress, |place, fields| {
        let member = fields.member().map_err(|fault| Stop::Row(place, fault))?;
        ids.push(member.member_id);
        Ok(sorter.push(member.member_id, place, |buffer| member.encode_raw(buffer))?)
    })?;
    Ok((ids, sorter.finish()?))
}

fn read_positions(
    files: &[DumpFile],
    delimiter: u8,
    mut sorter: RowSorter,
    progress: &Progress,
) -> Result<SortedRows, Error> {
    for_each_row(files, delimiter, progress, |place, fields| {
        let (member, position) = fields.position().map_err(|fault| Stop::Row(place, fault))?;
        Ok(sorter.push(member, place, |buffer| position.encode_raw(buffer))?)
    })?;
    sorter.finish()
}

/// Stops at the first bad row.
fn for_each_row(
    files: &[DumpFile],
    delimiter: u8,
    progress: &Progress,
    mut take: impl FnMut(Place, PersonFields<'_>) -> Result<(), Stop>,
) -> Result<(), Error> {
    let mut read = || {
        for (index, file) in files.iter().enumerate() {
            read_file(index as u32, file, delimiter, progress, &mut take)?;
        }
        Ok(())
    };
    read().map_err(|stop: Stop| {
        let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
        stop.into_error(&paths)
    })
}

fn read_file(
    index: u32,
    file: &DumpFile,
    delimiter: u8,
    progress: &Progress,
    take: &mut impl FnMut(Place, PersonFields<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut rows = CsvRows::new(file.rows()?, file.rows_begin, delimiter);
    let (mut width, mut reported) = (file.width, 0);
    loop {
        let (offset, record) = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(CsvStop::Row(offset, fault)) => {
                return Err(Stop::Row(
                    Place {
                        file: index,
                        offset,
                    },
                    fault,
                ));
            }
            Err(CsvStop::Io(source)) => {
                return Err(Stop::Other(Error::file("read", &file.path)(source)));
            }
        };
        let place = Place {
            file: index,
            offset,
        };
        let expected = *width.get_or_insert(record.len());
        if record.len() != expected {
            return Err(Stop::Row(
                place,
                RowFault::FieldCount {
                    found: record.len(),
                    expected,
                },
            ));
        }
        take(
            place,
            PersonFields {
                record,
                layout: &file.layout,
            },
        )?;
        if offset - reported > 1 << 20 {
            progress.advance(offset - reported);
            reported = offset;
        }
    }
    progress.advance(file.bytes.saturating_sub(reported));
    Ok(())
}
