//! Reads the rows of members and positions, and sorts them by member. Both are joined to profiles
//! while these are written.

use std::path::{Path, PathBuf};

use csv::ByteRecord;
use prost::Message as _;

use crate::{
    job::{error::Error, options::Dump, progress::Progress},
    snapshot::{
        database::core_database::CoreDatabase,
        memory::Memory,
        people::person_fields::PersonFields,
        rejects::Rejects,
        rows::{
            dump_file::DumpFile,
            place::{Place, Stop},
            row_fault::RowFault,
        },
        sort::sorted_rows::{Row, RowSorter, SortedRows},
    },
};

/// The sorted members and positions of a site.
pub(crate) struct People<'d> {
    /// The member ids, ascending, each once.
    pub(crate) ids: Vec<u64>,
    pub(crate) members: SortedRows,
    pub(crate) positions: SortedRows,
    pub(crate) origin: Origin<'d>,
}

/// Where rows come from, which decides how they are joined to profiles.
pub(crate) enum Origin<'d> {
    /// The files of a dump. A row is a member or a position.
    Files(PeopleFilePaths),
    /// A core database. A row holds some fields of a member or a position.
    Database(&'d CoreDatabase),
}

/// The files of members and those of positions.
#[derive(Debug)]
pub(crate) struct PeopleFilePaths {
    pub(crate) members: Vec<PathBuf>,
    pub(crate) positions: Vec<PathBuf>,
}

impl People<'static> {
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
        Ok(Self {
            ids,
            members,
            positions: positions?,
            origin: Origin::Files(PeopleFilePaths {
                members: paths(&dump.members),
                positions: paths(&dump.positions),
            }),
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
    Ok((distinct_ids(&rows, memory, |_| true)?, rows))
}

/// Returns the members of the rows that count, ascending, each once. Fails with `TooLittleMemory`
/// when there are more than the memory has room for.
///
/// The sorted rows are read again for this. So the memory taken grows with the members, not with
/// the rows.
pub(crate) fn distinct_ids(
    rows: &SortedRows,
    memory: &Memory,
    counts: impl Fn(&Row) -> bool,
) -> Result<Vec<u64>, Error> {
    let members_max = memory.members_max();
    let mut reader = rows.reader()?;
    let (mut ids, mut count, mut last) = (Vec::new(), 0, None);
    while let Some(row) = reader.next()? {
        if counts(&row) && last.replace(row.member) != Some(row.member) {
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
        let repeated = rows((0..1_000_000).map(|row| row % 3 + 7));
        let ids = distinct_ids(&repeated, &memory, |_| true).unwrap();
        assert_eq!(ids, [7, 8, 9]);
        assert!(ids.capacity() < 10);

        let members = memory.members_max();
        let ids = distinct_ids(&rows(1..members + 1), &memory, |_| true).unwrap();
        assert_eq!(ids.len() as u64, members);
        let Err(Error::TooLittleMemory { members: found, .. }) =
            distinct_ids(&rows(1..members + 9), &memory, |_| true)
        else {
            panic!("{members} are the most");
        };
        assert_eq!(found, members + 8);
    }
}
