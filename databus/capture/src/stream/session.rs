//! One session with the database: from the checks at its begin to the error that ends it.

use std::{convert::Infallible, time::Duration};

use pgwire_replication::{Lsn, ReplicationClient};
use tokio::time::timeout;

use crate::{
    connect::{Session, names},
    state::{State, TablesState},
    stream::{
        ended::{Ended, of_log},
        error::{CaptureError, SourceGap},
        first_copy::first_copy,
        options::CaptureOptions,
        slot::Slot,
        streaming::{Lasting, NO_ANSWER, Streaming},
        tables::check_tables,
        timeline,
        window_writer::WindowWriter,
    },
};

/// The interval of statements to the database of what is durable.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// The events that the database may send before they are read here.
const EVENTS_MAX: usize = 4096;
/// The time by which the database and the log must answer before a copy, and again before the
/// stream.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A database and the log, which were connected to.
struct Connected {
    session: Session,
    source_id: String,
    writer: WindowWriter,
    /// The last offset of the database in the log.
    last: Option<u64>,
}

/// Streams changes until an error ends the session.
pub(super) async fn run(lasting: &mut Lasting<'_>) -> Result<Infallible, Ended> {
    lasting.dead_letters.begin_attempt();
    let mut connected = in_time(connect(lasting.options)).await?;
    let last = match connected.last {
        Some(last) => last,
        None if lasting.options.copies_first => {
            first_copy(lasting, &mut connected.writer, &connected.source_id).await?
        }
        None => {
            let source_id = connected.source_id;
            return Err(CaptureError::SourceGap(SourceGap::NoOffset { source_id }).into());
        }
    };
    let mut streaming = in_time(begin(lasting, connected, last)).await?;
    streaming.run(lasting).await
}

/// Bounds a step of the begin: a network that is cut ends no connection by itself.
async fn in_time<T>(step: impl Future<Output = Result<T, Ended>>) -> Result<T, Ended> {
    let answered = timeout(BEGIN_TIMEOUT, step).await;
    answered.map_err(|_| Ended::Transient(NO_ANSWER.to_owned()))?
}

async fn connect(options: &CaptureOptions) -> Result<Connected, Ended> {
    let session = options.database.connect().await?;
    let source_id = source_id(&session, options.database.name()).await?;
    let connected = WindowWriter::connect(&options.log, &source_id).await;
    let (writer, last) = connected.map_err(|error| of_log(options, error))?;
    Ok(Connected {
        session,
        source_id,
        writer,
        last,
    })
}

/// Checks that the slot and the tables go on where the log ends, and starts the stream.
async fn begin<'a>(
    lasting: &Lasting<'a>,
    connected: Connected,
    last: u64,
) -> Result<Streaming<'a>, Ended> {
    let options = lasting.options;
    let Connected {
        session,
        source_id,
        writer,
        ..
    } = connected;
    let slot = Slot::read(&session, &options.slot).await?;
    slot.check(options, &source_id, last)?;

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
    let slot = Slot::read(&session, &options.slot).await?;
    slot.check(options, &source_id, last)?;
    tracing::info!(source_id, from = %Lsn::from_u64(last), "streaming");
    lasting.progress.update(|figures| {
        figures.is_streaming = true;
        figures.reason = None;
        figures.durable = last;
        figures.read = last;
    });
    Ok(Streaming::new(
        options, session, stream, writer, state, last,
    ))
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
        unfinished_copy: None,
    };
    let before = lasting.folder.read().map_err(CaptureError::State)?;
    if before.is_none() && !options.begins_state {
        return Err(CaptureError::NoState(options.state.clone()).into());
    }
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
        check_tables(&before.tables, &now.tables, mapping, publication)?;
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
    Ok(names::source_id(row.try_get(0)?, database))
}
