//! The first copy: the rows of a database that the log does not know yet, as windows.
//!
//! The slot is made first. Then the rows are read as of its point, and sent as changes, members
//! first. Only the last window has an offset, which is the slot's point. A copy that does not end
//! is made again with later rows, and the slot stays: what was deleted since the first attempt
//! comes from the stream, which goes on from the slot's point.

use std::time::Duration;

use pgwire_replication::Lsn;
use prost_types::Timestamp;
use tokio::time::timeout;

use crate::{
    bootstrap::{BootstrapError, SlotNames, SourceSnapshot},
    rows::RefusedRow,
    stream::{
        ended::{Ended, of_log},
        error::{CaptureError, SourceGap},
        streaming::{Lasting, NO_ANSWER},
        transaction::Transaction,
        window_writer::WindowWriter,
    },
};
use cloud_client::Window;
use cloud_proto::databus::v1::Change;

/// The time by which a part of a table must have been read and sent.
const PART_TIMEOUT: Duration = Duration::from_secs(600);

/// Makes the slot, and copies the rows of the mapped tables into the log. Returns the offset of the
/// last window, from which the slot goes on.
pub(super) async fn first_copy(
    lasting: &mut Lasting<'_>,
    writer: &mut WindowWriter,
    source_id: &str,
) -> Result<u64, Ended> {
    let options = lasting.options;
    let mapping = &options.mapping;
    let unfinished = unfinished_copy(lasting, source_id)?;
    let names = SlotNames {
        slot: options.slot.clone(),
        publication: options.publication.clone(),
        may_exist: unfinished.is_some(),
        counts_pairs: true,
    };
    let snapshot = SourceSnapshot::begin(options.database.clone(), mapping, &names, |blocking| {
        for transaction in blocking {
            tracing::warn!("the new slot waits for {transaction}");
        }
    });
    let snapshot = snapshot.await?;
    let session = snapshot.session().await?;
    let parts = session.plan(mapping).await?;
    let mut state = snapshot.state(&session, mapping).await?;
    let (read_at, lsn) = (snapshot.offset(), snapshot.lsn());
    let point = match unfinished {
        Some(point) => point,
        None => {
            snapshot.keep_slot().await?;
            state.unfinished_copy = Some(read_at);
            lasting.folder.write(&state).map_err(CaptureError::State)?;
            read_at
        }
    };
    tracing::info!(
        source_id,
        lsn,
        "the log does not know this database: copying its rows"
    );
    lasting.progress.update(|figures| {
        figures.reason = Some("the rows of the database are being copied".to_owned());
    });
    let mut rows = Transaction::default();
    let mut copied = 0_u64;
    for part in &parts {
        let mut refused = Vec::new();
        let take = |_, row: Result<Change, RefusedRow>| {
            match row {
                Ok(change) => {
                    rows.push(&change);
                    copied += 1;
                }
                Err(row) => refused.push(row),
            }
            Ok::<_, BootstrapError>(())
        };
        let read = timeout(PART_TIMEOUT, session.read(mapping, part, take)).await;
        read.map_err(|_| Ended::Transient(NO_ANSWER.to_owned()))??;
        for row in &refused {
            lasting.set_aside(row, &lsn)?;
        }
        if rows.is_full() {
            send(lasting, writer, source_id, 0, &mut rows).await?;
        }
    }
    send(lasting, writer, source_id, point, &mut rows).await?;
    lasting.dead_letters.confirm(lasting.dead_letters.count());
    state.unfinished_copy = None;
    lasting.folder.write(&state).map_err(CaptureError::State)?;
    tracing::info!(source_id, rows = copied, at = %Lsn::from_u64(point), "copied");
    Ok(point)
}

/// Returns the slot's point of a copy that did not end; `None` before the first one.
fn unfinished_copy(lasting: &Lasting<'_>, source_id: &str) -> Result<Option<u64>, CaptureError> {
    let Some(before) = lasting.folder.read()? else {
        return Ok(None);
    };
    // The rows of another database, or by another mapping, would stay.
    if before.source_id != source_id {
        return Err(SourceGap::OtherSource {
            before: before.source_id,
            now: source_id.to_owned(),
        }
        .into());
    }
    let mapping = &lasting.options.mapping;
    match before.mapping_digest == mapping.digest {
        true => Ok(before.unfinished_copy),
        false => Err(CaptureError::OtherMapping {
            expected: before.mapping_digest,
            found: mapping.digest.clone(),
        }),
    }
}

/// Sends the rows as a window, and waits until it is durable.
async fn send(
    lasting: &mut Lasting<'_>,
    writer: &mut WindowWriter,
    source_id: &str,
    offset: u64,
    rows: &mut Transaction,
) -> Result<(), Ended> {
    lasting.dead_letters.sync().map_err(CaptureError::from)?;
    let window = Window {
        source_id: source_id.to_owned(),
        source_offset: offset,
        commit_time: None::<Timestamp>,
        changes: Vec::new(),
    };
    let failed = |error| of_log(lasting.options, error);
    writer.send(window, rows.take()).await.map_err(failed)?;
    while writer.is_in_flight() {
        writer.acknowledged().await.map_err(failed)?;
    }
    Ok(())
}
