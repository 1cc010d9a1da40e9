//! Reads the connections of a dump on all cores.
//!
//! Each worker takes a block of lines, parses it and passes the connections to a sink of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::{
    job::{
        error::Error,
        options::Dump,
        progress::Progress,
        summary::{DroppedMembers, KnownTimes},
    },
    snapshot::{
        database::core_database::CoreDatabase,
        graph::member_table::MemberTable,
        rejects::Rejects,
        rows::{
            block_reader::{BlockReader, Taken},
            column_map::DumpKind,
            dump_file::DumpFile,
            input::Input,
            place::{Place, Stop},
            plain_rows::{Edge, EdgeColumns},
            row_fault::RowFault,
        },
        sort::{
            half_edge::HalfEdge,
            partitions::Scatter,
            raw_edges::{RawBlocks, RawEdges},
        },
    },
};

/// The length in bytes of the shortest usual rows of a dump: two ids of six digits. Only the number
/// of partitions depends on it.
const ROW_BYTES: u64 = 14;

/// Where the connections of a build come from.
#[derive(Clone, Copy)]
pub(crate) enum ConnectionSource<'a> {
    /// The files of a dump, and the list of their bad rows.
    Dump(&'a Dump, &'a Rejects),
    /// A core database.
    Database(&'a CoreDatabase),
}

impl ConnectionSource<'_> {
    /// Returns the bytes that are read.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Dump(dump, _) => dump.connection_bytes(),
            Self::Database(database) => database.connection_bytes(),
        }
    }

    /// Returns the number of rows, about.
    pub(crate) fn rows(self) -> u64 {
        match self {
            Self::Dump(dump, _) => dump.connection_bytes() / ROW_BYTES,
            Self::Database(database) => database.connection_rows(),
        }
    }

    /// Returns whether connections have times.
    pub(crate) fn is_timed(self) -> bool {
        match self {
            Self::Dump(dump, _) => {
                let mut files = dump.connections.iter();
                files.any(|file| file.edge_columns().timed())
            }
            Self::Database(database) => database.is_timed(),
        }
    }

    /// Reads all connections, with one sink per worker.
    pub(crate) fn read<S: EdgeSink>(
        self,
        progress: &Progress,
        new_sink: impl Fn() -> S + Sync,
    ) -> Result<(Vec<S>, ConnectionCounts), Error> {
        match self {
            Self::Dump(dump, rejects) => {
                read_connections(&dump.connections, rejects, progress, new_sink)
            }
            Self::Database(database) => database.read_connections(progress, new_sink),
        }
    }
}

/// Takes the connections of one worker. No member id is 0, and no member is connected with itself.
pub(crate) trait EdgeSink: Send {
    fn edge(&mut self, edge: Edge) -> Result<(), RowFault>;

    /// Takes a connection of a member with itself, which is dropped.
    fn with_itself(&mut self, member: u64) -> Result<(), RowFault>;

    /// Returns the error that keeping connections failed with, if any. Called after each block, and
    /// every [`ROWS_BETWEEN_OUTCOMES`] rows of a stream.
    fn outcome(&mut self) -> Result<(), Error>;
}

/// Keeps connections by member id until the set of all members is known.
#[derive(Debug)]
pub(crate) struct ById<'a, const TIMED: bool> {
    blocks: &'a RawBlocks<'a>,
    open: RawEdges,
    /// The lowest and the highest id.
    ends: Option<(u64, u64)>,
    with_themselves: LoneMembers,
    failed: Option<Error>,
}

impl<const TIMED: bool> EdgeSink for ById<'_, TIMED> {
    #[inline]
    fn edge(&mut self, edge: Edge) -> Result<(), RowFault> {
        if self.open.len() >= self.blocks.block_length() && self.failed.is_none() {
            self.failed = self.hand_over().err();
        }
        self.open.push::<TIMED>(edge.member, edge.other, edge.time);
        Ok(())
    }

    fn with_itself(&mut self, member: u64) -> Result<(), RowFault> {
        self.with_themselves.add(member);
        Ok(())
    }

    fn outcome(&mut self) -> Result<(), Error> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl<'a, const TIMED: bool> ById<'a, TIMED> {
    pub(crate) fn new(blocks: &'a RawBlocks<'a>) -> Self {
        Self {
            blocks,
            open: RawEdges::default(),
            ends: None,
            with_themselves: LoneMembers::default(),
            failed: None,
        }
    }

    /// Hands over the remaining connections, and returns the lowest and the highest id of all, and
    /// the members of the connections that were dropped.
    pub(crate) fn finish(mut self) -> Result<(Option<(u64, u64)>, LoneMembers), Error> {
        self.outcome()?;
        self.hand_over()?;
        Ok((self.ends, self.with_themselves))
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        for id in self.open.ids() {
            let (low, high) = self.ends.unwrap_or((id, id));
            self.ends = Some((low.min(id), high.max(id)));
        }
        self.blocks.hand_over(&mut self.open)
    }
}

/// Partitions connections between members that are known already.
pub(crate) struct ByNode<'a, E: HalfEdge> {
    pub(crate) members: &'a MemberTable,
    pub(crate) scatter: Scatter<'a, E>,
}

impl<E: HalfEdge> EdgeSink for ByNode<'_, E> {
    fn edge(&mut self, edge: Edge) -> Result<(), RowFault> {
        let (member, other) = (self.node(edge.member)?, self.node(edge.other)?);
        self.scatter.connection(member, other, edge.time);
        Ok(())
    }

    fn with_itself(&mut self, member: u64) -> Result<(), RowFault> {
        self.node(member).map(drop)
    }

    fn outcome(&mut self) -> Result<(), Error> {
        self.scatter.outcome()
    }
}

impl<E: HalfEdge> ByNode<'_, E> {
    fn node(&self, member: u64) -> Result<u32, RowFault> {
        let node = self.members.rank(member);
        node.ok_or(RowFault::UnknownMember { member })
    }
}

/// The numbers of rows that were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ConnectionCounts {
    pub(crate) rows: u64,
    /// The connections of a member with itself, which are dropped.
    pub(crate) with_themselves: u64,
    pub(crate) times: KnownTimes,
}

/// Members of connections that were dropped, each once, up to a limit.
#[derive(Debug, Default)]
pub(crate) struct LoneMembers {
    ids: Vec<u64>,
    is_cut: bool,
}

impl LoneMembers {
    const IDS_MAX: usize = 1 << 20;

    fn add(&mut self, member: u64) {
        if self.is_cut {
            return;
        }
        self.ids.push(member);
        if self.ids.len() == Self::IDS_MAX {
            self.tidy();
            // Sorted again only after as many more.
            self.is_cut = self.ids.len() > Self::IDS_MAX / 2;
        }
    }

    /// Joins those of two workers.
    pub(crate) fn join(mut self, other: Self) -> Self {
        other.ids.into_iter().for_each(|member| self.add(member));
        self.is_cut |= other.is_cut;
        self
    }

    /// Returns the number of those that are no members, and whether there may be more.
    pub(crate) fn count_unknown(mut self, members: &MemberTable) -> DroppedMembers {
        self.tidy();
        let unknown = self.ids.iter().filter(|id| members.rank(**id).is_none());
        DroppedMembers {
            count: unknown.count() as u64,
            is_least: self.is_cut,
        }
    }

    fn tidy(&mut self) {
        self.ids.sort_unstable();
        self.ids.dedup();
    }
}

/// Reads all files, with one sink per worker.
///
/// Unless bad rows are skipped, stops at the first bad row of the first file that has one,
/// whichever worker finds it.
fn read_connections<S: EdgeSink>(
    files: &[DumpFile],
    rejects: &Rejects,
    progress: &Progress,
    new_sink: impl Fn() -> S + Sync,
) -> Result<(Vec<S>, ConnectionCounts), Error> {
    let columns: Vec<_> = files.iter().map(DumpFile::edge_columns).collect();
    let handout = Handout {
        files,
        open: Mutex::default(),
        stopped: AtomicBool::new(false),
        progress,
    };
    let outcomes = rayon::broadcast(|_| {
        let mut worker = Worker {
            sink: new_sink(),
            counts: ConnectionCounts::default(),
            rejects,
        };
        let outcome = worker.read(&handout, &columns);
        if outcome.is_err() {
            handout.stopped.store(true, Ordering::Relaxed);
        }
        (worker, outcome)
    });
    let (mut sinks, mut counts) = (Vec::new(), ConnectionCounts::default());
    let mut stop: Option<Stop> = None;
    for (worker, outcome) in outcomes {
        counts.rows += worker.counts.rows;
        counts.with_themselves += worker.counts.with_themselves;
        counts.times.add(worker.counts.times);
        sinks.push(worker.sink);
        if let Err(found) = outcome {
            stop = Some(match stop {
                Some(stop) => stop.earlier(found),
                None => found,
            });
        }
    }
    match stop {
        None => Ok((sinks, counts)),
        Some(stop) => {
            let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
            Err(stop.into_error(&paths))
        }
    }
}

/// Hands out the blocks of the files in order. When a worker finds a bad row, all earlier blocks
/// have been handed out already, and their workers parse them to the end.
struct Handout<'a> {
    files: &'a [DumpFile],
    open: Mutex<OpenFile<'a>>,
    stopped: AtomicBool,
    progress: &'a Progress,
}

#[derive(Default)]
struct OpenFile<'a> {
    file: usize,
    reader: Option<BlockReader<Input<'a>>>,
}

impl<'a> Handout<'a> {
    /// Takes the next block into `buffer`, and returns it with the index of its file.
    fn take(&self, buffer: &mut Vec<u8>) -> Result<Option<(usize, Taken<Input<'a>>)>, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(file) = self.files.get(open.file) {
            let index = open.file;
            let reader = match &mut open.reader {
                Some(reader) => reader,
                closed => {
                    let input = file.input(self.progress)?;
                    closed.insert(BlockReader::new(input, file.rows_begin, file.format))
                }
            };
            match reader
                .take(buffer)
                .map_err(Error::file("read", &file.path))?
            {
                Taken::End => {
                    *open = OpenFile {
                        file: index + 1,
                        reader: None,
                    }
                }
                taken => return Ok(Some((index, taken))),
            }
        }
        Ok(None)
    }
}

/// The number of rows of a stream between two checks of the sink. A block has a few times as many
/// rows.
const ROWS_BETWEEN_OUTCOMES: u64 = 1 << 16;

struct Worker<'a, S> {
    sink: S,
    counts: ConnectionCounts,
    rejects: &'a Rejects,
}

impl<S: EdgeSink> Worker<'_, S> {
    fn read(&mut self, handout: &Handout<'_>, columns: &[EdgeColumns]) -> Result<(), Stop> {
        let mut buffer = Vec::new();
        while !handout.stopped.load(Ordering::Relaxed) {
            let Some((index, taken)) = handout.take(&mut buffer)? else {
                break;
            };
            let (Some(file), Some(columns)) = (handout.files.get(index), columns.get(index)) else {
                break;
            };
            let place = |offset| Place {
                file: index as u32,
                offset,
            };
            match taken {
                Taken::Lines { offset } => columns.parse_lines(&buffer, |at, row| {
                    self.row(row, || place(offset + at as u64))
                })?,
                Taken::Rest { offset, rest } => {
                    let mut rows = file.rows_of(rest, offset);
                    let read = Error::file("read", &file.path);
                    while let Some(row) = rows.next().map_err(&read)? {
                        let row = row.and_then(|row| {
                            columns.parse_fields(row.len(), |column| row.get(column))
                        });
                        self.row(row, || place(rows.offset()))?;
                        if self.counts.rows.is_multiple_of(ROWS_BETWEEN_OUTCOMES) {
                            self.sink.outcome()?;
                        }
                    }
                }
                Taken::End => {}
            }
            self.sink.outcome()?;
        }
        Ok(())
    }

    #[inline]
    fn row(
        &mut self,
        row: Result<Edge, RowFault>,
        place: impl FnOnce() -> Place,
    ) -> Result<(), Stop> {
        self.counts.rows += 1;
        row.and_then(|edge| self.edge(edge))
            .or_else(|fault| self.rejects.take(DumpKind::Connections, place(), fault))
    }

    #[inline]
    fn edge(&mut self, edge: Edge) -> Result<(), RowFault> {
        self.counts.times.count(edge.time);
        if edge.member == edge.other {
            self.sink.with_itself(edge.member)?;
            self.counts.with_themselves += 1;
            return Ok(());
        }
        self.sink.edge(edge)
    }
}
