//! The core database as of the first point of a new slot.

use std::{pin::pin, time::Duration};

use pgwire_replication::{Lsn, QueryRow, ReplicationClient};

use crate::{
    bootstrap::{
        error::BootstrapError,
        open_transaction::OpenTransaction,
        snapshot_session::{NO_TIMEOUTS, SnapshotSession},
    },
    catalogue::Catalogue,
    check::{Severity, check},
    connect::{ConnectError, Database, Session, names::source_id, slot_name},
    mapping::{Mapping, TableKind, TableMap},
    state::{State, TablesState},
};

/// The time after which the transactions that a new slot waits for are reported.
const FIRST_REPORT: Duration = Duration::from_secs(1);
/// The time between two further reports.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// The first version whose slots can be synchronised to standbys.
const FAILOVER_VERSION: i32 = 17_00_00;

/// Lets the database notice that the client of a command that waits is gone. Systems that cannot
/// notice it reject the setting.
const NOTICE_LOST_CLIENT: &str = "SET client_connection_check_interval = '1s'";

/// The names of what a capture reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotNames {
    /// The permanent slot.
    pub slot: String,
    /// The publication, which must exist.
    pub publication: String,
    /// Whether the permanent slot may exist, unless a capture reads it. If false, it must not.
    pub may_exist: bool,
    /// Whether pairs that several rows state are counted first, and refused. It sorts the tables of
    /// connections. If false, the caller refuses them.
    pub counts_pairs: bool,
}

/// A core database as of one point, from which a temporary slot keeps its changes. When it is
/// dropped, the temporary slot ends.
pub struct SourceSnapshot {
    database: Database,
    /// The session that holds the temporary slot. Its next command ends the exported snapshot.
    replication: ReplicationClient,
    session: Session,
    temporary: String,
    slot: String,
    exported: String,
    source_id: String,
    point: Lsn,
    timeline: u32,
    publication: String,
    has_failover: bool,
}

impl SourceSnapshot {
    /// Checks the database, and creates the temporary slot. While this waits for open transactions,
    /// they are passed to `report` from time to time.
    ///
    /// # Errors
    /// If the database cannot be reached or lacks what the mapping needs, the permanent slot
    /// exists, the publication does not, or the database does not create the slot.
    pub async fn begin(
        database: Database,
        mapping: &Mapping,
        names: &SlotNames,
        mut report: impl FnMut(&[OpenTransaction]),
    ) -> Result<Self, BootstrapError> {
        let SlotNames {
            slot, publication, ..
        } = names;
        slot_name(slot).map_err(BootstrapError::SlotName)?;
        let session = database.connect().await?;
        check_names(&session, names).await?;
        check_lacks(&database, &session, mapping, names).await?;
        // It waits until the site is built.
        session.client().batch_execute(NO_TIMEOUTS).await?;
        let setting = "SELECT current_setting('server_version_num')::int4";
        let version: i32 = session.client().query_one(setting, &[]).await?.try_get(0)?;

        let config = database.replication(slot, publication, Lsn::ZERO);
        let failed = |action: &'static str| BootstrapError::replication(action);
        let mut replication = ReplicationClient::connect_gated(config)
            .await
            .map_err(failed("begin a session"))?;
        let system = replication
            .identify_system()
            .await
            .map_err(failed("identify the database"))?;
        replication
            .simple_query(NO_TIMEOUTS)
            .await
            .map_err(failed("set timeouts"))?;
        // Without it, a killed bootstrap's session ends when the transactions have ended.
        let _ = replication.simple_query(NOTICE_LOST_CLIENT).await;
        let rows = replication
            .simple_query("SELECT pg_catalog.pg_backend_pid()")
            .await;
        let rows = rows.map_err(failed("find the session's process"))?;
        let pid = text(&rows, 0)
            .and_then(|text| text.parse::<i32>().ok())
            .unwrap_or_default();

        let temporary = format!("cloud_bootstrap_{pid}");
        let rows = {
            let command = format!(
                "CREATE_REPLICATION_SLOT {temporary} TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT"
            );
            let mut created = pin!(replication.simple_query(&command));
            let mut wait = FIRST_REPORT;
            loop {
                tokio::select! {
                    rows = &mut created => break rows,
                    () = tokio::time::sleep(wait) => {
                        report(&OpenTransaction::blocking(&session, pid).await?);
                        wait = REPORT_EVERY;
                    }
                }
            }
        };
        let rows = rows.map_err(failed("create a temporary slot"))?;
        let point = text(&rows, 1).and_then(|text| Lsn::parse(&text).ok());
        let (Some(point), Some(exported)) = (point, text(&rows, 2)) else {
            return Err(BootstrapError::Protocol {
                what: "no point and snapshot",
                table: "CREATE_REPLICATION_SLOT".to_owned(),
            });
        };
        Ok(Self {
            source_id: source_id(&system.system_id, database.name()),
            slot: slot.clone(),
            has_failover: version >= FAILOVER_VERSION,
            database,
            replication,
            session,
            temporary,
            exported,
            point,
            timeline: system.timeline,
            publication: publication.clone(),
        })
    }

    /// Returns the id of the source: the system's and the database's name.
    #[must_use]
    pub fn source_id(&self) -> &str {
        &self.source_id
    }

    /// Returns the name of the permanent slot.
    #[must_use]
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// Returns the point of the snapshot: transactions whose commit ends at or before it are in
    /// the snapshot, later ones come from the slot.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.point.as_u64()
    }

    /// Returns the point as PostgreSQL writes it.
    #[must_use]
    pub fn lsn(&self) -> String {
        self.point.to_string()
    }

    /// Begins a session that sees the snapshot.
    ///
    /// # Errors
    /// If the database does not accept it.
    pub async fn session(&self) -> Result<SnapshotSession, BootstrapError> {
        SnapshotSession::begin(&self.database, &self.exported).await
    }

    /// Returns what capture compares with later. `planned` is the session that planned the parts,
    /// which keeps the tables as they are.
    ///
    /// # Errors
    /// If the catalogue cannot be read.
    pub async fn state(
        &self,
        planned: &SnapshotSession,
        mapping: &Mapping,
    ) -> Result<State, BootstrapError> {
        Ok(State {
            mapping_digest: mapping.digest.clone(),
            source_id: self.source_id.clone(),
            timeline: self.timeline,
            tables: TablesState::read(planned.session(), mapping, &self.publication).await?,
            unfinished_copy: None,
        })
    }

    /// Drops the slot that is replaced, if there is one. Until the new one is made, no capture goes
    /// on.
    ///
    /// # Errors
    /// If a capture reads it, or the database does not drop it.
    pub async fn drop_replaced_slot(&self) -> Result<(), BootstrapError> {
        let drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
                    WHERE slot_name = $1::text";
        self.session.client().execute(drop, &[&self.slot]).await?;
        Ok(())
    }

    /// Makes the permanent slot, which holds all changes from the snapshot on. From 17 on it can be
    /// synchronised to standbys.
    ///
    /// # Errors
    /// If the database does not make it. There is none then.
    pub async fn keep_slot(mut self) -> Result<(), BootstrapError> {
        let copy = "SELECT pg_copy_logical_replication_slot($1::text::name, $2::text::name, false)";
        let client = self.session.client();
        client.execute(copy, &[&self.temporary, &self.slot]).await?;
        if !self.has_failover {
            return Ok(());
        }
        let command = format!("ALTER_REPLICATION_SLOT {} (FAILOVER true)", self.slot);
        let Err(error) = self.replication.simple_query(&command).await else {
            return Ok(());
        };
        let drop = "SELECT pg_drop_replication_slot($1::text::name)";
        client.execute(drop, &[&self.slot]).await?;
        let action = format!("let the slot {} be synchronised to standbys", self.slot);
        Err(BootstrapError::replication(action)(error))
    }
}

async fn check_names(session: &Session, names: &SlotNames) -> Result<(), BootstrapError> {
    let slot = &names.slot;
    if let Some(existing) = ExistingSlot::read(session, slot).await? {
        let slot = slot.clone();
        match existing.reader {
            _ if !existing.is_ours => return Err(BootstrapError::SlotOfOther(slot)),
            _ if !names.may_exist => return Err(BootstrapError::SlotExists(slot)),
            Some(pid) => return Err(BootstrapError::SlotInUse { slot, pid }),
            None => {}
        }
    }
    let publication = "SELECT FROM pg_publication WHERE pubname = $1::text";
    let rows = session
        .client()
        .query(publication, &[&names.publication])
        .await?;
    if rows.is_empty() {
        return Err(BootstrapError::NoPublication(names.publication.clone()));
    }
    Ok(())
}

/// Checks that the changes of every mapped table will be complete.
async fn check_lacks(
    database: &Database,
    session: &Session,
    mapping: &Mapping,
    names: &SlotNames,
) -> Result<(), BootstrapError> {
    let is_connection = |map: &TableMap| matches!(map.kind, TableKind::Connection(_));
    let counts = |map: &TableMap| names.counts_pairs || !is_connection(map);
    let (publication, mapped) = (&names.publication, Some(mapping));
    let catalogue =
        Catalogue::read_counting(database, session, publication, mapped, counts).await?;
    let findings = check(mapping, &catalogue).into_iter();
    let mut refusals = findings.filter(|finding| finding.severity == Severity::Refused);
    match refusals.next() {
        None => Ok(()),
        Some(first) => Err(BootstrapError::Lacks {
            first: format!("{}: {}", first.place, first.what),
            more: refusals.count(),
        }),
    }
}

/// Returns whether the database has a slot of this name from which a capture can read.
///
/// # Errors
/// If the database cannot be reached.
pub async fn slot_exists(database: &Database, slot: &str) -> Result<bool, ConnectError> {
    let session = database.connect().await?;
    let existing = ExistingSlot::read(&session, slot).await?;
    Ok(existing.is_some_and(|existing| existing.is_ours))
}

/// A slot of the whole server: names are unique across its databases.
struct ExistingSlot {
    /// Whether it is of this database, and a capture can read from it.
    is_ours: bool,
    /// The server's process that sends its changes, if one does.
    reader: Option<i32>,
}

impl ExistingSlot {
    async fn read(session: &Session, slot: &str) -> Result<Option<Self>, ConnectError> {
        let query = "
            SELECT coalesce(database = current_database() AND plugin = 'pgoutput', false),
                   active_pid
            FROM pg_replication_slots WHERE slot_name = $1::text";
        let Some(row) = session.client().query_opt(query, &[&slot]).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            is_ours: row.try_get(0)?,
            reader: row.try_get(1)?,
        }))
    }
}

/// Returns a column of the only row, as text.
fn text(rows: &[QueryRow], column: usize) -> Option<String> {
    let value = rows.first()?.get(column)?.as_ref()?;
    Some(String::from_utf8_lossy(value).into_owned())
}
