//! The statements of `--init`: they add what is missing, once, and take nothing away.

use cloud_capture::{
    Database,
    check::{init, init_statements},
};
use cloud_tests::postgres::Postgres;

use super::{Site, refusals};

const MAPPING: &str = "[members]\ntable = \"users\"\nid = \"id\"\n[[connections]]\n\
                       table = \"ties\"\nmember = \"a\"\nother = \"b\"\npair = \"both_rows\"\n";
const TABLES: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY);
    CREATE TABLE ties (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, UNIQUE (a, b));";
const IDENTITIES: &str = "
    SELECT relname || ' ' || relreplident::text || coalesce((SELECT ' ' || indexrelid::regclass
        FROM pg_index WHERE indrelid = c.oid AND indisreplident), '')
    FROM pg_class c WHERE relname IN ('users', 'ties') ORDER BY relname DESC";

/// Runs the statements of `--init`, and returns them.
async fn run_init(site: &Site) -> Vec<String> {
    let statements = init_statements(&site.mapping, &site.catalogue().await);
    let database = Database::at(&site.address).expect("an address");
    let session = database.connect().await.expect("a session");
    let mut done = Vec::new();
    let run = init(&session, &statements, |statement| {
        done.push(statement.to_owned())
    })
    .await;
    run.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(done, statements);
    done
}

async fn identities(postgres: &Postgres, database: &str) -> Vec<String> {
    let rows = postgres.rows_in(database, IDENTITIES).await;
    rows.into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn what_is_missing_is_added_once() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let site = Site::new(&postgres, "fresh", TABLES, MAPPING).await;
    let done = run_init(&site).await;
    assert_eq!(
        done,
        [
            "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY USING INDEX \"ties_a_b_key\"",
            "CREATE PUBLICATION \"cloud\" FOR TABLE \"public\".\"users\", \"public\".\"ties\" \
             WITH (publish_via_partition_root = true)",
        ]
    );
    assert_eq!(refusals(&site.findings().await), Vec::<String>::new());
    assert_eq!(run_init(&site).await, Vec::<String>::new());
    assert_eq!(
        identities(&postgres, "fresh").await,
        ["users d", "ties i ties_a_b_key"]
    );
}

#[tokio::test]
async fn no_replica_identity_gets_smaller() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let by_pair = "CREATE UNIQUE INDEX wide ON ties (a, b, id); \
                   ALTER TABLE ties REPLICA IDENTITY USING INDEX";
    for (name, set_up, expected) in [
        (
            "whole",
            "ALTER TABLE ties REPLICA IDENTITY FULL;".to_owned(),
            "ties f",
        ),
        ("wide", format!("{by_pair} wide;"), "ties i wide"),
        // The primary key is set as an index: what replaces it holds it too.
        ("kept", format!("{by_pair} ties_pkey;"), "ties i wide"),
        // Another reader needs the primary key.
        (
            "shared",
            "CREATE PUBLICATION theirs FOR TABLE ties;".to_owned(),
            "ties f",
        ),
    ] {
        let site = Site::new(&postgres, name, &format!("{TABLES}{set_up}"), MAPPING).await;
        run_init(&site).await;
        assert_eq!(
            identities(&postgres, name).await,
            ["users d", expected],
            "{name}"
        );
        assert_eq!(
            refusals(&site.findings().await),
            Vec::<String>::new(),
            "{name}"
        );
    }
}
