//! A running site that has missed changes is reconciled with its database: it answers all the
//! time, and is captured again afterwards.

use std::{
    fs,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cloud_client::DegreesOptions;
use cloud_tests::{http, postgres::Postgres, rounds::rounds, until::until};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{task::JoinHandle, time::sleep};

use super::{
    site::{CapturedSite, MAPPING, SCHEMA, ends_with},
    writer::Writer,
};

/// Members that the writers do not touch, some with connections.
const PEOPLE: &str = "
    INSERT INTO people (id, first_name, last_name, team)
        SELECT n, 'given' || n, 'family', 'team' || n % 5 FROM generate_series(2001, 2300) n;
    INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01' FROM generate_series(2001, 2299) n;
    INSERT INTO jobs (person, employer, begun)
        SELECT n, 'Employer', '2001-01-01' FROM generate_series(2001, 2050) n;
";
const READ: (u64, u64) = (2001, 2003);

/// Changes that no capture sees.
const MISSED: &str = "
    DELETE FROM people WHERE id BETWEEN 2101 AND 2150;
    UPDATE people SET headline = 'missed', deleted_at = now() WHERE id BETWEEN 2151 AND 2160;
    UPDATE people SET headline = 'missed', team = NULL WHERE id > 2250;
    INSERT INTO people (id, first_name, last_name) VALUES (2401, 'Came', 'Meanwhile');
    INSERT INTO jobs (person, employer) VALUES (2401, 'Employer'), (2001, 'Employer');
    DELETE FROM jobs WHERE person = 2002;
    UPDATE jobs SET role = 'other' WHERE person = 2003;
    DELETE FROM links WHERE one = 2010;
    UPDATE links SET since = '2021-05-06' WHERE one BETWEEN 2020 AND 2030;
    INSERT INTO links VALUES (2001, 2401, 'accepted', '2022-01-01'), (2001, 2009, 'accepted', NULL);
";

async fn database() -> Option<Postgres> {
    let postgres = Postgres::start().await?;
    postgres.execute(SCHEMA).await;
    postgres.execute(PEOPLE).await;
    Some(postgres)
}

/// Reads from the server until it is stopped. Every read must succeed.
struct Reads {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

impl Reads {
    async fn start(site: &CapturedSite) -> Self {
        let server = site.server.as_ref().expect("a server");
        let client = server.connect().await.client;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                let degrees = client
                    .degrees(READ.0, &[READ.1], DegreesOptions::default())
                    .await;
                degrees.expect("every read succeeds");
                count += 1;
            }
            count
        });
        Self { stop, task }
    }

    /// Stops, and returns the number of reads.
    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("every read succeeds")
    }
}

fn check_success(reconciled: &Output) -> String {
    let printed = String::from_utf8_lossy(&reconciled.stdout).into_owned();
    let errors = String::from_utf8_lossy(&reconciled.stderr);
    assert!(reconciled.status.success(), "loader reconcile: {errors}");
    printed
}

fn check_refusal(reconciled: &Output, words: &[&str]) {
    let errors = String::from_utf8_lossy(&reconciled.stderr);
    assert_eq!(reconciled.status.code(), Some(1), "{errors}");
    for word in words {
        assert!(errors.contains(word), "no {word:?} in: {errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_has_its_database_again_after_a_truncate_and_a_new_mapping() {
    let Some(postgres) = database().await else {
        return;
    };
    let writer = Writer::start(&postgres.address(), 31);
    let mut site = CapturedSite::of_one_process(postgres);
    let mapping = site.folder.path().join("mapping.toml");
    let without_teams = MAPPING.replace("\"attributes.team\" = \"team\"\n", "");
    fs::write(&mapping, without_teams).expect("a mapping");
    site.build_and_serve();
    site.capture();
    sleep(Duration::from_secs(1)).await;
    site.postgres.execute("TRUNCATE links").await;
    site.postgres.execute(MISSED).await;
    ends_with(&mut site, &["public.links", "was truncated"]);

    fs::write(&mapping, MAPPING).expect("a mapping");
    site.capture();
    ends_with(
        &mut site,
        &["the mapping is another one", "loader reconcile"],
    );
    let reads = Reads::start(&site).await;
    print!("{}", check_success(&site.reconcile(&[])));
    site.capture();
    sleep(Duration::from_secs(1)).await;
    let committed = writer.stop().await;
    site.check().await;
    println!(
        "{} reads succeeded, {committed} transactions were committed",
        reads.stop().await
    );

    // What differed was published, and nothing else differs.
    site.kill_capture();
    until("the slot is free", async || {
        let active = "SELECT active::text FROM pg_replication_slots";
        (site.postgres.value(active).await == "false").then_some(())
    })
    .await;
    let again = check_success(&site.reconcile(&[]));
    for line in [
        "members      0 removed, 0 added, 0 changed\n",
        "positions    0 removed, 0 added or changed\n",
        "connections  0 removed, 0 added or with another time\n",
    ] {
        assert!(again.contains(line), "no {line:?} in {again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_captures_by_itself_goes_on_by_itself() {
    let Some(postgres) = database().await else {
        return;
    };
    let writer = Writer::start(&postgres.address(), 32);
    let mut site = CapturedSite::of_one_process(postgres);
    site.serve();
    sleep(Duration::from_millis(500)).await;
    site.stop_server();
    let drop = "SELECT pg_drop_replication_slot('cloud')";
    site.postgres.execute(drop).await;
    site.postgres.execute(MISSED).await;
    site.serve();
    let admin = site.server.as_ref().expect("a server").admin().to_owned();
    let is_captured = || {
        let (_, page) = http::get(&admin, "/readyz").expect("a page");
        !page.contains("SOURCE_GAP")
    };
    until("capture ends", async || (!is_captured()).then_some(())).await;
    let reads = Reads::start(&site).await;
    print!("{}", check_success(&site.reconcile(&[])));
    until("capture goes on", async || is_captured().then_some(())).await;
    sleep(Duration::from_millis(500)).await;
    let committed = writer.stop().await;
    site.check().await;
    println!(
        "{} reads succeeded, {committed} transactions were committed",
        reads.stop().await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_run_again() {
    let Some(postgres) = database().await else {
        return;
    };
    let mut site = CapturedSite::build(postgres);
    let mut random = ChaCha8Rng::seed_from_u64(33);
    for round in 0..rounds(3, 20) {
        let seed = 40 + u64::try_from(round).expect("a seed");
        let writer = Writer::start(&site.postgres.address(), seed);
        site.postgres.execute("TRUNCATE links").await;
        site.postgres
            .execute(MISSED.split_once(';').expect("two").0)
            .await;
        for _ in 0..4 {
            let mut command = site.reconciliation(&[]);
            let mut process = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("loader runs");
            sleep(Duration::from_millis(random.random_range(50..1500))).await;
            process.kill().expect("it was started");
            process.wait().expect("it ends");
        }
        check_success(&site.reconcile(&[]));
        site.capture();
        sleep(Duration::from_millis(300)).await;
        writer.stop().await;
        site.check().await;
        site.kill_capture();
        until("the slot is free", async || {
            let active = "SELECT count(*)::text FROM pg_replication_slots WHERE active";
            (site.postgres.value(active).await == "0").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_lose_something_is_refused() {
    let Some(postgres) = database().await else {
        return;
    };
    let mut site = CapturedSite::build(postgres);
    site.capture();
    until("capture reads the slot", async || {
        let active = "SELECT active::text FROM pg_replication_slots";
        (site.postgres.value(active).await == "true").then_some(())
    })
    .await;
    let other_state = site.folder.path().join("other");
    let elsewhere = ["--capture-state", other_state.to_str().expect("UTF-8")];
    check_refusal(
        &site.reconcile(&elsewhere),
        &["a capture reads the slot cloud", "stop it first"],
    );
    check_refusal(&site.reconcile(&[]), &["state folder"]);
    site.kill_capture();
    until("the slot is free", async || {
        let active = "SELECT active::text FROM pg_replication_slots";
        (site.postgres.value(active).await == "false").then_some(())
    })
    .await;

    let server = site.server.as_ref().expect("a server");
    let window = cloud_client::Window {
        source_id: "orders".to_owned(),
        source_offset: 7,
        ..cloud_client::Window::of([cloud_client::connection_added(5001, 5002)])
    };
    let admin = server.connect().await.admin;
    admin.publish(window).await.expect("it is published");
    let before = site.head().await;
    check_refusal(
        &site.reconcile(&[]),
        &["windows of the source orders", "--replaces orders"],
    );
    assert_eq!(site.head().await, before, "nothing is written");
    let printed = check_success(&site.reconcile(&["--replaces", "orders"]));
    assert!(printed.contains("members      2 removed"), "{printed}");
    site.capture();
    site.check().await;
}
