//! A site is built from a core database. It holds what the database held at the first point of the
//! slot, and a build that fails or is killed leaves no slot.

mod social_site;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloud_client::Window;
use cloud_engine::{Manifest, StandsAt};
use cloud_tests::binaries::binary;
use cloud_tests::content::Content;
use cloud_tests::postgres::Postgres;
use cloud_tests::rounds::rounds;
use cloud_tests::server::Server;
use cloud_tests::until::until;
use tokio_postgres::Client;

use self::social_site::{History, MAPPING, content};

const BEGIN_MESSAGES: &str = "
    SELECT count(*) FROM pg_logical_slot_peek_binary_changes('cloud', NULL, NULL,
        'proto_version', '1', 'publication_names', 'cloud')
    WHERE get_byte(data, 0) = ascii('B')";

fn command(cluster: &Postgres, database: &str, folder: &Path, mapping: &str) -> Command {
    fs::write(folder.join("mapping.toml"), mapping).expect("a mapping");
    let mut command = Command::new(binary("loader"));
    command
        .args(["build", "--from-postgres", &cluster.address_of(database)])
        .arg("--mapping")
        .arg(folder.join("mapping.toml"))
        .arg("--out")
        .arg(folder.join("snapshot"))
        .arg("--capture-state")
        .arg(folder.join("capture"));
    command
}

fn printed(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn build(mut command: Command) -> String {
    let output = command.output().expect("the loader's binary starts");
    let printed = printed(&output);
    assert!(output.status.success(), "{printed}");
    printed
}

/// Returns why a build failed.
fn refused(mut command: Command) -> String {
    let output = command.output().expect("the loader's binary starts");
    assert!(!output.status.success(), "{}", printed(&output));
    printed(&output)
}

/// Returns what the snapshot below a folder holds.
fn content_of_site(folder: &Path) -> Content {
    let member = [
        "member_id",
        "given_name",
        "display_name",
        "headline",
        "place",
        "summary",
        "skills",
        "attributes",
    ];
    let position = [
        "member_id",
        "position_id",
        "kind",
        "title",
        "organisation",
        "from",
        "to",
        "current",
    ];
    Content::of_snapshot(&folder.join("snapshot"), &member, &position)
}

fn check(found: &Content, expected: &Content) {
    found.check(expected, String::new);
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect("a number").get(0)
}

async fn check_no_slot(client: &Client) {
    until("no slot is left", async || {
        let slots = number(client, "SELECT count(*) FROM pg_replication_slots").await;
        (slots == 0).then_some(())
    })
    .await;
}

fn snapshots(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("snapshot")).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

fn manifest(folder: &Path) -> Manifest {
    let name = snapshots(folder).pop().expect("a snapshot");
    Manifest::read(&folder.join("snapshot").join(name)).expect("a manifest")
}

/// A writer commits transactions all the time. The site must hold exactly the first of them, as an
/// independent reader finds them in a database with the same history, and the slot all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_holds_what_the_database_held_at_the_slots_point() {
    const USERS: u64 = 2_000;
    const LINKS: u64 = 8_000;
    let Some(cluster) = Postgres::start().await else {
        return;
    };
    for database in ["core", "replayed"] {
        cluster.create_database(database).await;
    }
    for seed in [3, 4] {
        println!("seed {seed}");
        let client = cluster.connect_to("core").await;
        let clear = "DROP SCHEMA IF EXISTS site CASCADE; DROP PUBLICATION IF EXISTS cloud;";
        client
            .batch_execute(clear)
            .await
            .expect("an empty database");
        History::new(seed, USERS).create(&client, LINKS).await;

        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (stop, client) = (Arc::clone(&stop), cluster.connect_to("core").await);
            async move {
                // The same history as the one that is replayed below.
                let mut history = written(seed, USERS);
                let mut transactions = 0;
                while !stop.load(Ordering::Relaxed) {
                    transactions += 1;
                    let transaction = history.transaction(transactions);
                    client
                        .batch_execute(&transaction)
                        .await
                        .expect("a transaction");
                }
                transactions
            }
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let building = command(&cluster, "core", folder.path(), MAPPING);
        let text = tokio::task::spawn_blocking(|| build(building))
            .await
            .expect("built");
        stop.store(true, Ordering::Relaxed);
        let transactions: u64 = writer.await.expect("written");

        let found = content_of_site(folder.path());
        let first = found
            .members
            .iter()
            .find(|member| member[0] == "1")
            .expect("a member");
        let held: u64 = first[4].parse().unwrap_or(0);
        println!("{held} of {transactions} transactions are in the snapshot");
        let replayed = cluster.connect_to("replayed").await;
        replayed
            .batch_execute(clear)
            .await
            .expect("an empty database");
        History::new(seed, USERS).create(&replayed, LINKS).await;
        let mut history = written(seed, USERS);
        for number in 1..=held {
            let transaction = history.transaction(number);
            replayed
                .batch_execute(&transaction)
                .await
                .expect("a transaction");
        }
        check(&found, &content(&replayed).await);

        let left = number(&client, BEGIN_MESSAGES).await;
        assert_eq!(
            left as u64,
            transactions - held,
            "the slot has the other transactions"
        );
        let point = "SELECT (confirmed_flush_lsn - '0/0')::int8 FROM pg_replication_slots";
        let (point, manifest) = (number(&client, point).await, manifest(folder.path()));
        let [mark] = manifest.sources.as_slice() else {
            panic!("one source: {:?}", manifest.sources);
        };
        let system = "SELECT system_identifier FROM pg_control_system()";
        let system = number(&client, system).await;
        assert_eq!(mark.source_id, format!("pg:{system}/core"));
        assert_eq!((mark.offset as i64, mark.scn.get()), (point, 1));
        assert!(matches!(manifest.stands_at, StandsAt::NewLog { .. }));
        assert!(manifest.mapping_digest.is_some());
        assert!(
            text.contains("slot         cloud keeps the changes"),
            "{text}"
        );

        serves(folder.path(), &mark.source_id, mark.offset).await;
        client
            .execute("SELECT pg_drop_replication_slot('cloud')", &[])
            .await
            .expect("dropped");
    }
}

/// Returns the history of the writer's transactions. Their positions have ids of their own.
fn written(seed: u64, users: u64) -> History {
    History::with_ids_from(seed + 100, users, 1 << 40)
}

/// A server starts on the snapshot with a new log, which knows the last offset of the source.
async fn serves(folder: &Path, source_id: &str, offset: u64) {
    let server = Server::start(folder);
    let connections = server.connect().await;
    let window = |offset, place: &str| {
        let member = cloud_proto::databus::v1::Member {
            member_id: 1,
            place: place.to_owned(),
            ..Default::default()
        };
        let paths = vec!["place".to_owned()];
        let event = cloud_proto::databus::v1::MemberUpserted {
            member: Some(member),
            fields: Some(prost_types::FieldMask { paths }),
            existing_only: false,
        };
        let event = cloud_proto::databus::v1::change::Event::MemberUpserted(event);
        let change = cloud_proto::databus::v1::Change {
            event: Some(event),
            skippable: false,
        };
        Window {
            source_id: source_id.to_owned(),
            source_offset: offset,
            ..Window::of([change])
        }
    };
    for (window, is_repeat, scn) in [
        (window(offset - 8, "before"), true, 1),
        (window(offset, "at"), true, 1),
        (window(offset + 8, "after"), false, 2),
        (window(offset + 8, "again"), true, 2),
    ] {
        let published = connections.admin.publish(window).await.expect("published");
        assert_eq!((published.repeat, published.as_of.scn), (is_repeat, scn));
    }
    assert!(server.terminate().success());
}

/// Kills the loader at many moments. No slot is left in the database, and no site before the
/// snapshot is complete. The next build succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_build_leaves_nothing() {
    let Some(cluster) = Postgres::start().await else {
        return;
    };
    let client = cluster.connect().await;
    History::new(5, 3_000).create(&client, 20_000).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let begun = Instant::now();
    build(command(&cluster, "postgres", folder.path(), MAPPING));
    let whole = begun.elapsed();
    let drop = "SELECT pg_drop_replication_slot('cloud')";
    client.execute(drop, &[]).await.expect("dropped");
    fs::remove_dir_all(folder.path().join("snapshot")).expect("removed");

    let (mut with_slot, mut complete, mut without_slot) = (0, 0, 0);
    let moments = rounds(6, 20) as u32;
    for moment in 1..moments {
        let mut command = command(&cluster, "postgres", folder.path(), MAPPING);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut loader: Child = command.spawn().expect("the loader's binary starts");
        tokio::time::sleep(whole * moment / moments).await;
        let slots = number(&client, "SELECT count(*) FROM pg_replication_slots").await;
        loader.kill().expect("killed");
        loader.wait().expect("ended");
        // A session of the killed build may still be making the slot.
        until("the sessions of the build end", async || {
            let sessions = "SELECT count(*) FROM pg_stat_activity \
                            WHERE application_name = 'cloud-capture'";
            (number(&client, sessions).await == 0).then_some(())
        })
        .await;
        if !snapshots(folder.path()).is_empty() {
            // It had ended, or had the snapshot and not yet the slot: capture refuses that site.
            let kept = "SELECT count(*) FROM pg_replication_slots WHERE NOT temporary";
            if number(&client, kept).await == 1 {
                complete += 1;
                client.execute(drop, &[]).await.expect("dropped");
            } else {
                without_slot += 1;
            }
            fs::remove_dir_all(folder.path().join("snapshot")).expect("removed");
        }
        with_slot += slots;
        check_no_slot(&client).await;
    }
    println!(
        "killed {} times in {whole:?}: {with_slot} held a slot, {complete} were complete, \
         {without_slot} had a snapshot without a slot",
        moments - 1
    );
    assert!(with_slot > 0 && complete + without_slot < 10);
    build(command(&cluster, "postgres", folder.path(), MAPPING));
    check(&content_of_site(folder.path()), &content(&client).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_transaction_that_the_slot_waits_for_is_named() {
    let Some(cluster) = Postgres::start().await else {
        return;
    };
    let client = cluster.connect().await;
    History::new(6, 20).create(&client, 20).await;
    let open = cluster.connect().await;
    let begin = "SET application_name = 'forgotten'; BEGIN; UPDATE site.users SET city = 'x';";
    open.batch_execute(begin).await.expect("begun");
    let pid = number(&open, "SELECT pg_backend_pid()::int8").await;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let building = command(&cluster, "postgres", folder.path(), MAPPING);
    let building = tokio::task::spawn_blocking(|| build(building));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!building.is_finished());
    open.batch_execute("ROLLBACK").await.expect("ended");
    let text = building.await.expect("built");
    let expected = format!("the new slot waits for the open transaction of pid {pid}, ");
    assert!(text.contains(&expected), "{text}");
    assert!(
        text.contains("application forgotten, state idle in transaction"),
        "{text}"
    );
    check(&content_of_site(folder.path()), &content(&client).await);

    // A build that is killed while it waits leaves no slot either.
    client
        .execute("SELECT pg_drop_replication_slot('cloud')", &[])
        .await
        .expect("dropped");
    fs::remove_dir_all(folder.path().join("snapshot")).expect("removed");
    open.batch_execute(begin).await.expect("begun");
    let mut waiting = command(&cluster, "postgres", folder.path(), MAPPING);
    let mut waiting = waiting
        .stderr(Stdio::null())
        .spawn()
        .expect("the loader's binary starts");
    until("the slot is being made", async || {
        let slots = number(&client, "SELECT count(*) FROM pg_replication_slots").await;
        (slots == 1).then_some(())
    })
    .await;
    waiting.kill().expect("killed");
    waiting.wait().expect("ended");
    check_no_slot(&client).await;
    open.batch_execute("ROLLBACK").await.expect("ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_built_is_refused_by_name() {
    let Some(cluster) = Postgres::start().await else {
        return;
    };
    let client = cluster.connect().await;
    History::new(7, 20).create(&client, 20).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = |mapping: &str, flags: &[&str]| {
        let mut command = command(&cluster, "postgres", folder.path(), mapping);
        command.args(flags);
        let reason = refused(command);
        assert!(snapshots(folder.path()).is_empty(), "{reason}");
        reason
    };
    client
        .batch_execute(
            "INSERT INTO site.links VALUES (5, 5, 'accepted', NULL), (6, -7, 'accepted', NULL);
             CREATE VIEW site.seen AS SELECT * FROM site.jobs;",
        )
        .await
        .expect("rows");
    let slot = "SELECT pg_create_logical_replication_slot('taken', 'pgoutput')";
    client.batch_execute(slot).await.expect("a slot");
    for (mapping, flags, expected) in [
        (MAPPING, &[][..], "error: site.links, row 6,-7: "),
        (
            MAPPING,
            &["--slot", "taken"],
            "the slot taken exists already",
        ),
        (
            MAPPING,
            &["--slot", "Big"],
            "the name of a slot has 1 to 63 of a-z, 0-9 and _",
        ),
        (
            MAPPING,
            &["--publication", "other"],
            "the publication other does not exist",
        ),
        (
            &MAPPING.replace("site.jobs", "site.gone"),
            &[],
            "site.gone: there is no such table",
        ),
        (
            &MAPPING.replace("site.jobs", "site.seen"),
            &[],
            "site.seen: it is a view",
        ),
        (
            &MAPPING.replace("\"ended\"", "\"until\""),
            &[],
            "site.jobs: there is no column until",
        ),
    ] {
        // Either of the two bad rows may come first.
        let reason = refused(mapping, flags);
        let either = expected.replace("6,-7", "5,5");
        assert!(
            reason.contains(expected) || reason.contains(&either),
            "{reason}"
        );
    }
    client
        .execute("SELECT pg_drop_replication_slot('taken')", &[])
        .await
        .expect("dropped");
    check_no_slot(&client).await;

    let mut skipping = command(&cluster, "postgres", folder.path(), MAPPING);
    skipping.args(["--on-error", "skip", "--order", "community"]);
    let text = build(skipping);
    assert!(text.contains("rejected     2 rows, listed in "), "{text}");
    let list = fs::read_to_string(folder.path().join("snapshot/rejects.csv")).expect("a list");
    assert!(list.starts_with("table,key,reason\n"), "{list}");
    assert!(
        list.contains("site.links,\"5,5\",") && list.contains("site.links,\"6,-7\","),
        "{list}"
    );
    check(&content_of_site(folder.path()), &content(&client).await);
    let again = self::refused(command(&cluster, "postgres", folder.path(), MAPPING));
    assert!(again.contains("is a snapshot already"), "{again}");
    check_pairs_refused(&cluster, &client).await;
}

/// Rows of one pair in both orders are refused with their count, whatever happens to other rows.
async fn check_pairs_refused(cluster: &Postgres, client: &Client) {
    let pairs = "DELETE FROM site.links WHERE a = b OR b < 0;
                 DELETE FROM site.links WHERE least(a, b) IN (1, 2) AND greatest(a, b) = 3;
                 INSERT INTO site.links VALUES
                     (1, 3, 'accepted', NULL), (3, 1, 'accepted', NULL),
                     (2, 3, 'accepted', NULL), (3, 2, 'accepted', NULL);";
    client.batch_execute(pairs).await.expect("rows");
    client
        .batch_execute("SELECT pg_drop_replication_slot('cloud')")
        .await
        .expect("dropped");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut doubled = command(cluster, "postgres", folder.path(), MAPPING);
    doubled.args(["--on-error", "skip"]);
    let reason = refused(doubled);
    assert!(
        reason.contains("2 rows of connections repeat a pair"),
        "{reason}"
    );
    assert!(snapshots(folder.path()).is_empty(), "{reason}");
    check_no_slot(client).await;
}
