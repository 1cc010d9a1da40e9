//! The server of the core database, and the user that capture is.

use std::path::Path;

use crate::connect::{ConnectError, Database, Session};

/// The settings and the free places of a server, and what the session's user may do.
#[derive(Clone, Debug)]
pub struct Server {
    /// The number of the version, such as 150014 for 15.14.
    pub version: i32,
    /// The value of `wal_level`.
    pub wal_level: String,
    /// Whether this is a standby.
    pub is_standby: bool,
    /// The encoding of the database.
    pub encoding: String,
    /// The user.
    pub user: String,
    /// The database.
    pub database: String,
    /// Whether the user may stream changes.
    pub may_replicate: bool,
    /// Whether the user may create a publication in this database.
    pub may_create: bool,
    /// The replication slots that are not in use, of `max_replication_slots`.
    pub free_slots: i64,
    /// The senders that are not in use, of `max_wal_senders`.
    pub free_senders: i64,
    /// The value of `max_slot_wal_keep_size`; `-1` is no limit.
    pub slot_keep_size: String,
    /// The bytes of WAL that the server wrote in a second, on average since its statistics were
    /// reset.
    pub wal_bytes_per_second: f64,
    /// The free bytes of the disk of the WAL. `None` if the server is on another machine, or the
    /// user may not see the folder.
    pub free_bytes: Option<u64>,
    /// The slots.
    pub slots: Vec<Slot>,
    /// The standbys that must have received a change before it is streamed: the value of
    /// `synchronized_standby_slots`. `None` before version 17.
    pub synchronized_standbys: Option<String>,
    /// The value of `sync_replication_slots`. `None` before version 17.
    pub synchronises_slots: Option<String>,
    /// The value of `idle_replication_slot_timeout`. `None` before version 18.
    pub idle_slot_timeout: Option<String>,
    /// Whether the server kept the settings with which the session began. A pooler loses them.
    pub keeps_settings: bool,
    /// The port at which the server itself accepted the session; `None` if it is a socket.
    pub own_port: Option<i32>,
    /// The port of the address.
    pub address_port: u16,
}

/// A replication slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The name.
    pub name: String,
    /// Whether it is of a standby. Else it is of a reader of changes.
    pub is_physical: bool,
    /// The database, if it is of a reader of changes.
    pub database: Option<String>,
    /// How many transactions ago its catalogue begins; `None` if it has none.
    pub catalogue_age: Option<i32>,
}

const QUERY: &str = "
    SELECT current_setting('server_version_num')::int AS version,
        current_setting('wal_level') AS wal_level,
        pg_is_in_recovery() AS is_standby,
        current_setting('server_encoding') AS encoding,
        current_user::text AS \"user\",
        current_database()::text AS database,
        r.rolsuper OR r.rolreplication OR EXISTS (SELECT FROM pg_roles m
            WHERE m.rolname = 'rds_replication' AND pg_has_role(r.oid, m.oid, 'MEMBER'))
            AS may_replicate,
        has_database_privilege(current_database(), 'CREATE') AS may_create,
        current_setting('max_replication_slots')::int8
            - (SELECT count(*) FROM pg_replication_slots) AS free_slots,
        current_setting('max_wal_senders')::int8
            - (SELECT count(*) FROM pg_stat_replication) AS free_senders,
        current_setting('max_slot_wal_keep_size') AS slot_keep_size,
        (SELECT (wal_bytes / greatest(extract(epoch FROM now() - stats_reset), 1))::float8
            FROM pg_stat_wal) AS wal_rate,
        CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE')
            THEN current_setting('data_directory') END AS folder,
        nullif(current_setting('synchronized_standby_slots', true), '') AS standbys,
        current_setting('sync_replication_slots', true) AS synchronises_slots,
        current_setting('idle_replication_slot_timeout', true) AS idle_slot_timeout,
        current_setting('row_security') = 'off'
            AND current_setting('search_path') = 'pg_catalog' AS keeps_settings,
        inet_server_port() AS own_port
    FROM pg_roles r WHERE r.rolname = current_user";

const SLOTS: &str = "
    SELECT slot_name::text, slot_type = 'physical', database::text, age(catalog_xmin)
    FROM pg_replication_slots ORDER BY slot_name";

impl Server {
    pub(super) async fn read(database: &Database, session: &Session) -> Result<Self, ConnectError> {
        let client = session.client();
        let row = client.query_one(QUERY, &[]).await?;
        let slots = client.query(SLOTS, &[]).await?;
        let slots = slots.iter().map(|row| {
            Ok(Slot {
                name: row.try_get(0)?,
                is_physical: row.try_get(1)?,
                database: row.try_get(2)?,
                catalogue_age: row.try_get(3)?,
            })
        });
        let version = row.try_get("version")?;
        let folder: Option<String> = row.try_get("folder")?;
        let standbys: Option<String> = row.try_get("standbys")?;
        Ok(Self {
            version,
            wal_level: row.try_get("wal_level")?,
            is_standby: row.try_get("is_standby")?,
            encoding: row.try_get("encoding")?,
            user: row.try_get("user")?,
            database: row.try_get("database")?,
            may_replicate: row.try_get("may_replicate")?,
            may_create: row.try_get("may_create")?,
            free_slots: row.try_get("free_slots")?,
            free_senders: row.try_get("free_senders")?,
            slot_keep_size: row.try_get("slot_keep_size")?,
            wal_bytes_per_second: row
                .try_get::<_, Option<f64>>("wal_rate")?
                .unwrap_or_default(),
            free_bytes: folder
                .filter(|_| database.is_here())
                .and_then(|folder| free_bytes(&folder)),
            slots: slots.collect::<Result<_, tokio_postgres::Error>>()?,
            synchronized_standbys: (version >= 17_00_00).then(|| standbys.unwrap_or_default()),
            synchronises_slots: row.try_get("synchronises_slots")?,
            idle_slot_timeout: row.try_get("idle_slot_timeout")?,
            keeps_settings: row.try_get("keeps_settings")?,
            own_port: row.try_get("own_port")?,
            address_port: database.port(),
        })
    }
}

/// Returns the free bytes of the disk with the WAL of a server on this machine.
fn free_bytes(folder: &str) -> Option<u64> {
    let folder = Path::new(folder);
    let wal = rustix::fs::statvfs(folder.join("pg_wal"));
    let disk = wal.or_else(|_| rustix::fs::statvfs(folder)).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}
