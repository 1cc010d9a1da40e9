//! Findings about the server and the user.

use crate::{
    catalogue::{Catalogue, Server},
    check::finding::Finding,
    mapping::quoted,
};

/// The first version whose `pgoutput` capture reads.
const VERSION_MIN: i32 = 14_00_00;
/// The slots and senders that a bootstrap uses: one for its snapshot, one for the stream.
const SLOTS_NEEDED: i64 = 2;
/// The setting that bounds the WAL that a slot keeps, in the example of a statement.
const KEEP_EXAMPLE: &str = "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'";
const RELOAD: &str = "SELECT pg_reload_conf()";

pub(super) fn of_server(catalogue: &Catalogue) -> Vec<Finding> {
    let server = &catalogue.server;
    let refused = |what: String| Finding::refused("server", what);
    let warning = |what: String| Finding::warning("server", what);
    let mut findings = Vec::new();
    if server.version < VERSION_MIN {
        let version = server.version / 10_000;
        findings.push(refused(format!(
            "it is PostgreSQL {version}; capture needs 14 or newer"
        )));
    }
    if server.is_standby {
        findings.push(refused(
            "it is a standby, on which a bootstrap cannot export a snapshot: connect to the \
             primary"
                .to_owned(),
        ));
    }
    if server.wal_level != "logical" {
        findings.push(
            refused(format!(
                "wal_level is {}, so the WAL does not hold rows: set it, then restart the server",
                server.wal_level
            ))
            .mend("ALTER SYSTEM SET wal_level = logical"),
        );
    }
    if !server.may_replicate {
        findings.push(
            refused(format!("the user {} may not stream changes", server.user))
                .mend(format!("ALTER ROLE {} REPLICATION", quoted(&server.user))),
        );
    }
    if server.encoding != "UTF8" {
        findings.push(warning(format!(
            "the database has the encoding {}: a text that has no form in UTF-8 is set aside",
            server.encoding
        )));
    }
    findings.extend(poolers(server));
    findings.extend(free_places(server));
    findings.extend(limits_of_the_wal(server));
    findings.extend(standbys(server));
    findings
}

fn poolers(server: &Server) -> Option<Finding> {
    if !server.keeps_settings {
        let what = "the session lost the settings with which it began, such as row_security = off: \
                    a connection pooler stands between. Connect to the server itself, whose port \
                    is mostly 5432";
        return Some(Finding::refused("server", what));
    }
    let own = server.own_port?;
    (own != i32::from(server.address_port)).then(|| {
        let what = format!(
            "the server listens at port {own}, and the address has {}: a forwarded port is \
             right, a connection pooler is not, because it sends no changes",
            server.address_port
        );
        Finding::warning("server", what)
    })
}

fn free_places(server: &Server) -> Vec<Finding> {
    let places = [
        (
            "replication slot",
            "max_replication_slots",
            server.free_slots,
        ),
        ("sender", "max_wal_senders", server.free_senders),
    ];
    let missing = places.into_iter().filter(|&(.., free)| free < SLOTS_NEEDED);
    let findings = missing.map(|(place, setting, free)| {
        let what = format!(
            "{free} {place}s are free, and a bootstrap needs {SLOTS_NEEDED}: raise {setting}, then \
             restart the server, or drop a slot that no reader uses"
        );
        let finding = match free {
            ..=0 => Finding::refused("server", what),
            _ => Finding::warning("server", what),
        };
        finding.mend(format!("ALTER SYSTEM SET {setting} = 20"))
    });
    findings.collect()
}

fn limits_of_the_wal(server: &Server) -> Vec<Finding> {
    let mut findings = Vec::new();
    if server.slot_keep_size == "-1" {
        let rate = server.wal_bytes_per_second;
        let fills = match server.free_bytes {
            #[expect(clippy::cast_precision_loss, reason = "printed as rounded hours")]
            Some(free) => format!(
                "The disk of the WAL has {} free: at that rate it is full after {:.0} hours",
                size(free as f64),
                free as f64 / rate.max(1.0) / 3600.0
            ),
            None => format!(
                "At that rate 100 GB are full after {:.0} hours; `df` on the server says what is \
                 free",
                1e11 / rate.max(1.0) / 3600.0
            ),
        };
        let what = format!(
            "max_slot_wal_keep_size is -1: while capture is stopped, the WAL grows until the disk \
             is full, and the database stops. It now writes {} a second on average. {fills}. With \
             a limit, a capture that falls behind it loses its slot instead, and bootstraps again",
            size(rate)
        );
        findings.push(
            Finding::warning("server", what)
                .mend(KEEP_EXAMPLE)
                .mend(RELOAD),
        );
    }
    if let Some(timeout) = server
        .idle_slot_timeout
        .as_deref()
        .filter(|&timeout| timeout != "0")
    {
        let what = format!(
            "idle_replication_slot_timeout is {timeout}: a capture that is stopped for longer \
             loses its slot, and bootstraps again"
        );
        findings.push(Finding::warning("server", what));
    }
    findings
}

fn standbys(server: &Server) -> Vec<Finding> {
    let mut standbys = server.slots.iter().filter(|slot| slot.is_physical);
    let Some(standby) = standbys.next() else {
        return Vec::new();
    };
    let Some(synchronized) = &server.synchronized_standbys else {
        let what = "it has a standby, and slots do not follow to standbys before PostgreSQL 17: \
                    after a promotion, capture bootstraps again";
        return vec![Finding::warning("server", what)];
    };
    let mut findings = Vec::new();
    if synchronized.is_empty() {
        let what = "synchronized_standby_slots is empty: capture may read changes that the standby \
                    has not received, and bootstraps again if that is promoted";
        let setting = format!(
            "ALTER SYSTEM SET synchronized_standby_slots = '{}'",
            standby.name
        );
        findings.push(Finding::warning("server", what).mend(setting).mend(RELOAD));
    }
    if server.synchronises_slots.as_deref() != Some("on") {
        let what = "it has a standby: the slot follows to it only if the standby has \
                    sync_replication_slots = on, hot_standby_feedback = on, primary_slot_name, and \
                    a dbname in primary_conninfo. Set them on the standby; else capture bootstraps \
                    again after a promotion";
        findings.push(
            Finding::warning("server", what)
                .mend("ALTER SYSTEM SET sync_replication_slots = on")
                .mend("ALTER SYSTEM SET hot_standby_feedback = on")
                .mend(RELOAD),
        );
    }
    findings
}

/// Returns a number of bytes in words, rounded.
pub(super) fn size(bytes: f64) -> String {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    match units.into_iter().find(|&(_, unit)| bytes >= unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes / unit),
        None => format!("{bytes:.0} bytes"),
    }
}
