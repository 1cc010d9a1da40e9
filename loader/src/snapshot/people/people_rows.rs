//! Reads the rows of members and positions, and sorts them by member. Both are joined to profiles
//! while these are written.

use std::path::{Path, PathBuf};

use csv::ByteRecord;
use prost::Message as _;

use crate::{
    job::{error::Error, options::Dump, progress::Progress},
    snapshot::{
        memory::Memory,
        people::person_fields::PersonFields,
        rejects::Rejects,
        rows::{
            dump_file::DumpFile,
            place::{Place, Stop},
            row_fault::RowFault,
        },
        sort::sorted_rows::{RowSorter, SortedRows},
    },
};

/// The sorted members and positions of a dump.
#[derive(Debug)]
pub(crate) struct People {
    /// The member ids, ascending, each once.
    pub(crate) ids: Vec<u64>,
    pub(crate) members: SortedRows,
    pub(crate) positions: SortedRows,
    pub(crate) member_files: Vec<PathBuf>,
    pub(crate) position_files: Vec<PathBuf>,
}

impl People {
    /// Reads both kinds of files at the same time, each on a core. Each kind may hold
    /// `sorter_bytes` of rows; the others go to `directory`. Fails when there are more members than
    /// `memory` has room for.
    pub(crate) fn read(
        dump: &Dump,
        rejects: &Rejects,
        directory: &Path,
        sorter_bytes: usize,
        memory: &Memory,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let sorter = |name| RowSorter::new(directory, name, sorter_bytes);
        let (members, positions) = rayon::join(
            || read_members(&dump.members, rejects, sorter("members"), memory, progress),
            || read_positions(&dump.positions, rejects, sorter("positions"), progress),
        );
        let (ids, members) = members?;
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
    rejects: &Rejects,
    mut sorter: RowSorter,
    memory: &Memory,
    progress: &Progress,
) -> Result<(Vec<u64>, SortedRows), Error> {
    for_each_row(
        files,
        rejects,
        progress,
        |fields| fields.member(),
        |place, member| sorter.push(member.member_id, place, |buffer| member.encode_raw(buffer)),
    )?;
    let rows = sorter.finish()?;
    Ok((distinct_ids(&rows, memory)?, rows))
}

/// Returns the members of the rows, ascending, each once. Fails with `TooLittleMemory` when there
/// are more than the memory has room for.
///
/// The sorted rows are read again for this. So the memory taken grows with the members, not with
/// the rows.
fn distinct_ids(rows: &SortedRows, memory: &Memory) -> Result<Vec<u64>, Error> {
    let members_max = memory.members_max();
    let mut reader = rows.reader()?;
    let (mut ids, mut count, mut last) = (Vec::new(), 0, None);
    while let Some(row) = reader.next()? {
        if last.replace(row.member) != Some(row.member) {
            count += 1;
            if count <= members_max {
                ids.push(row.member);
            }
        }
    }
    memory.check_members(count)?;
    Ok(ids)
}

fn read_positions(
    files: &[DumpFile],
    rejects: &Rejects,
    mut sorter: RowSorter,
    progress: &Progress,
) -> Result<SortedRows, Error> {
    for_each_row(
        files,
        rejects,
        progress,
        |fields| fields.position(),
        |place, (member, position)| {
            sorter.push(member, place, |buffer| position.encode_raw(buffer))
        },
    )?;
    sorter.finish()
}

/// Parses all rows. Stops at the first bad row, unless bad rows are skipped.
fn for_each_row<T>(
    files: &[DumpFile],
    rejects: &Rejects,
    progress: &Progress,
    parse: impl Fn(&PersonFields<'_>) -> Result<T, RowFault>,
    mut take: impl FnMut(Place, T) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut read = || {
        for (index, file) in files.iter().enumerate() {
            let mut rows = file.rows(progress)?;
            let mut width = file.width;
            while let Some(row) = rows.next().map_err(Error::file("read", &file.path))? {
                let parsed = row.and_then(|record| {
                    let layout = &file.layout;
                    check_width(record, &mut width)?;
                    parse(&PersonFields::new(record, layout)?)
                });
                let place = Place {
                    file: index as u32,
                    offset: rows.offset(),
                };
                match parsed {
                    Ok(parsed) => take(place, parsed)?,
                    Err(fault) => rejects.take(file.kind, place, fault)?,
                }
            }
        }
        Ok(())
    };
    read().map_err(|stop: Stop| {
        let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
        stop.into_error(&paths)
    })
}

/// Checks that a row has as many fields as the file's header or, without one, the file's first row.
fn check_width(record: &ByteRecord, width: &mut Option<usize>) -> Result<(), RowFault> {
    let (found, expected) = (record.len(), *width.get_or_insert(record.len()));
    match found == expected {
        true => Ok(()),
        false => Err(RowFault::FieldCount { found, expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::memory::MemoryLimit;

    fn rows(members: impl Iterator<Item = u64>) -> SortedRows {
        let directory = tempfile::tempdir().unwrap();
        let mut sorter = RowSorter::new(directory.path(), "rows", usize::MAX);
        for (offset, member) in (0..).zip(members) {
            let place = Place { file: 0, offset };
            sorter.push(member, place, |_| {}).unwrap();
        }
        sorter.finish().unwrap()
    }

    #[test]
    fn ids_are_held_by_member_not_by_row() {
        let memory = Memory::new(MemoryLimit::least());
        let ids = distinct_ids(&rows((0..1_000_000).map(|row| row % 3 + 7)), &memory).unwrap();
        assert_eq!(ids, [7, 8, 9]);
        assert!(ids.capacity() < 10);

        let members = memory.members_max();
        let ids = distinct_ids(&rows(1..members + 1), &memory).unwrap();
        assert_eq!(ids.len() as u64, members);
        let Err(Error::TooLittleMemory { members: found, .. }) =
            distinct_ids(&rows(1..members + 9), &memory)
        else {
            panic!("{members} are the most");
        };
        assert_eq!(found, members + 8);
    }
}
