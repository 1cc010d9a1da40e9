//! Measures the path from a core database: the bootstrap against COPY to files, capture against the
//! database's own reader of the same stream, and the cost and delay of each commit.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use cloud_client::{Client, Degree, DegreesOptions, Point};

use crate::{
    bare_sync::BareSync,
    core_database::{CoreDatabase, offset},
    figures::{Figure, Figures},
    latencies::Latencies,
    outcome::Outcome,
    rounds::median,
    server::Server,
    setting::Setting,
    unit::{Unit, grouped},
};

const MEMBERS: u64 = 1_000_000;
const CONNECTIONS_EACH: u64 = 10;
/// The rounds of each comparison.
const ROUNDS: u64 = 3;
/// The transactions of a round of capture, and the rows of each.
const TRANSACTIONS: u64 = 10_000;
const ROWS: u64 = 50;
/// The commits whose delay is measured.
const COMMITS: u64 = 2_000;
/// The members that these commits connect: no other rows do.
const FAR: u64 = 500_000;
const SECONDS_IN_A_DAY: f64 = 86_400.0;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        let database = CoreDatabase::start(MEMBERS, CONNECTIONS_EACH).await?;
        bootstrap(&database, figures).await?;
        let server = Server::start(database.folder(), &[])?;
        throughput(&database, &server, figures).await?;
        delay(&database, &server, figures).await?;
        transactions(&database, &server, figures, setting.duration()).await?;
        empty_windows(&database, &server, figures, setting.duration()).await
    })
}

async fn bootstrap(database: &CoreDatabase, figures: &mut Figures) -> Outcome<()> {
    let (mut copied, mut built, mut last) = (Vec::new(), Vec::new(), None);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for table in ["people", "links"] {
            let file = database.postgres.cluster().join(table);
            let copy = format!("COPY {table} TO '{}'", file.display());
            database.postgres.execute(&copy).await;
            fs::remove_file(file)?;
        }
        copied.push(begun.elapsed().as_secs_f64());
        let run = database.build().await?;
        built.push(run.duration.as_secs_f64());
        last = Some(run);
    }
    let (copied, built) = (median(copied), median(built));
    let run = last.ok_or("no round")?;
    let note = format!(
        "{} against {}, median of {ROUNDS}; peak memory {}; {}",
        Unit::Seconds.show(built),
        Unit::Seconds.show(copied),
        Unit::Bytes.show(run.peak_bytes as f64),
        run.stages_text()
    );
    let what = format!(
        "bootstrap of {} members and {} connections, against COPY to files by the database itself",
        grouped(MEMBERS),
        grouped(MEMBERS * CONNECTIONS_EACH)
    );
    figures.push(
        Figure::new(what, Unit::Times, built / copied)
            .at_most(1.5)
            .note(note),
    );
    Ok(())
}

/// Measures how fast transactions are read that were committed before.
async fn throughput(
    database: &CoreDatabase,
    server: &Server,
    figures: &mut Figures,
) -> Outcome<()> {
    let slot = "SELECT pg_create_logical_replication_slot('other', 'pgoutput')";
    database.postgres.execute(slot).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let far = FAR + 1_000 * (round + 1);
        let workload = format!(
            "DO $$ BEGIN
                 FOR i IN 0..{TRANSACTIONS} - 1 LOOP
                     INSERT INTO links SELECT n, n + {far}, now()
                     FROM generate_series(i * {ROWS} + 1, (i + 1) * {ROWS}) n;
                     COMMIT;
                 END LOOP;
             END $$"
        );
        database.postgres.execute(&workload).await;
        let end = database.position().await;
        let begun = Instant::now();
        let read = database
            .command("pg_recvlogical")
            .args(["--dbname", "postgres", "--start", "--slot", "other"])
            .args(["--endpos", &end, "--no-loop"])
            .args(["-o", "proto_version=1", "-o", "publication_names=cloud"])
            .args(["--file", "/dev/null"])
            .output()?;
        if !read.status.success() {
            let printed = String::from_utf8_lossy(&read.stderr);
            return Err(format!("pg_recvlogical: {printed}").into());
        }
        theirs.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let _capture = database.capture(server)?;
        database.caught_up(server, &end).await?;
        ours.push(begun.elapsed().as_secs_f64());
    }
    let drop = "SELECT pg_drop_replication_slot('other')";
    database.postgres.execute(drop).await;
    let rows = (TRANSACTIONS * ROWS) as f64;
    let ratios = theirs.iter().zip(&ours).map(|(theirs, ours)| theirs / ours);
    let rate = |times: &[f64]| Unit::PerSecond.show(rows / median(times.iter().copied()));
    let note = format!(
        "{} durable in the log against {} to no file, from start to end, {} transactions of {ROWS} \
         rows, median of {ROUNDS}",
        rate(&ours),
        rate(&theirs),
        grouped(TRANSACTIONS)
    );
    figures.push(
        Figure::new(
            "rows captured per second, against pg_recvlogical of the same stream",
            Unit::Times,
            median(ratios),
        )
        .at_least(0.7)
        .note(note),
    );
    Ok(())
}

/// Measures the time from a commit to a read that sees it.
async fn delay(database: &CoreDatabase, server: &Server, figures: &mut Figures) -> Outcome<()> {
    let _capture = database.capture(server)?;
    database
        .caught_up(server, &database.position().await)
        .await?;
    let source = "SELECT 'pg:' || system_identifier || '/postgres' FROM pg_control_system()";
    let source = database.postgres.value(source).await;
    let client = Client::connect(server.public()).await?;
    let session = database.postgres.connect().await;
    let (mut delays, mut syncs) = (Latencies::new(), Latencies::new());
    let mut bare = BareSync::new(database.folder())?;
    for commit in 1..=COMMITS {
        let (one, two) = (commit, MEMBERS - commit);
        let insert = format!("INSERT INTO links VALUES ({one}, {two}, now())");
        session.batch_execute(&insert).await?;
        let committed = Instant::now();
        let position = "SELECT pg_current_wal_flush_lsn()::text";
        let position: String = session.query_one(position, &[]).await?.try_get(0)?;
        let seen = client
            .at_least(Point::source(&*source, offset(&position)?))
            .degrees(one, &[two], DegreesOptions::default())
            .await?;
        delays.record(committed.elapsed());
        syncs.record(bare.sync()?);
        let mut degrees = seen.degrees.iter();
        if !degrees.all(|member| member.degree() == Degree::First) {
            return Err(format!("{one} and {two} are not connected: {seen:?}").into());
        }
    }
    let sync = syncs.median();
    for (name, quantile, most) in [
        ("median", delays.median(), 3e-3),
        ("p99", delays.p99(), 10e-3),
    ] {
        let what = format!(
            "from a commit to a GetDegrees that sees it, above one sync of the disk: {name}"
        );
        let note = format!(
            "{} with a sync of {}; {} commits, one after the other",
            Unit::Seconds.show(quantile),
            Unit::Seconds.show(sync),
            grouped(COMMITS)
        );
        figures.push(
            Figure::new(what, Unit::Seconds, (quantile - sync).max(0.0))
                .at_most(most)
                .note(note),
        );
    }
    Ok(())
}

/// Measures what capture costs the database.
async fn transactions(
    database: &CoreDatabase,
    server: &Server,
    figures: &mut Figures,
    duration: Duration,
) -> Outcome<()> {
    let script = database.folder().join("script.sql");
    let text = format!(
        "\\set id random(1, {MEMBERS})\n\
         UPDATE people SET headline = 'Headline ' || :id % 977 WHERE id = :id;\n"
    );
    fs::write(&script, text)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(pgbench(database, &script, duration)?);
        let _capture = database.capture(server)?;
        let end = database.position().await;
        database.caught_up(server, &end).await?;
        with.push(pgbench(database, &script, duration)?);
    }
    let ratios = with
        .iter()
        .zip(&without)
        .map(|(with, without)| with / without);
    let show = |rates: &[f64]| Unit::PerSecond.show(median(rates.iter().copied()));
    let note = format!(
        "{} against {}; pgbench with 4 clients that update a mapped row each, on the same cores, \
         median of {ROUNDS}",
        show(&with),
        show(&without)
    );
    let what = "transactions per second of the database with capture, against without";
    figures.push(Figure::new(what, Unit::Times, median(ratios)).note(note));
    Ok(())
}

/// Returns the transactions per second.
fn pgbench(database: &CoreDatabase, script: &Path, duration: Duration) -> Outcome<f64> {
    let run = database
        .command("pgbench")
        .args(["--no-vacuum", "--client=4", "--jobs=1"])
        .arg(format!("--time={}", duration.as_secs().max(1)))
        .arg("--file")
        .arg(script)
        .output()?;
    let printed = String::from_utf8_lossy(&run.stdout);
    let rate = printed.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rate| rate.split(' ').next()?.parse().ok());
    let errors = String::from_utf8_lossy(&run.stderr);
    rate.ok_or_else(|| format!("pgbench printed {printed}{errors}").into())
}

/// Measures the growth of the log while only tables are written that are not mapped.
async fn empty_windows(
    database: &CoreDatabase,
    server: &Server,
    figures: &mut Figures,
    duration: Duration,
) -> Outcome<()> {
    let _capture = database.capture(server)?;
    let end = database.position().await;
    database.caught_up(server, &end).await?;
    let log = database.folder().join("log");
    let before = bytes(&log)?;
    let begun = Instant::now();
    while begun.elapsed() < duration * 2 {
        let insert = "INSERT INTO unmapped (note) VALUES ('x')";
        database.postgres.execute(insert).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let end = database.position().await;
    database.caught_up(server, &end).await?;
    let grown = (bytes(&log)? - before) as f64;
    let days = begun.elapsed().as_secs_f64() / SECONDS_IN_A_DAY;
    let what = "bytes of the log in a day of empty windows, with --position-every 100ms";
    figures.push(Figure::new(what, Unit::Bytes, grown / days));
    Ok(())
}

/// Returns the bytes that the segments of a log hold.
fn bytes(log: &Path) -> Outcome<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(log)? {
        sum += entry?.metadata()?.len();
    }
    Ok(sum)
}
