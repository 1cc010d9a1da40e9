//! Sorts the rows of members or positions by member, in any number and from any order. Rows that do
//! not fit the memory are written to sorted files, which are merged while they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read};
use std::mem;
use std::path::{Path, PathBuf};

use crate::{job::error::Error, snapshot::rows::place::Place};

/// A row: its member, its place in the dump, and an encoded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) member: u64,
    pub(crate) place: Place,
    pub(crate) message: Vec<u8>,
}

/// Takes rows in any order.
#[derive(Debug)]
pub(crate) struct RowSorter {
    directory: PathBuf,
    name: &'static str,
    memory_bytes: usize,
    run: Run,
    spilled: Vec<PathBuf>,
    /// The number of files created so far.
    paths: usize,
}

/// Rows in memory, with their messages concatenated.
#[derive(Debug, Default)]
struct Run {
    entries: Vec<Entry>,
    messages: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    member: u64,
    place: Place,
    start: usize,
    length: u32,
}

/// The bytes before each spilled message: member 8, file 4, offset 8, length of the message 4.
const SPILLED_HEADER_BYTES: usize = 24;
/// The number of spilled runs at which they are merged into one.
const RUNS_MAX: usize = 64;
const RUN_BUFFER_BYTES: usize = 1 << 16;

impl RowSorter {
    /// Makes a sorter that spills to files `<name>-<number>` in `directory` above `memory_bytes`.
    pub(crate) fn new(directory: &Path, name: &'static str, memory_bytes: usize) -> Self {
        Self {
            directory: directory.to_owned(),
            name,
            memory_bytes,
            run: Run::default(),
            spilled: Vec::new(),
            paths: 0,
        }
    }

    /// Adds a row. `encode` appends its message to the given buffer.
    pub(crate) fn push(
        &mut self,
        member: u64,
        place: Place,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Error> {
        let run = &mut self.run;
        let start = run.messages.len();
        encode(&mut run.messages);
        // A message is about as long as its row, which is at most 1 MiB.
        let length = (run.messages.len() - start) as u32;
        run.entries.push(Entry {
            member,
            place,
            start,
            length,
        });
        if run.bytes() > self.memory_bytes {
            self.spill()?;
        }
        Ok(())
    }

    /// Returns all rows, sorted.
    pub(crate) fn finish(mut self) -> Result<SortedRows, Error> {
        self.run.sort();
        self.run.messages.shrink_to_fit();
        self.run.entries.shrink_to_fit();
        Ok(SortedRows {
            run: self.run,
            spilled: self.spilled,
        })
    }

    fn spill(&mut self) -> Result<(), Error> {
        let path = self.new_path();
        let mut run = mem::take(&mut self.run);
        run.sort();
        run.write(&path).map_err(Error::file("write", &path))?;
        self.spilled.push(path);
        if self.spilled.len() < RUNS_MAX {
            return Ok(());
        }
        drop(run);
        self.merge()
    }

    /// Merges all spilled runs into one. This bounds the open files, each with a buffer, of a later
    /// merge.
    fn merge(&mut self) -> Result<(), Error> {
        let path = self.new_path();
        let runs = SortedRows {
            run: Run::default(),
            spilled: mem::take(&mut self.spilled),
        };
        let mut reader = runs.reader()?;
        let write = Error::file("write", &path);
        let mut merge = || {
            let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
            while let Some(row) = reader.next().map_err(io::Error::other)? {
                write_row(&mut file, row.member, row.place, &row.message)?;
            }
            file.into_inner()?;
            Ok(())
        };
        merge().map_err(write)?;
        for path in &runs.spilled {
            fs::remove_file(path).map_err(Error::file("remove", path))?;
        }
        self.spilled.push(path);
        Ok(())
    }

    fn new_path(&mut self) -> PathBuf {
        self.paths += 1;
        self.directory.join(format!("{}-{}", self.name, self.paths))
    }
}

fn write_row(
    file: &mut impl io::Write,
    member: u64,
    place: Place,
    message: &[u8],
) -> io::Result<()> {
    file.write_all(&member.to_le_bytes())?;
    file.write_all(&place.file.to_le_bytes())?;
    file.write_all(&place.offset.to_le_bytes())?;
    file.write_all(&(message.len() as u32).to_le_bytes())?;
    file.write_all(message)
}

impl Run {
    fn bytes(&self) -> usize {
        self.messages.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn sort(&mut self) {
        self.entries
            .sort_unstable_by_key(|entry| (entry.member, entry.place));
    }

    fn message(&self, entry: &Entry) -> &[u8] {
        self.messages
            .get(entry.start..entry.start + entry.length as usize)
            .unwrap_or_default()
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        for entry in &self.entries {
            write_row(&mut file, entry.member, entry.place, self.message(entry))?;
        }
        file.into_inner()?;
        Ok(())
    }
}

/// Rows that can be read in order, more than once.
#[derive(Debug)]
pub(crate) struct SortedRows {
    run: Run,
    spilled: Vec<PathBuf>,
}

impl SortedRows {
    /// Returns the bytes taken in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.run.bytes() as u64
    }

    /// Returns a reader that begins at the first row.
    pub(crate) fn reader(&self) -> Result<SortedRowsReader<'_>, Error> {
        let mut reader = SortedRowsReader {
            sources: Vec::new(),
            next: BinaryHeap::new(),
        };
        for path in &self.spilled {
            let file = File::open(path).map_err(Error::file("open", path))?;
            reader.add(Source::File {
                path,
                input: BufReader::with_capacity(RUN_BUFFER_BYTES, file),
            })?;
        }
        reader.add(Source::Memory {
            run: &self.run,
            index: 0,
        })?;
        Ok(reader)
    }
}

/// Merges the runs.
pub(crate) struct SortedRowsReader<'a> {
    sources: Vec<(Source<'a>, Option<Row>)>,
    /// The next row of each source.
    next: BinaryHeap<Reverse<(u64, Place, usize)>>,
}

enum Source<'a> {
    Memory {
        run: &'a Run,
        index: usize,
    },
    File {
        path: &'a Path,
        input: BufReader<File>,
    },
}

impl<'a> SortedRowsReader<'a> {
    /// Returns the member of the next row.
    pub(crate) fn member(&self) -> Option<u64> {
        self.next.peek().map(|Reverse((member, _, _))| *member)
    }

    /// Returns the next row, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Row>, Error> {
        let Some(Reverse((_, _, index))) = self.next.pop() else {
            return Ok(None);
        };
        let Some((source, slot)) = self.sources.get_mut(index) else {
            return Ok(None);
        };
        let following = source.read()?;
        if let Some(row) = &following {
            self.next.push(Reverse((row.member, row.place, index)));
        }
        Ok(mem::replace(slot, following))
    }

    /// Returns the next row if it is one of this member.
    pub(crate) fn next_of(&mut self, member: u64) -> Result<Option<Row>, Error> {
        if self.member() == Some(member) {
            self.next()
        } else {
            Ok(None)
        }
    }

    fn add(&mut self, mut source: Source<'a>) -> Result<(), Error> {
        let row = source.read()?;
        if let Some(row) = &row {
            self.next
                .push(Reverse((row.member, row.place, self.sources.len())));
        }
        self.sources.push((source, row));
        Ok(())
    }
}

impl Source<'_> {
    fn read(&mut self) -> Result<Option<Row>, Error> {
        match self {
            Self::Memory { run, index } => {
                let entry = run.entries.get(*index);
                *index += 1;
                Ok(entry.map(|entry| Row {
                    member: entry.member,
                    place: entry.place,
                    message: run.message(entry).to_vec(),
                }))
            }
            Self::File { path, input } => read_spilled(input).map_err(Error::file("read", *path)),
        }
    }
}

fn read_spilled(input: &mut impl Read) -> io::Result<Option<Row>> {
    let mut member = [0; 8];
    match input.read_exact(&mut member) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let mut rest = [0; SPILLED_HEADER_BYTES - 8];
    input.read_exact(&mut rest)?;
    let [f0, f1, f2, f3, offset @ .., l0, l1, l2, l3] = rest;
    let place = Place {
        file: u32::from_le_bytes([f0, f1, f2, f3]),
        offset: u64::from_le_bytes(offset),
    };
    let mut message = vec![0; u32::from_le_bytes([l0, l1, l2, l3]) as usize];
    input.read_exact(&mut message)?;
    Ok(Some(Row {
        member: u64::from_le_bytes(member),
        place,
        message,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_sorted_whatever_the_memory(
            rows in prop::collection::vec(
                (1u64..20, 0u32..3, any::<u64>(), prop::collection::vec(any::<u8>(), 0..20)),
                0..100,
            ),
            memory_bytes in prop::sample::select(vec![0usize, 200, 1000, 1 << 20]),
        ) {
            let directory = tempfile::tempdir().unwrap();
            let mut sorter = RowSorter::new(directory.path(), "rows", memory_bytes);
            let mut expected = Vec::new();
            for (member, file, offset, message) in rows {
                let place = Place { file, offset };
                sorter.push(member, place, |buffer| buffer.extend(&message)).unwrap();
                expected.push(Row { member, place, message });
            }
            expected.sort_by_key(|row| (row.member, row.place));
            let sorted = sorter.finish().unwrap();
            for _ in 0..2 {
                let mut reader = sorted.reader().unwrap();
                for row in &expected {
                    prop_assert_eq!(reader.member(), Some(row.member));
                    prop_assert_eq!(reader.next_of(row.member + 1).unwrap(), None);
                    let found = reader.next().unwrap();
                    prop_assert_eq!(found.as_ref(), Some(row));
                }
                prop_assert_eq!(reader.next().unwrap(), None);
            }
        }
    }
}
