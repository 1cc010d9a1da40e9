//! Faults around capture: each ends with the site equal to the database, or with an error
//! that says what to do.

use std::time::{Duration, Instant};

use cloud_client::Point;
use cloud_tests::{
    postgres::{Postgres, Shutdown},
    rounds::rounds,
    server::Server,
};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, MAPPING, SCHEMA, ends_with, lsn},
    writer::{Writer, transaction_of_any_schema},
};

/// Some members, with everything that they can have.
const PEOPLE: &str = "
    INSERT INTO people (id, first_name, last_name)
        SELECT n, 'given' || n, 'family' FROM generate_series(1, 50) n;
    INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01' FROM generate_series(1, 49) n;
    INSERT INTO jobs (person, employer, begun)
        SELECT n, 'Employer', '2001-01-01' FROM generate_series(1, 50) n;
";

/// A schema whose tables are published as such: PostgreSQL 15 and newer have that.
const OF_SCHEMA: &str = "
    CREATE SCHEMA app; CREATE TABLE app.others (id int PRIMARY KEY);
    DO $$ BEGIN
        IF current_setting('server_version_num')::int >= 150000 THEN
            EXECUTE 'ALTER PUBLICATION cloud ADD TABLES IN SCHEMA app';
        END IF;
    END $$;
";

/// Starts a captured site with some members. `None` if there is no PostgreSQL.
async fn captured() -> Option<CapturedSite> {
    captured_with(&[]).await
}

/// Starts one after these statements.
async fn captured_after(statements: &str) -> Option<CapturedSite> {
    let mut site = CapturedSite::start().await?;
    site.postgres.execute(statements).await;
    site.begin().await;
    site.capture();
    site.postgres.execute(PEOPLE).await;
    site.check().await;
    Some(site)
}

async fn captured_with(settings: &[(&str, &str)]) -> Option<CapturedSite> {
    let mut site = CapturedSite::start_with(settings).await?;
    site.begin().await;
    site.capture();
    site.postgres.execute(PEOPLE).await;
    site.check().await;
    Some(site)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_may_end_in_any_way() {
    let Some(mut site) = captured().await else {
        return;
    };
    let writer = Writer::start(&site.postgres.address(), 3);
    for end in [Some(Shutdown::Fast), Some(Shutdown::Immediate), None] {
        for _ in 0..rounds(1, 5) {
            sleep(Duration::from_millis(500)).await;
            match end {
                Some(end) => site.postgres.stop(end),
                None => site.postgres.kill(),
            }
            site.postgres.start_again().await;
        }
    }
    sleep(Duration::from_millis(500)).await;
    writer.stop().await;
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_may_end_in_any_way() {
    let Some(mut site) = captured().await else {
        return;
    };
    let writer = Writer::start(&site.postgres.address(), 4);
    for _ in 0..rounds(2, 10) {
        sleep(Duration::from_millis(500)).await;
        let server = site.server.take().expect("a server");
        let admin = server.admin().replace("http://", "");
        server.kill();
        let flags = ["--admin-listen", &admin];
        site.server = Some(Server::start_with(site.folder.path(), &flags));
    }
    writer.stop().await;
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_capture_waits_for_the_slot() {
    let Some(mut site) = captured().await else {
        return;
    };
    let second = site.folder.path().join("second");
    let second = second.to_str().expect("a path");
    let mut other = site.spawn(&["--state", second, "--new-state"]);
    let begun = Instant::now();
    while !site.printed().contains("is active for PID") {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{}",
            site.printed()
        );
        sleep(Duration::from_millis(20)).await;
    }
    site.kill_capture();
    site.postgres
        .execute("UPDATE people SET headline = 'by the other one' WHERE id < 10")
        .await;
    site.check().await;
    other.kill().expect("it runs");
    other.wait().expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_the_slot_has_passed_are_a_gap() {
    let Some(mut site) = captured().await else {
        return;
    };
    site.kill_capture();
    // The slot is free a moment after its reader was killed.
    sleep(Duration::from_millis(500)).await;
    site.postgres
        .execute("UPDATE people SET headline = 'lost'")
        .await;
    let advance = "SELECT pg_replication_slot_advance('cloud', pg_current_wal_lsn())";
    site.postgres.execute(advance).await;
    let before = site.head().await;
    site.capture();
    ends_with(
        &mut site,
        &["SOURCE_GAP", "slot cloud stands at", "bootstrap again"],
    );
    assert_eq!(site.head().await, before, "nothing is written");

    site.postgres
        .execute("SELECT pg_drop_replication_slot('cloud')")
        .await;
    site.capture();
    ends_with(
        &mut site,
        &["SOURCE_GAP", "there is no slot cloud", "bootstrap again"],
    );

    site.postgres
        .execute("SELECT pg_create_logical_replication_slot('cloud', 'pgoutput')")
        .await;
    site.capture();
    ends_with(&mut site, &["SOURCE_GAP", "slot cloud stands at"]);
    assert_eq!(site.head().await, before, "nothing is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_the_log_does_not_know_is_a_gap() {
    let Some(mut site) = CapturedSite::start().await else {
        return;
    };
    site.capture();
    ends_with(&mut site, &["SOURCE_GAP", "was not bootstrapped from it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_lost_its_log_is_a_gap() {
    let settings = [
        ("max_slot_wal_keep_size", "1MB"),
        ("min_wal_size", "32MB"),
        ("max_wal_size", "48MB"),
    ];
    let Some(mut site) = captured_with(&settings).await else {
        return;
    };
    site.kill_capture();
    for _ in 0..8 {
        site.postgres.execute(
            "INSERT INTO unmapped (note) SELECT repeat('x', 500) FROM generate_series(1, 20000);
             SELECT pg_switch_wal(); CHECKPOINT;",
        ).await;
    }
    site.capture();
    ends_with(
        &mut site,
        &[
            "SOURCE_GAP",
            "removed the log (WAL)",
            "max_slot_wal_keep_size",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_tables_that_make_no_rows_end_capture_under_load() {
    for (change, words) in [
        ("TRUNCATE links", &["public.links", "truncated"][..]),
        (
            "ALTER TABLE people DROP COLUMN city",
            &["public.people", "city"],
        ),
        (
            "ALTER TABLE people RENAME COLUMN city TO town",
            &["public.people", "city"],
        ),
        (
            "ALTER TABLE people RENAME TO persons",
            &["public.people", "dropped or renamed"],
        ),
        (
            "ALTER TABLE people ALTER COLUMN headline TYPE text USING upper(headline)",
            &["public.people", "rewritten"],
        ),
        (
            "ALTER TABLE links ALTER COLUMN status TYPE varchar(20)",
            &["public.links", "status", "another type"],
        ),
        ("DROP PUBLICATION cloud", &["publication cloud", "dropped"]),
        (
            "ALTER PUBLICATION cloud DROP TABLE jobs; ALTER PUBLICATION cloud ADD TABLE jobs",
            &["publication cloud", "changed"],
        ),
        (
            "ALTER PUBLICATION cloud DROP TABLES IN SCHEMA app",
            &["publication cloud", "changed"],
        ),
    ] {
        let Some(mut site) = captured_after(OF_SCHEMA).await else {
            return;
        };
        let every = Some(Duration::from_millis(2));
        let address = site.postgres.address();
        let writer = Writer::start_with(&address, 8, every, transaction_of_any_schema);
        sleep(Duration::from_millis(500)).await;
        // Later changes of the same table do not hide it.
        site.postgres.execute(&format!("{change};")).await;
        ends_with(&mut site, words);
        site.capture();
        ends_with(&mut site, &["bootstrap again"]);
        assert!(
            writer.stop().await > 100,
            "{change}: the application writes"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_does_not_end_capture() {
    let Some(mut site) = captured().await else {
        return;
    };
    for statement in [
        "VACUUM FULL people",
        "CLUSTER links USING links_pkey",
        "ANALYZE",
    ] {
        site.postgres.execute(statement).await;
    }
    site.postgres
        .execute("ALTER TABLE people ADD COLUMN added int DEFAULT 7")
        .await;
    // A new file and a new description within one check of the catalogue look like a rewrite.
    sleep(Duration::from_millis(2500)).await;
    site.postgres
        .execute("ALTER TABLE people ALTER COLUMN city SET STATISTICS 500")
        .await;
    site.postgres
        .execute("UPDATE people SET headline = 'after' WHERE id > 5")
        .await;
    sleep(Duration::from_millis(2500)).await;
    site.postgres
        .execute("UPDATE people SET headline = 'later' WHERE id > 7")
        .await;
    site.check().await;
    // Another session compares with what the first one has seen.
    site.postgres.restart(Shutdown::Fast).await;
    site.postgres
        .execute("UPDATE people SET headline = 'after a restart' WHERE id > 9")
        .await;
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_rules_refuse_are_set_aside() {
    let Some(mut site) = captured().await else {
        return;
    };
    site.postgres
        .execute(
            "UPDATE people SET headline = repeat('x', 1025) WHERE id <= 30;
         UPDATE people SET team = 'kept' WHERE id > 30;",
        )
        .await;
    site.postgres
        .execute("UPDATE people SET headline = 'mended' WHERE id <= 30")
        .await;
    site.check().await;
    let path = site.folder.path().join("capture/dead-letters.jsonl");
    let letters = std::fs::read_to_string(path).expect("the rows that were set aside");
    assert_eq!(letters.lines().count(), 30, "{letters}");
    let first = letters.lines().next().expect("a row");
    for word in [
        "public.people",
        "\"key\":\"1\"",
        "headline",
        "1025 bytes",
        "lsn",
    ] {
        assert!(first.contains(word), "no {word} in {first}");
    }
    site.kill_capture();
    site.capture_with(&["--dead-letters-max", "10"]);
    site.postgres
        .execute("UPDATE people SET headline = repeat('y', 1025)")
        .await;
    ends_with(
        &mut site,
        &[
            "11 rows were set aside",
            "10 are allowed",
            "--dead-letters-max",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mapping_needs_another_bootstrap() {
    let Some(mut site) = captured().await else {
        return;
    };
    site.kill_capture();
    let path = site.folder.path().join("mapping.toml");
    let mapping = std::fs::read_to_string(&path).expect("the mapping");
    let other = mapping.replace("headline = \"headline\"\n", "");
    std::fs::write(&path, format!("# A comment changes nothing.\n{mapping}")).expect("written");
    site.capture();
    site.postgres
        .execute("UPDATE people SET team = 'same'")
        .await;
    site.check().await;
    site.kill_capture();
    std::fs::write(&path, other).expect("written");
    site.capture();
    ends_with(
        &mut site,
        &["the mapping is another one", "bootstrap again"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_without_its_state_is_refused_unless_a_new_one_is_begun() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    postgres.execute(PEOPLE).await;
    let mut site = CapturedSite::build(postgres);
    let state = site.folder.path().join("capture");
    std::fs::remove_dir_all(state).expect("the state of the bootstrap");
    let before = site.head().await;
    site.capture();
    ends_with(&mut site, &["has no state of this capture", "--new-state"]);
    assert_eq!(site.head().await, before, "nothing is written");
    site.capture_with(&["--new-state"]);
    site.postgres
        .execute("UPDATE people SET headline = 'later'")
        .await;
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_between_the_bootstrap_and_the_first_run_is_noticed() {
    for (change, words) in [
        ("", &["the mapping is another one"][..]),
        (
            "ALTER TABLE people ALTER COLUMN headline TYPE varchar(90) USING upper(headline)",
            &["public.people", "another type"],
        ),
        (
            "DROP PUBLICATION cloud;
             CREATE PUBLICATION cloud FOR TABLE people, about, jobs, links",
            &["publication cloud was changed"],
        ),
    ] {
        let Some(postgres) = Postgres::start().await else {
            return;
        };
        postgres.execute(SCHEMA).await;
        postgres.execute(PEOPLE).await;
        let mut site = CapturedSite::build(postgres);
        if change.is_empty() {
            let mapping = MAPPING.replace("headline = \"headline\"\n", "");
            let path = site.folder.path().join("mapping.toml");
            std::fs::write(path, mapping).expect("written");
        } else {
            site.postgres.execute(change).await;
        }
        let before = site.head().await;
        site.capture();
        ends_with(&mut site, words);
        assert_eq!(site.head().await, before, "nothing is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_wait_for_unmapped_writes_are_answered_soon() {
    let Some(site) = captured().await else {
        return;
    };
    let server = site.server.as_ref().expect("a server");
    let client = server.connect().await.client;
    let source = site.source_id().await;
    let mut longest = Duration::ZERO;
    // 2,000 transactions in a second, and reads meanwhile.
    let every = Duration::from_millis(10);
    let writer = Writer::start_with(&site.postgres.address(), 1, Some(every), |_| {
        "DO $$ BEGIN FOR i IN 1..20 LOOP
             INSERT INTO unmapped (note) VALUES ('x'); COMMIT;
         END LOOP; END $$;"
            .to_owned()
    });
    let written_from = Instant::now();
    for _ in 0..rounds(50, 500) {
        sleep(Duration::from_millis(50)).await;
        let position = site.position().await;
        let begun = Instant::now();
        let point = Point::source(source.clone(), position);
        client
            .at_least(point)
            .network_sizes(1, false)
            .await
            .expect("an answer");
        longest = longest.max(begun.elapsed());
    }
    assert!(longest < Duration::from_secs(3), "{longest:?}");
    let confirmed =
        "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = 'cloud'";
    let position = site.position().await;
    let begun = Instant::now();
    while lsn(&site.postgres.value(confirmed).await) < position {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the slot does not follow"
        );
        sleep(Duration::from_millis(50)).await;
    }
    let seconds = written_from.elapsed().as_secs_f64();
    let rate = writer.stop().await as f64 * 20.0 / seconds;
    println!("the longest wait beside {rate:.0} unpublished transactions/s: {longest:?}");
}

/// A transaction of more members and connections than a window takes: of its windows only the last
/// has its offset, so it is sent as a whole again.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_several_windows_is_captured_through_a_kill() {
    let Some(mut site) = captured().await else {
        return;
    };
    site.kill_capture();
    site.capture_with(&["--ops-listen", "127.0.0.1:0"]);
    site.postgres
        .execute(
            "BEGIN;
             INSERT INTO people (id, first_name, last_name)
                 SELECT n, 'given' || n, 'family' FROM generate_series(1001, 71000) n;
             INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01'
                 FROM generate_series(1001, 70999) n;
             UPDATE people SET headline = 'first' WHERE id BETWEEN 1001 AND 5000;
             COMMIT;",
        )
        .await;
    site.until_metric("cloud_capture_split_transactions_total 1")
        .await;
    site.kill_capture();
    site.capture();
    site.check().await;
}

/// Without foreign keys, or with deferred ones, rows may be written before those that they name.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_member_may_come_before_it() {
    let Some(site) = captured_after(
        "ALTER TABLE about DROP CONSTRAINT about_person_fkey;
         ALTER TABLE jobs DROP CONSTRAINT jobs_person_fkey;
         ALTER TABLE links DROP CONSTRAINT links_one_fkey;",
    )
    .await
    else {
        return;
    };
    site.postgres
        .execute(
            "BEGIN;
             INSERT INTO about VALUES (99, 'story', 'field');
             INSERT INTO jobs (person, employer, begun) VALUES (99, 'Employer', '2001-01-01');
             INSERT INTO links VALUES (99, 1, 'accepted', NULL);
             INSERT INTO people (id, first_name, last_name) VALUES (99, 'given', 'family');
             COMMIT;",
        )
        .await;
    site.check().await;
}

/// An application may wait for `pg_current_wal_insert_lsn()`. If the last record ends at the end of
/// a page, that is behind the next page's header, where no record ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_waits_for_the_begin_of_a_page_is_answered_soon() {
    let Some(site) = captured().await else {
        return;
    };
    let server = site.server.as_ref().expect("a server");
    let client = server.connect().await.client;
    let source = site.source_id().await;
    let session = site.postgres.connect().await;
    let (mut begins, mut messages) = (0, 0);
    while begins < rounds(3, 30) {
        messages += 1;
        assert!(messages < 10_000, "no record ends at the end of a page");
        let position = message_to_end_of_page(&session).await;
        if position % WAL_PAGE_BYTES > WAL_PAGE_HEADER_MAX {
            // The database wrote a record of its own meanwhile.
            continue;
        }
        begins += 1;
        let point = Point::source(source.clone(), position);
        let begun = Instant::now();
        let sizes = client.at_least(point).network_sizes(1, false).await;
        sizes.expect("an answer");
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(3), "{waited:?}");
    }
    println!("{begins} begins of pages, {messages} messages");
}

/// The size of a page of the database's log, and the longest header of one.
const WAL_PAGE_BYTES: u64 = 8_192;
const WAL_PAGE_HEADER_MAX: u64 = 40;

/// Writes a record into the database's log that ends at the end of a page, and returns where the
/// log goes on.
async fn message_to_end_of_page(session: &tokio_postgres::Client) -> u64 {
    let position = async || {
        let query = "SELECT pg_current_wal_insert_lsn()::text";
        let row = session.query_one(query, &[]).await.expect("a position");
        lsn(row.get(0))
    };
    let message = async |bytes: u64| {
        let query = "SELECT pg_logical_emit_message(false, 'test', repeat('x', $1))";
        let bytes = i32::try_from(bytes).expect("a short message");
        session.execute(query, &[&bytes]).await.expect("a message");
    };
    // The rest of a page that can take the record whole.
    loop {
        let before = position().await;
        message(8).await;
        let after = position().await;
        let overhead = after - before - 8;
        let rest = WAL_PAGE_BYTES - after % WAL_PAGE_BYTES;
        if overhead < 200 && (overhead + 300..WAL_PAGE_BYTES - 100).contains(&rest) {
            message(rest - overhead).await;
            return position().await;
        }
    }
}
