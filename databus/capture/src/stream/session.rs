//! One session with the database: from the checks at its begin to the error that ends it.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use cloud_client::{self as client, Window};
use pgwire_replication::{Lsn, PgWireError, ReplicationClient, client::ReplicationEvent};
use prost_types::Timestamp;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{
    connect::{ConnectError, Session},
    stream::{
        capture::CaptureOptions,
        dead_letters::DeadLetters,
        error::{CaptureError, SourceGap},
        pgoutput,
        progress::Progress,
        relations::Relations,
        state::{State, StateFolder},
        tables::TablesState,
        timeline,
        transaction::Transaction,
        window_writer::WindowWriter,
    },
};

/// The interval of statements to the database of what is durable.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// The interval of checks of the catalogue.
const TABLES_INTERVAL: Duration = Duration::from_secs(1);
/// The interval in which the database's own position is compared with the one that was read.
const TICK: Duration = Duration::from_millis(100);
/// The time by which the database and the log must answer a check.
const TICK_TIMEOUT: Duration = Duration::from_secs(30);
/// The reason if they do not.
const NO_ANSWER: &str = "the database or the log did not answer in 30 s";
/// The least time between two messages that are written to the database's log to learn its
/// position.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(200);
/// The prefix of those messages.
const MESSAGE_PREFIX: &str = "cloud-capture";
/// The events that the database may send before they are read here.
const EVENTS_MAX: usize = 4096;
/// The seconds from 1970 to 2000, from which PostgreSQL counts.
const SECONDS_TO_2000: i64 = 946_684_800;

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// A cause that may pass by itself.
    Transient(String),
    /// A cause that does not pass.
    Permanent(CaptureError),
}

/// The parts of capture that outlive a session.
pub(super) struct Lasting<'a> {
    pub(super) options: &'a CaptureOptions,
    pub(super) folder: &'a StateFolder,
    pub(super) dead_letters: &'a mut DeadLetters,
    pub(super) progress: &'a Progress,
}

/// Streams changes until an error ends the session.
pub(super) async fn run(lasting: &mut Lasting<'_>) -> Result<Infallible, Ended> {
    let options = lasting.options;
    let session = options.database.connect().await?;
    let source_id = source_id(&session, options.database.name()).await?;
    let (writer, last) = WindowWriter::connect(&options.log, &source_id)
        .await
        .map_err(|error| of_log(options, error))?;
    let gap = |gap| Ended::Permanent(CaptureError::SourceGap(gap));
    let last = last.ok_or_else(|| {
        gap(SourceGap::NoOffset {
            source_id: source_id.clone(),
        })
    })?;
    Slot::read(&session, &options.slot)
        .await?
        .check(options, &source_id, last)?;

    let config = options
        .database
        .replication(&options.slot, &options.publication, Lsn::from_u64(last))
        .with_status_interval(STATUS_INTERVAL)
        .with_buffer_size(EVENTS_MAX);
    let mut stream = ReplicationClient::connect_gated(config).await?;
    let state = state(lasting, &mut stream, &session, &source_id, last).await?;
    stream.start().await?;
    stream.wait_started().await?;
    // From here on no other process moves the slot.
    Slot::read(&session, &options.slot)
        .await?
        .check(options, &source_id, last)?;
    tracing::info!(source_id, from = %Lsn::from_u64(last), "streaming");
    lasting.progress.update(|figures| {
        figures.is_streaming = true;
        figures.durable = last;
        figures.read = last;
    });
    let mut streaming = Streaming {
        options,
        session,
        stream,
        writer,
        source_id,
        relations: Relations::new(&options.mapping),
        transaction: None,
        read: last,
        sent: last,
        durable: last,
        positioned: Instant::now(),
        tables: state.tables,
        checked: Instant::now(),
        database: last,
        heard: Instant::now(),
        message: None,
    };
    streaming.run(lasting).await
}

/// Checks what is recorded against the database, records what it is now, and returns it.
async fn state(
    lasting: &Lasting<'_>,
    stream: &mut ReplicationClient,
    session: &Session,
    source_id: &str,
    last: u64,
) -> Result<State, Ended> {
    let options = lasting.options;
    let identity = stream.identify_system().await?;
    let now = State {
        mapping_digest: options.mapping.digest.clone(),
        source_id: source_id.to_owned(),
        timeline: identity.timeline,
        tables: TablesState::read(session, &options.mapping, &options.publication).await?,
    };
    let before = lasting.folder.read().map_err(CaptureError::State)?;
    if let Some(before) = &before
        && before.mapping_digest != now.mapping_digest
    {
        return Err(CaptureError::OtherMapping {
            expected: before.mapping_digest.clone(),
            found: now.mapping_digest,
        }
        .into());
    }
    let mut is_on_timeline = identity.xlogpos.as_u64() >= last;
    if let Some(before) = before.filter(|before| before.source_id == now.source_id) {
        if before.timeline != now.timeline {
            let history = stream.timeline_history(now.timeline).await?;
            let history = String::from_utf8_lossy(&history.content).into_owned();
            is_on_timeline &= timeline::holds(&history, before.timeline, last);
        }
        let (mapping, publication) = (&options.mapping, &options.publication);
        now.tables
            .check_since(&before.tables, mapping, publication)?;
    }
    if !is_on_timeline {
        return Err(CaptureError::SourceGap(SourceGap::OtherTimeline {
            timeline: now.timeline,
            last: Lsn::from_u64(last).to_string(),
        })
        .into());
    }
    lasting.folder.write(&now).map_err(CaptureError::State)?;
    Ok(now)
}

/// Returns the name of the database as a source.
async fn source_id(session: &Session, database: &str) -> Result<String, Ended> {
    let query = "SELECT system_identifier::text FROM pg_control_system()";
    let row = session.client().query_one(query, &[]).await?;
    Ok(format!("pg:{}/{database}", row.try_get::<_, String>(0)?))
}

/// A replication slot, as the database describes it.
struct Slot {
    confirmed: Option<u64>,
    wal_status: String,
    safe_wal_bytes: Option<i64>,
    exists: bool,
    database: u64,
}

impl Slot {
    async fn read(session: &Session, slot: &str) -> Result<Self, Ended> {
        let query = "
            SELECT s.slot_name IS NOT NULL, s.confirmed_flush_lsn::text, s.wal_status,
                   s.safe_wal_size, pg_current_wal_lsn()::text
            FROM (SELECT 1) one
            LEFT JOIN pg_replication_slots s
                ON s.slot_name = $1 AND s.database = current_database() AND s.plugin = 'pgoutput'";
        let row = session.client().query_one(query, &[&slot]).await?;
        let lsn = |text: String| Lsn::parse(&text).map(Lsn::as_u64).ok();
        Ok(Self {
            exists: row.try_get(0)?,
            confirmed: row.try_get::<_, Option<String>>(1)?.and_then(lsn),
            wal_status: row.try_get::<_, Option<String>>(2)?.unwrap_or_default(),
            safe_wal_bytes: row.try_get(3)?,
            database: lsn(row.try_get(4)?).unwrap_or_default(),
        })
    }

    /// Checks that the slot holds every change after the log's last window.
    fn check(
        &self,
        options: &CaptureOptions,
        source_id: &str,
        last: u64,
    ) -> Result<(), CaptureError> {
        let slot = options.slot.clone();
        if !self.exists {
            return Err(SourceGap::NoSlot { slot }.into());
        }
        match self.confirmed {
            _ if self.wal_status == "lost" => Err(SourceGap::WalRemoved { slot }.into()),
            Some(confirmed) if confirmed > last => Err(SourceGap::SlotAhead {
                slot,
                source_id: source_id.to_owned(),
                confirmed: Lsn::from_u64(confirmed).to_string(),
                last: Lsn::from_u64(last).to_string(),
            }
            .into()),
            _ => Ok(()),
        }
    }
}

/// The stream of a session.
struct Streaming<'a> {
    options: &'a CaptureOptions,
    session: Session,
    stream: ReplicationClient,
    writer: WindowWriter,
    source_id: String,
    relations: Relations<'a>,
    /// The transaction whose commit did not arrive yet.
    transaction: Option<Transaction>,
    /// The position up to which every transaction was read.
    read: u64,
    /// The offset of the last window that was sent.
    sent: u64,
    /// The offset of the last window that is durable in the log.
    durable: u64,
    /// When the last window was sent.
    positioned: Instant,
    tables: TablesState,
    /// When the catalogue was last read.
    checked: Instant,
    /// The end of the database's log when it was last read.
    database: u64,
    /// When the database last sent anything that moved `read`.
    heard: Instant,
    /// When a message was last written to the database's log, and its end after that.
    message: Option<(Instant, u64)>,
}

impl Streaming<'_> {
    async fn run(&mut self, lasting: &mut Lasting<'_>) -> Result<Infallible, Ended> {
        let mut tick = interval(TICK.min(self.options.position_every));
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
                    self.acknowledge(offset.unwrap_or_default());
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
            self.heard = Instant::now();
        }
    }

    async fn row(&mut self, data: &[u8], lsn: Lsn, lasting: &mut Lasting<'_>) -> Result<(), Ended> {
        let protocol = |error: pgoutput::Malformed| CaptureError::Protocol(error.to_string());
        let made = self
            .relations
            .take(pgoutput::read(data).map_err(protocol)?)?;
        if made.has_described_again {
            self.check_tables().await?;
        }
        for row in &made.refused {
            lasting
                .dead_letters
                .push(row, &lsn.to_string())
                .map_err(CaptureError::from)?;
            let (count, max) = (lasting.dead_letters.count(), self.options.dead_letters_max);
            lasting
                .progress
                .update(|figures| figures.dead_letters = count);
            if count > max {
                return Err(CaptureError::TooManyDeadLetters {
                    count,
                    max,
                    file: lasting.dead_letters.path().display().to_string(),
                }
                .into());
            }
        }
        let Some(transaction) = &mut self.transaction else {
            return Ok(());
        };
        for change in &made.changes {
            transaction.push(change);
        }
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
        changes: impl IntoIterator<Item = cloud_proto::databus::v1::Change>,
        lasting: &mut Lasting<'_>,
    ) -> Result<(), Ended> {
        lasting.dead_letters.sync().map_err(CaptureError::from)?;
        let window = Window {
            source_id: self.source_id.clone(),
            source_offset: offset,
            commit_time,
            changes: Vec::new(),
        };
        let sent = self.writer.send(window, changes).await;
        sent.map_err(|error| of_log(self.options, error))?;
        self.sent = self.sent.max(offset);
        self.positioned = Instant::now();
        Ok(())
    }

    fn acknowledge(&mut self, offset: u64) {
        if offset > self.durable {
            self.durable = offset;
            self.stream.update_applied_lsn(Lsn::from_u64(offset));
        }
    }

    /// States the position, if it moved; learns the database's own; checks the catalogue.
    async fn tick(&mut self, lasting: &mut Lasting<'_>) -> Result<(), Ended> {
        let is_between = self.transaction.is_none();
        if is_between
            && self.read > self.sent
            && self.positioned.elapsed() >= self.options.position_every
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
            self.check_tables().await?;
        }
        lasting.progress.update(|figures| {
            figures.read = self.read;
            figures.durable = self.durable;
            figures.database = slot.database;
            figures.wal_status = slot.wal_status;
            figures.safe_wal_bytes = slot.safe_wal_bytes;
            if self.durable >= self.sent && self.read >= self.sent {
                figures.caught_up = Some(Instant::now());
            }
            for (table, rows) in self.relations.take_rows_read() {
                *figures.rows.entry(table.to_string()).or_default() += rows;
            }
        });
        Ok(())
    }

    /// Writes a message into the database's log, if the log moved and nothing came of it: rows of
    /// tables that are not published, or of another database.
    async fn write_message(&mut self) -> Result<(), Ended> {
        let is_known = self
            .message
            .is_some_and(|(at, end)| end == self.database || at.elapsed() < MESSAGE_INTERVAL);
        if is_known || self.heard.elapsed() < MESSAGE_INTERVAL {
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

    async fn check_tables(&mut self) -> Result<(), Ended> {
        let (mapping, publication) = (&self.options.mapping, &self.options.publication);
        let now = TablesState::read(&self.session, mapping, publication).await?;
        now.check_since(&self.tables, mapping, publication)?;
        self.tables = now;
        self.checked = Instant::now();
        Ok(())
    }
}

/// Returns why a session ended that the log ended.
fn of_log(options: &CaptureOptions, error: client::Error) -> Ended {
    match error {
        client::Error::Refused(_) | client::Error::Address { .. } => {
            Ended::Permanent(CaptureError::Log {
                address: options.log.clone(),
                error,
            })
        }
        error => Ended::Transient(format!("the log: {error}")),
    }
}

impl From<CaptureError> for Ended {
    fn from(error: CaptureError) -> Self {
        Self::Permanent(error)
    }
}

impl From<ConnectError> for Ended {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused { .. } | ConnectError::Query(_) => {
                Self::Transient(error.to_string())
            }
            error => Self::Permanent(CaptureError::Connect(error)),
        }
    }
}

impl From<tokio_postgres::Error> for Ended {
    fn from(error: tokio_postgres::Error) -> Self {
        ConnectError::from(error).into()
    }
}

impl From<PgWireError> for Ended {
    fn from(error: PgWireError) -> Self {
        Self::Transient(error.to_string())
    }
}
