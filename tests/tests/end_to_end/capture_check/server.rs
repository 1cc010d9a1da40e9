//! Findings about the server and the user.

use cloud_capture::{
    Catalogue, Severity,
    catalogue::{Server, Slot},
    check,
};
use cloud_tests::postgres::{Postgres, PostgresOptions, Shutdown};

use super::{Site, matching, refusals};

const MAPPING: &str = "[members]\ntable = \"users\"\nid = \"id\"\n";
const TABLES: &str = "CREATE TABLE users (id bigint PRIMARY KEY); \
                      CREATE PUBLICATION cloud FOR TABLE users;";

#[tokio::test]
async fn settings_are_found_and_mended() {
    let Some(options) = PostgresOptions::installed() else {
        return;
    };
    let options = options
        .with("wal_level", "replica")
        .with("max_replication_slots", "1")
        .with("max_wal_senders", "0");
    let mut postgres = Postgres::start_with(options).await;
    let site = Site::new(&postgres, "site", TABLES, MAPPING).await;
    let lacks = [
        "wal_level is replica",
        "1 replication slots are free",
        "0 senders are free",
        "max_slot_wal_keep_size is -1",
    ];
    let findings = site.findings().await;
    for what in lacks {
        let [finding] = matching(&findings, "server", what)[..] else {
            panic!("{what}: {findings:#?}");
        };
        for statement in &finding.mend {
            postgres.execute(statement).await;
        }
    }
    postgres.restart(Shutdown::Fast).await;
    assert_eq!(site.findings().await, []);
}

#[tokio::test]
async fn privileges_are_found_and_mended() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let tables = "CREATE SCHEMA app; CREATE TABLE app.users (id bigint PRIMARY KEY); \
                  ALTER TABLE app.users ENABLE ROW LEVEL SECURITY; \
                  CREATE TABLE ties (a bigint, b bigint, PRIMARY KEY (a, b), CHECK (a < b)) \
                      PARTITION BY RANGE (a); \
                  CREATE TABLE ties_1 PARTITION OF ties FOR VALUES FROM (0) TO (10); \
                  CREATE TABLE ties_2 PARTITION OF ties FOR VALUES FROM (10) TO (20); \
                  ALTER TABLE ties_2 ENABLE ROW LEVEL SECURITY; \
                  CREATE PUBLICATION cloud FOR TABLE app.users, ties \
                      WITH (publish_via_partition_root = true); \
                  CREATE ROLE \"a reader\" LOGIN; GRANT SELECT ON ties, ties_2 TO \"a reader\";";
    let mapping = "[members]\ntable = \"app.users\"\nid = \"id\"\n[[connections]]\n\
                   table = \"ties\"\nmember = \"a\"\nother = \"b\"\npair = \"one_row\"\n";
    let mut site = Site::new(&postgres, "site", tables, mapping).await;
    site.address = postgres.address_for("a%20reader", "site");
    let lacks = [
        ("server", "may not stream changes"),
        ("app.users", "may not use the schema app"),
        ("app.users", "may not select from it"),
        (
            "app.users",
            "row-level security hides rows from the user a reader",
        ),
        // The bootstrap reads partitions one by one.
        ("public.ties_1", "may not select from it"),
        (
            "public.ties_2",
            "row-level security hides rows from the user a reader",
        ),
    ];
    let findings = site.findings().await;
    assert_eq!(refusals(&findings).len(), lacks.len(), "{findings:#?}");
    for (place, what) in lacks {
        let [finding] = matching(&findings, place, what)[..] else {
            panic!("{what}: {findings:#?}");
        };
        assert_eq!(finding.mend.len(), 1, "{finding}");
        postgres.execute_in("site", &finding.mend[0]).await;
    }
    assert_eq!(refusals(&site.findings().await), Vec::<String>::new());
}

#[tokio::test]
async fn what_other_versions_and_poolers_say_is_found() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let site = Site::new(&postgres, "site", TABLES, MAPPING).await;
    let catalogue = site.catalogue().await;
    let standby = Slot {
        name: "second".to_owned(),
        is_physical: true,
        database: None,
        catalogue_age: None,
    };
    let server = || catalogue.server.clone();
    let with_standby = || Server {
        slots: vec![standby.clone()],
        ..server()
    };
    let synchronised = |standbys: &str, synchronises: &str| Server {
        synchronized_standbys: Some(standbys.to_owned()),
        synchronises_slots: Some(synchronises.to_owned()),
        ..with_standby()
    };
    let of_17 = synchronised("", "off");
    for (server, severity, what) in [
        (
            Server {
                version: 13_00_10,
                ..server()
            },
            Severity::Refused,
            "it is PostgreSQL 13",
        ),
        (
            Server {
                is_standby: true,
                ..server()
            },
            Severity::Refused,
            "it is a standby",
        ),
        (
            Server {
                keeps_settings: false,
                ..server()
            },
            Severity::Refused,
            "connection pooler",
        ),
        (
            Server {
                own_port: Some(1),
                ..server()
            },
            Severity::Warning,
            "listens at port 1",
        ),
        (
            Server {
                encoding: "LATIN1".to_owned(),
                ..server()
            },
            Severity::Warning,
            "the encoding LATIN1",
        ),
        (
            with_standby(),
            Severity::Warning,
            "do not follow to standbys before PostgreSQL 17",
        ),
        (
            of_17.clone(),
            Severity::Warning,
            "synchronized_standby_slots is empty",
        ),
        (of_17, Severity::Warning, "sync_replication_slots = on"),
        (
            Server {
                idle_slot_timeout: Some("1h".to_owned()),
                ..server()
            },
            Severity::Warning,
            "idle_replication_slot_timeout is 1h",
        ),
    ] {
        let catalogue = Catalogue {
            server,
            ..catalogue.clone()
        };
        let findings = check(&site.mapping, &catalogue);
        let [finding] = matching(&findings, "server", what)[..] else {
            panic!("{what}: {findings:#?}");
        };
        assert_eq!(finding.severity, severity, "{finding}");
    }
    let catalogue = Catalogue {
        server: synchronised("second", "on"),
        ..catalogue
    };
    let findings = check(&site.mapping, &catalogue);
    assert!(
        matching(&findings, "server", "standby").is_empty(),
        "{findings:#?}"
    );
}
