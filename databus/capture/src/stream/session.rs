//! One session with the database: from the checks at its begin to the error that ends it.

use std::{convert::Infallible, time::Duration};

use pgwire_replication::{Lsn, ReplicationClient};

use crate::{
    connect::{Session, names},
    state::{State, TablesState},
    stream::{
        ended::{Ended, of_log},
        error::{CaptureError, SourceGap},
        first_copy::first_copy,
        slot::Slot,
        streaming::{Lasting, Streaming},
        tables::check_tables,
        timeline,
        window_writer::WindowWriter,
    },
};

/// The interval of statements to the database of what is durable.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// The events that the database may send before they are read here.
const EVENTS_MAX: usize = 4096;
/// Streams changes until an error ends the session.
pub(super) async fn run(lasting: &mut Lasting<'_>) -> Result<Infallible, Ended> {
    let options = lasting.options;
    let session = options.database.connect().await?;
    let source_id = source_id(&session, options.database.name()).await?;
    let (mut writer, last) = WindowWriter::connect(&options.log, &source_id)
        .await
        .map_err(|error| of_log(options, error))?;
    let gap = |gap| Ended::Permanent(CaptureError::SourceGap(gap));
    let last = match last {
        Some(last) => last,
        None if options.copies_first => first_copy(lasting, &mut writer, &source_id).await?,
        None => return Err(gap(SourceGap::NoOffset { source_id })),
    };
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
    Streaming::new(options, session, stream, writer, state, last)
        .run(lasting)
        .await
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
    if before.is_none() {
        tracing::warn!(
            folder = %options.state.display(),
            "there is no state of a bootstrap: whether mapping and tables changed since is not known"
        );
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
