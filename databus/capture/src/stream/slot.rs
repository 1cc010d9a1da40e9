//! The replication slot, and whether the log goes on where it stands.

use pgwire_replication::Lsn;

use crate::{
    connect::Session,
    stream::{
        ended::Ended,
        error::{CaptureError, SourceGap},
        options::CaptureOptions,
    },
};

/// A replication slot, as the database describes it.
pub(super) struct Slot {
    exists: bool,
    /// The position that was confirmed.
    confirmed: Option<u64>,
    pub(super) wal_status: String,
    /// The bytes that may still be written before the slot may lose its log; `None`: no limit.
    pub(super) safe_wal_bytes: Option<i64>,
    /// The position at which the database's log goes on. If its last record ended at the end of a
    /// page, this is behind the header of the next page: no record ends there.
    pub(super) database: u64,
}

impl Slot {
    pub(super) async fn read(session: &Session, slot: &str) -> Result<Self, Ended> {
        let query = "
            SELECT s.slot_name IS NOT NULL, s.confirmed_flush_lsn::text, s.wal_status,
                   s.safe_wal_size, pg_current_wal_insert_lsn()::text
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
    pub(super) fn check(
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
