//! The first copy: the rows of a database that the log does not know yet, as windows.
//!
//! The rows are read as of the point of a new slot, and sent as changes, members first. Only the
//! last window has an offset, which is that point. So a copy that does not end is made again, and
//! changes nothing that it stated before.

use pgwire_replication::Lsn;
use prost_types::Timestamp;

use crate::{
    bootstrap::{BootstrapError, SlotNames, SourceSnapshot},
    rows::RefusedRow,
    stream::{
        ended::{Ended, of_log},
        error::CaptureError,
        streaming::Lasting,
        transaction::Transaction,
        window_writer::WindowWriter,
    },
};
use cloud_client::Window;
use cloud_proto::databus::v1::Change;

/// Copies the rows of the mapped tables into the log, and makes the slot. Returns the offset of the
/// last window, from which the slot goes on.
pub(super) async fn first_copy(
    lasting: &mut Lasting<'_>,
    writer: &mut WindowWriter,
    source_id: &str,
) -> Result<u64, Ended> {
    let options = lasting.options;
    let mapping = &options.mapping;
    let names = SlotNames {
        slot: options.slot.clone(),
        publication: options.publication.clone(),
        replaces_slot: false,
    };
    let snapshot = SourceSnapshot::begin(options.database.clone(), mapping, &names, |blocking| {
        for transaction in blocking {
            tracing::warn!("the new slot waits for {transaction}");
        }
    });
    let snapshot = snapshot.await?;
    let (point, lsn) = (snapshot.offset(), snapshot.lsn());
    tracing::info!(
        source_id,
        lsn,
        "the log does not know this database: copying its rows"
    );
    let session = snapshot.session().await?;
    let parts = session.plan(mapping).await?;
    let state = snapshot.state(&session, mapping).await?;
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
        session.read(mapping, part, take).await?;
        for row in &refused {
            lasting.set_aside(row, &lsn)?;
        }
        if rows.is_full() {
            send(lasting, writer, source_id, 0, &mut rows).await?;
        }
    }
    lasting.folder.write(&state).map_err(CaptureError::State)?;
    drop(session);
    snapshot.keep_slot().await?;
    send(lasting, writer, source_id, point, &mut rows).await?;
    while writer.is_in_flight() {
        let acknowledged = writer.acknowledged().await;
        acknowledged.map_err(|error| of_log(options, error))?;
    }
    tracing::info!(source_id, rows = copied, at = %Lsn::from_u64(point), "copied");
    Ok(point)
}

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
    let sent = writer.send(window, rows.take()).await;
    sent.map_err(|error| of_log(lasting.options, error))
}
