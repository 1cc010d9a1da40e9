//! The stream of a session: its transactions become windows, which the log takes.

use std::{
    collections::VecDeque,
    convert::Infallible,
    time::{Duration, Instant},
};

use cloud_client::Window;
use cloud_proto::databus::v1::Change;
use pgwire_replication::{Lsn, ReplicationClient, client::ReplicationEvent};
use prost_types::Timestamp;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{
    connect::Session,
    rows::RefusedRow,
    state::{State, StateFolder, TablesState},
    stream::{
        dead_letters::DeadLetters,
        ended::{Ended, of_log},
        error::CaptureError,
        options::CaptureOptions,
        pgoutput,
        progress::Progress,
        relations::Relations,
        returning::rows_of,
        slot::Slot,
        tables::check_tables,
        transaction::Transaction,
        window_writer::WindowWriter,
    },
};

/// The interval of checks of the catalogue.
const TABLES_INTERVAL: Duration = Duration::from_secs(1);
/// The interval in which the database's own position is compared with the one that was read.
const TICK: Duration = Duration::from_millis(100);
/// The time by which the database and the log must answer a check.
const TICK_TIMEOUT: Duration = Duration::from_secs(30);
/// The reason if they do not.
pub(super) const NO_ANSWER: &str = "the database or the log did not answer in 30 s";
/// The least time between two messages that are written to the database's log to learn its
/// position.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(200);
/// The longest header of a page of the database's log.
const PAGE_HEADER_MAX: u64 = 40;
/// The size of such a page is a multiple of this.
const PAGE_UNIT: u64 = 1024;
/// The members that return within a transaction whose rows are read together.
const RETURNING_MAX: usize = 1_000;
/// The prefix of those messages.
const MESSAGE_PREFIX: &str = "cloud-capture";
/// The seconds from 1970 to 2000, from which PostgreSQL counts.
const SECONDS_TO_2000: i64 = 946_684_800;

/// The parts of capture that outlive a session.
pub(super) struct Lasting<'a> {
    pub(super) options: &'a CaptureOptions,
    pub(super) folder: &'a StateFolder,
    pub(super) dead_letters: &'a mut DeadLetters,
    pub(super) progress: &'a Progress,
}

impl Lasting<'_> {
    /// Sets a row aside that was read at a position of the database's log.
    pub(super) fn set_aside(&mut self, row: &RefusedRow, lsn: &str) -> Result<(), CaptureError> {
        self.dead_letters.push(row, lsn)?;
        let (count, max) = (self.dead_letters.count(), self.options.dead_letters_max);
        // Rows that are read again do not count again.
        self.progress
            .update(|figures| figures.dead_letters = figures.dead_letters.max(count));
        if count > max {
            return Err(CaptureError::TooManyDeadLetters {
                count,
                max,
                file: self.dead_letters.path().display().to_string(),
            });
        }
        Ok(())
    }
}

/// The stream of a session.
pub(super) struct Streaming<'a> {
    options: &'a CaptureOptions,
    session: Session,
    stream: ReplicationClient,
    writer: WindowWriter,
    /// The state that is recorded.
    state: State,
    relations: Relations<'a>,
    /// The transaction whose commit did not arrive yet.
    transaction: Option<Transaction>,
    /// The keys of members that return in it, and whose rows are not read yet.
    returning: Vec<String>,
    /// The position up to which every transaction was read.
    read: u64,
    /// The offset of the last window that was sent.
    sent: u64,
    /// The offset of the last window that is durable in the log.
    durable: u64,
    /// The windows that are not durable yet, and the rows that were set aside before each.
    set_aside: VecDeque<(u64, u64)>,
    /// When the last window was sent.
    positioned: Instant,
    /// When the catalogue was last read.
    checked: Instant,
    /// The end of the database's log when it was last read.
    database: u64,
    /// An end of the database's log, and when it was that.
    mark: (u64, Instant),
    /// When the database last sent anything that moved `read`.
    moved: Instant,
    /// When a message was last written to the database's log, and its end after that.
    message: Option<(Instant, u64)>,
}

impl<'a> Streaming<'a> {
    /// Returns the stream of a session whose slot is held, from the last offset in the log on.
    pub(super) fn new(
        options: &'a CaptureOptions,
        session: Session,
        stream: ReplicationClient,
        writer: WindowWriter,
        state: State,
        last: u64,
    ) -> Self {
        let now = Instant::now();
        Self {
            options,
            session,
            stream,
            writer,
            state,
            relations: Relations::new(&options.mapping),
            transaction: None,
            returning: Vec::new(),
            read: last,
            sent: last,
            durable: last,
            set_aside: VecDeque::new(),
            positioned: now,
            checked: now,
            database: last,
            mark: (last, now),
            moved: now,
            message: None,
        }
    }

    /// Streams changes until an error ends the session.
    pub(super) async fn run(&mut self, lasting: &mut Lasting<'_>) -> Result<Infallible, Ended> {
        let mut tick = interval(TICK.min(self.options.position_every.now()));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.stream.recv() => {
                    let Some(event) = event? else {
                        return Err(Ended::Transient("the database ended the stream".to_owned()));
                    };
                    self.take(event, lasting).await?;
                }
                offset = self.writer.acknowledged(), if self.writer.is_open() => {
                    let offset = offset.map_err(|error| of_log(self.options, error))?;
                    self.acknowledge(offset.unwrap_or_default(), lasting);
                }
                _ = tick.tick() => {
                    // A network that is cut ends no connection by itself.
                    let done = timeout(TICK_TIMEOUT, self.tick(lasting)).await;
                    done.map_err(|_| Ended::Transient(NO_ANSWER.to_owned()))??;
                }
            }
        }
    }

    async fn take(
        &mut self,
        event: ReplicationEvent,
        lasting: &mut Lasting<'_>,
    ) -> Result<(), Ended> {
        match event {
            ReplicationEvent::Begin { .. } => self.transaction = Some(Transaction::default()),
            ReplicationEvent::XLogData {
                wal_start, data, ..
            } => self.row(&data, wal_start, lasting).await?,
            ReplicationEvent::Commit {
                end_lsn,
                commit_time_micros,
                ..
            } => {
                self.state_returning(&end_lsn.to_string(), lasting).await?;
                let transaction = self.transaction.take().unwrap_or_default();
                self.commit(transaction, end_lsn.as_u64(), commit_time_micros, lasting)
                    .await?;
            }
            ReplicationEvent::KeepAlive { wal_end, .. } => self.read_up_to(wal_end),
            ReplicationEvent::Message {
                transactional: false,
                lsn,
                ..
            } => self.read_up_to(lsn),
            ReplicationEvent::Message { .. } | ReplicationEvent::StoppedAt { .. } => {}
        }
        Ok(())
    }

    /// Records that everything up to a position was read. Within a transaction, its begin is not
    /// passed.
    fn read_up_to(&mut self, position: Lsn) {
        if self.transaction.is_none() && position.as_u64() > self.read {
            self.read = position.as_u64();
            self.moved = Instant::now();
        }
    }

    async fn row(&mut self, data: &[u8], lsn: Lsn, lasting: &mut Lasting<'_>) -> Result<(), Ended> {
        let protocol = |error: pgoutput::Malformed| CaptureError::Protocol(error.to_string());
        let made = self
            .relations
            .take(pgoutput::read(data).map_err(protocol)?)?;
        if made.has_described_again {
            self.check_tables(lasting).await?;
        }
        for row in &made.refused {
            lasting.set_aside(row, &lsn.to_string())?;
        }
        if let Some(transaction) = &mut self.transaction {
            made.changes
                .iter()
                .for_each(|change| transaction.push(change));
        }
        self.returning.extend(made.returning);
        if self.returning.len() >= RETURNING_MAX {
            self.state_returning(&lsn.to_string(), lasting).await?;
        }
        let Some(transaction) = &mut self.transaction else {
            return Ok(());
        };
        if transaction.is_full() {
            if !std::mem::replace(&mut transaction.is_split, true) {
                lasting
                    .progress
                    .update(|figures| figures.split_transactions += 1);
                tracing::info!(%lsn, "a transaction becomes several windows");
            }
            let changes = transaction.take();
            // No offset: after a restart, the whole transaction is sent again.
            self.send(0, None, changes, lasting).await?;
        }
        Ok(())
    }

    /// Adds to the transaction what the other rows of returning members state.
    async fn state_returning(&mut self, lsn: &str, lasting: &mut Lasting<'_>) -> Result<(), Ended> {
        if self.returning.is_empty() {
            return Ok(());
        }
        let keys = std::mem::take(&mut self.returning);
        let read = rows_of(&self.session, &self.options.mapping, &keys);
        let read = timeout(TICK_TIMEOUT, read).await;
        let read = read.map_err(|_| Ended::Transient(NO_ANSWER.to_owned()))??;
        for row in &read.refused {
            lasting.set_aside(row, lsn)?;
        }
        if let Some(transaction) = &mut self.transaction {
            read.changes
                .iter()
                .for_each(|change| transaction.push(change));
        }
        Ok(())
    }

    async fn commit(
        &mut self,
        mut transaction: Transaction,
        end: u64,
        time_micros: i64,
        lasting: &mut Lasting<'_>,
    ) -> Result<(), Ended> {
        self.read_up_to(Lsn::from_u64(end));
        if transaction.is_empty() && !transaction.is_split {
            return Ok(());
        }
        let time = Timestamp {
            seconds: SECONDS_TO_2000 + time_micros.div_euclid(1_000_000),
            nanos: i32::try_from(time_micros.rem_euclid(1_000_000)).unwrap_or_default() * 1000,
        };
        lasting.progress.update(|figures| figures.windows += 1);
        self.send(end, Some(time), transaction.take(), lasting)
            .await
    }

    /// Sends a window. Rows that were set aside before it are durable then.
    async fn send(
        &mut self,
        offset: u64,
        commit_time: Option<Timestamp>,
        changes: impl IntoIterator<Item = Change>,
        lasting: &mut Lasting<'_>,
    ) -> Result<(), Ended> {
        lasting.dead_letters.sync().map_err(CaptureError::from)?;
        let window = Window {
            source_id: self.state.source_id.clone(),
            source_offset: offset,
            commit_time,
            changes: Vec::new(),
        };
        let sent = self.writer.send(window, changes).await;
        sent.map_err(|error| of_log(self.options, error))?;
        if offset > 0 {
            let count = lasting.dead_letters.count();
            self.set_aside.push_back((offset, count));
        }
        self.sent = self.sent.max(offset);
        self.positioned = Instant::now();
        Ok(())
    }

    fn acknowledge(&mut self, offset: u64, lasting: &mut Lasting<'_>) {
        if offset > self.durable {
            self.durable = offset;
            self.stream.update_applied_lsn(Lsn::from_u64(offset));
        }
        while let Some((_, count)) = self.set_aside.pop_front_if(|(sent, _)| *sent <= offset) {
            lasting.dead_letters.confirm(count);
        }
    }

    /// States the position, if it moved; learns the database's own; checks the catalogue.
    async fn tick(&mut self, lasting: &mut Lasting<'_>) -> Result<(), Ended> {
        let is_between = self.transaction.is_none();
        if is_between
            && self.read > self.sent
            && self.positioned.elapsed() >= self.options.position_every.now()
        {
            lasting
                .progress
                .update(|figures| figures.empty_windows += 1);
            self.send(self.read, None, [], lasting).await?;
        }
        let slot = Slot::read(&self.session, &self.options.slot).await?;
        self.database = slot.database;
        if is_between && self.read < self.database {
            self.write_message().await?;
        }
        if self.checked.elapsed() >= TABLES_INTERVAL {
            self.check_tables(lasting).await?;
        }
        let mut caught_up = None;
        if self.durable >= self.sent && self.read >= self.mark.0 {
            caught_up = Some(self.mark.1);
            self.mark = (self.database, Instant::now());
        }
        lasting.progress.update(|figures| {
            figures.read = self.read;
            figures.durable = self.durable;
            figures.database = slot.database;
            figures.wal_status = slot.wal_status;
            figures.safe_wal_bytes = slot.safe_wal_bytes;
            figures.caught_up = caught_up.or(figures.caught_up);
            for (table, rows) in self.relations.take_rows_read() {
                *figures.rows.entry(table.to_string()).or_default() += rows;
            }
        });
        Ok(())
    }

    /// Writes a message into the database's log, if the log moved and nothing came of it: rows of
    /// tables that are not published, or of another database.
    async fn write_message(&mut self) -> Result<(), Ended> {
        let is_known = self.message.is_some_and(|(at, end)| {
            let is_last = end == self.database && !is_behind_page_header(end);
            is_last || at.elapsed() < MESSAGE_INTERVAL
        });
        if is_known || self.moved.elapsed() < MESSAGE_INTERVAL {
            return Ok(());
        }
        let query = "SELECT pg_logical_emit_message(false, $1, '')::text, \
                     pg_current_wal_insert_lsn()::text";
        let row = self
            .session
            .client()
            .query_one(query, &[&MESSAGE_PREFIX])
            .await?;
        let end = Lsn::parse(&row.try_get::<_, String>(1)?).map(Lsn::as_u64);
        self.message = Some((Instant::now(), end.unwrap_or_default()));
        Ok(())
    }

    async fn check_tables(&mut self, lasting: &Lasting<'_>) -> Result<(), Ended> {
        let (mapping, publication) = (&self.options.mapping, &self.options.publication);
        let read = TablesState::read(&self.session, mapping, publication);
        let read = timeout(TICK_TIMEOUT, read).await;
        let now = read.map_err(|_| Ended::Transient(NO_ANSWER.to_owned()))??;
        check_tables(&self.state.tables, &now, mapping, publication)?;
        if self.state.tables != now {
            self.state.tables = now;
            let written = lasting.folder.write(&self.state);
            written.map_err(CaptureError::State)?;
        }
        self.checked = Instant::now();
        Ok(())
    }
}

/// Returns whether the database's log may go on behind the header of a page: no record ends there,
/// so that reading the log to its end does not reach it.
fn is_behind_page_header(position: u64) -> bool {
    position % PAGE_UNIT <= PAGE_HEADER_MAX
}
