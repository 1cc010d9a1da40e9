//! A core database as the input of a build: one snapshot, read by several sessions.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloud_capture::{
    BootstrapError, Database, Mapping, SlotNames, SnapshotSession, SourceSnapshot, State,
    StateFolder, TableName,
    bootstrap::TablePart,
    mapping::{TableKind, TableMap},
    rows::RefusedRow,
};
use cloud_model::{Scn, SourceMark};
use cloud_profile::time_from_proto;
use cloud_proto::databus::v1::{Change, ConnectionAdded, change::Event};
use cloud_terminal::note;
use tokio::runtime::{self, Runtime};

use crate::{
    job::{
        error::Error,
        options::CoreDatabaseOptions,
        progress::{Progress, Unit},
    },
    snapshot::{
        database::{masks::Masks, refused_rows::RefusedRows},
        graph::connections::{ConnectionCounts, EdgeSink},
        memory::Memory,
        people::people_rows::{Origin, People, distinct_ids},
        rejects::{OnError, REJECTS_NAME},
        rows::{place::Place, plain_rows::Edge, row_fault::RowFault},
        sort::sorted_rows::RowSorter,
    },
};

/// The most sessions that read at a time, each with a core of this machine and one of the
/// database's.
const SESSIONS_MAX: usize = 4;
/// The bytes of a row of connections in the database, about. Only the number of partitions depends
/// on it.
const ROW_BYTES: u64 = 40;
/// The number of rows between two checks of a sink of connections.
const ROWS_BETWEEN_OUTCOMES: u32 = 1 << 16;

/// A core database as of one point.
pub(crate) struct CoreDatabase {
    snapshot: SourceSnapshot,
    /// The sessions, one for each worker. The locks of the first one's transaction keep the tables
    /// from being rewritten.
    sessions: Vec<SnapshotSession>,
    pub(crate) mapping: Mapping,
    parts: Vec<TablePart>,
    state: State,
    state_folder: StateFolder,
    pub(crate) masks: Masks,
    pub(crate) refused: RefusedRows,
    dropped_connections: AtomicU64,
    /// Runs the connections. It is dropped last.
    runtime: Runtime,
}

impl CoreDatabase {
    /// Creates the temporary slot, and begins the sessions.
    pub(crate) fn open(
        options: &CoreDatabaseOptions,
        on_error: OnError,
        scratch: &Path,
        progress: &mut Progress,
    ) -> Result<Self, Error> {
        let mapping = Mapping::read(&options.mapping)?;
        let state_folder = StateFolder::open(&options.capture_state)?;
        let database = Database::at(&options.address).map_err(BootstrapError::from)?;
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        progress.begin("create a slot", 0, Unit::None);
        let names = SlotNames {
            slot: options.slot.clone(),
            publication: options.publication.clone(),
            may_exist: options.replaces_slot,
            // The build finds them when it sorts the connections.
            counts_pairs: false,
        };
        let begun = SourceSnapshot::begin(database, &mapping, &names, |transactions| {
            for transaction in transactions {
                progress.beside(|| note(format_args!("the new slot waits for {transaction}")));
            }
        });
        let snapshot = runtime.block_on(begun)?;
        let (sessions, parts, state) = runtime.block_on(async {
            let mut sessions = Vec::new();
            for _ in 1..rayon::current_num_threads().min(SESSIONS_MAX) {
                sessions.push(snapshot.session().await?);
            }
            let first = snapshot.session().await?;
            let parts = first.plan(&mapping).await?;
            let state = snapshot.state(&first, &mapping).await?;
            sessions.insert(0, first);
            Ok::<_, BootstrapError>((sessions, parts, state))
        })?;
        Ok(Self {
            snapshot,
            sessions,
            mapping,
            parts,
            state,
            state_folder,
            masks: Masks::default(),
            refused: RefusedRows::new(
                on_error,
                options.refused_rows_max,
                scratch.join(REJECTS_NAME),
            ),
            dropped_connections: AtomicU64::new(0),
            runtime,
        })
    }

    /// Returns the mark of the source: the snapshot's point, and the SCN of the new site.
    pub(crate) fn mark(&self, scn: Scn) -> SourceMark {
        SourceMark {
            source_id: self.snapshot.source_id().to_owned(),
            offset: self.snapshot.offset(),
            scn,
        }
    }

    /// Returns the name of the permanent slot.
    pub(crate) fn slot(&self) -> &str {
        self.snapshot.slot()
    }

    /// Returns the snapshot's point as PostgreSQL writes it.
    pub(crate) fn lsn(&self) -> String {
        self.snapshot.lsn()
    }

    /// Returns the number of connections that were dropped.
    pub(crate) fn dropped_connections(&self) -> u64 {
        self.dropped_connections.load(Ordering::Relaxed)
    }

    /// Drops the slot that is replaced, if there is one.
    pub(crate) fn drop_replaced_slot(&self) -> Result<(), Error> {
        let dropped = self.snapshot.drop_replaced_slot();
        Ok(self.runtime.block_on(dropped)?)
    }

    /// Records the state for capture, ends the sessions, and makes the permanent slot.
    pub(crate) fn keep_slot(self) -> Result<(), Error> {
        self.state_folder.write(&self.state)?;
        drop(self.sessions);
        Ok(self.runtime.block_on(self.snapshot.keep_slot())?)
    }

    /// Reads the members, their profiles and positions. Returns `None` if members have no table.
    pub(crate) fn read_people(
        &self,
        directory: &Path,
        sorter_bytes: usize,
        memory: &Memory,
        progress: &mut Progress,
    ) -> Result<Option<People<'_>>, Error> {
        if !self.mapping.has_members() {
            return Ok(None);
        }
        let is_wanted = |map: &TableMap| !is_connection(map);
        progress.begin(
            "read members and positions",
            self.bytes(is_wanted),
            Unit::Bytes,
        );
        let sorter = |name| Mutex::new(RowSorter::new(directory, name, sorter_bytes));
        let (members, positions) = (sorter("members"), sorter("positions"));
        self.for_each_change(
            is_wanted,
            progress,
            || (),
            |(), place, change| match change.event {
                Some(Event::MemberUpserted(event)) => {
                    let member = event.member.unwrap_or_default();
                    let mask = self.masks.number(event.fields);
                    lock(&members).push(member.member_id, place, |buffer| {
                        Masks::encode(mask, &member, buffer);
                    })
                }
                Some(Event::PositionUpserted(event)) => {
                    let position = event.position.unwrap_or_default();
                    let mask = self.masks.number(event.fields);
                    lock(&positions).push(event.member_id, place, |buffer| {
                        Masks::encode(mask, &position, buffer);
                    })
                }
                _ => Ok(()),
            },
        )?;
        let members = into_inner(members).finish()?;
        let ids = distinct_ids(&members, memory, |row| self.is_creating(row.place))?;
        Ok(Some(People {
            ids,
            members,
            positions: into_inner(positions).finish()?,
            origin: Origin::Database(self),
        }))
    }

    /// Returns whether the row at this place is one of the table of members, which create members.
    pub(crate) fn is_creating(&self, place: Place) -> bool {
        let map = self.mapping.tables.get(place.file as usize);
        map.is_some_and(|map| matches!(map.kind, TableKind::Member(_)))
    }

    /// Returns the table of the row at this place.
    pub(crate) fn table(&self, place: Place) -> TableName {
        let Some(map) = self.mapping.tables.get(place.file as usize) else {
            unreachable!("a place names a table of the mapping");
        };
        map.table.clone()
    }

    /// Lists a row that the site does not take, or stops the build because of it.
    pub(crate) fn refuse(
        &self,
        place: Place,
        key: String,
        reason: &impl ToString,
    ) -> Result<(), Error> {
        self.refused.take(RefusedRow {
            table: self.table(place),
            key,
            reason: reason.to_string(),
        })
    }

    /// Returns the bytes of the tables of connections.
    pub(crate) fn connection_bytes(&self) -> u64 {
        self.bytes(is_connection)
    }

    /// Returns the number of rows of connections, about.
    pub(crate) fn connection_rows(&self) -> u64 {
        self.connection_bytes() / ROW_BYTES
    }

    /// Returns whether a table of connections has times.
    pub(crate) fn is_timed(&self) -> bool {
        let mut tables = self.mapping.tables.iter();
        tables.any(
            |map| matches!(&map.kind, TableKind::Connection(map) if map.connected_at.is_some()),
        )
    }

    /// Reads the connections, with one sink per worker. Those whose ends are not members are
    /// dropped.
    pub(crate) fn read_connections<S: EdgeSink>(
        &self,
        progress: &Progress,
        new_sink: impl Fn() -> S + Sync,
    ) -> Result<(Vec<S>, ConnectionCounts), Error> {
        struct Worker<S> {
            sink: S,
            counts: ConnectionCounts,
            rows: u32,
        }
        let new_worker = || Worker {
            sink: new_sink(),
            counts: ConnectionCounts::default(),
            rows: 0,
        };
        let take = |worker: &mut Worker<S>, place: Place, change: Change| {
            let Some(Event::ConnectionAdded(connection)) = change.event else {
                return Ok(());
            };
            let edge = edge(&connection);
            worker.counts.rows += 1;
            worker.counts.times.count(edge.time);
            worker.rows = (worker.rows + 1) % ROWS_BETWEEN_OUTCOMES;
            if worker.rows == 0 {
                worker.sink.outcome()?;
            }
            match worker.sink.edge(edge) {
                Ok(()) => {}
                Err(RowFault::UnknownMember { .. }) => {
                    self.dropped_connections.fetch_add(1, Ordering::Relaxed);
                }
                Err(fault) => {
                    let key = format!("{},{}", edge.member, edge.other);
                    self.refuse(place, key, &fault)?;
                }
            }
            Ok(())
        };
        let workers = self.for_each_change(is_connection, progress, new_worker, take)?;
        let (mut sinks, mut counts) = (Vec::new(), ConnectionCounts::default());
        for mut worker in workers {
            worker.sink.outcome()?;
            counts.rows += worker.counts.rows;
            counts.times.add(worker.counts.times);
            sinks.push(worker.sink);
        }
        Ok((sinks, counts))
    }

    fn bytes(&self, is_wanted: impl Fn(&TableMap) -> bool) -> u64 {
        let parts = self.parts_of(&is_wanted);
        parts.iter().map(|part| part.bytes).sum()
    }

    fn parts_of(&self, is_wanted: impl Fn(&TableMap) -> bool) -> Vec<&TablePart> {
        let wanted = |part: &&TablePart| part.map_in(&self.mapping).is_some_and(&is_wanted);
        self.parts.iter().filter(wanted).collect()
    }

    /// Passes the change of each row of the wanted tables to `take`, with the row's place: the
    /// place of its table in the mapping, and the row's place in the table.
    fn for_each_change<S: Send>(
        &self,
        is_wanted: impl Fn(&TableMap) -> bool,
        progress: &Progress,
        new_state: impl Fn() -> S + Sync,
        take: impl Fn(&mut S, Place, Change) -> Result<(), Error> + Sync,
    ) -> Result<Vec<S>, Error> {
        let parts = self.parts_of(is_wanted);
        let (next, has_stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let read = |session: &SnapshotSession, state: &mut S| {
            while !has_stopped.load(Ordering::Relaxed)
                && let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let outcome = session.read(&self.mapping, part, |number, stated| {
                    let place = Place {
                        file: part.map as u32,
                        offset: u64::from(part.number) << 32 | u64::from(number),
                    };
                    match stated {
                        Ok(change) => take(state, place, change),
                        Err(row) => self.refused.take(row),
                    }
                });
                self.runtime.block_on(outcome)?;
                progress.advance(part.bytes);
            }
            Ok(())
        };
        let outcomes = rayon::broadcast(|worker| {
            let session = self.sessions.get(worker.index())?;
            let mut state = new_state();
            let outcome = read(session, &mut state);
            if outcome.is_err() {
                has_stopped.store(true, Ordering::Relaxed);
            }
            Some(outcome.map(|()| state))
        });
        outcomes.into_iter().flatten().collect()
    }
}

fn is_connection(map: &TableMap) -> bool {
    matches!(map.kind, TableKind::Connection(_))
}

fn edge(connection: &ConnectionAdded) -> Edge {
    let time = connection.connected_at.as_ref().map(time_from_proto);
    Edge {
        member: connection.member_id,
        other: connection.other_id,
        time: time.unwrap_or_default().millis(),
    }
}

fn lock(sorter: &Mutex<RowSorter>) -> MutexGuard<'_, RowSorter> {
    sorter.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner(sorter: Mutex<RowSorter>) -> RowSorter {
    sorter.into_inner().unwrap_or_else(PoisonError::into_inner)
}
