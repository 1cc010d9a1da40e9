//! A core database with members and connections, a site that is built from it, and its capture.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cloud_client::Admin;
use cloud_tests::postgres::{Postgres, PostgresOptions};
use tempfile::TempDir;

use crate::{
    binaries::binary, loader_run::LoaderRun, memory::Resident, outcome::Outcome, server::Server,
};

/// The tables, as an application made them.
const SCHEMA: &str = "
    CREATE TABLE people (
        id bigint PRIMARY KEY, first_name text, last_name text, headline varchar(100));
    CREATE TABLE links (
        one bigint NOT NULL, two bigint NOT NULL, since timestamptz, PRIMARY KEY (one, two));
    CREATE TABLE unmapped (id bigserial PRIMARY KEY, note text);
    CREATE PUBLICATION cloud FOR TABLE people, links;
";

const MAPPING: &str = r#"
[members]
table = "people"
id = "id"
fields = { given_name = "first_name", family_name = "last_name", headline = "headline" }

[[connections]]
table = "links"
member = "one"
other = "two"
pair = "one_row"
connected_at = "since"
"#;

/// The settings of a machine that is shared with the servers that are measured.
const SETTINGS: [(&str, &str); 4] = [
    ("shared_buffers", "1GB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "30min"),
    ("autovacuum", "off"),
];

/// The time by which capture must have caught up.
const CATCH_UP: Duration = Duration::from_secs(3_600);
/// The time between two looks whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A core database, and a folder for what is made of it.
pub struct CoreDatabase {
    /// The database. Its commits are durable.
    pub postgres: Postgres,
    folder: TempDir,
    programs: PathBuf,
}

/// A capture. Dropping it kills it.
pub struct Capture(Child);

impl CoreDatabase {
    /// Starts a database with members. Each is connected with this many of the following ones.
    pub async fn start(members: u64, connections_each: u64) -> Outcome<Self> {
        let options = PostgresOptions::installed();
        let options =
            options.ok_or("PostgreSQL is missing: run `sudo tests/postgres-installed`")?;
        let programs = options.programs.clone();
        let options = SETTINGS
            .iter()
            .fold(options, |options, (name, value)| options.with(name, value));
        let postgres = Postgres::start_with(PostgresOptions {
            fsync: true,
            ..options
        })
        .await;
        postgres.execute(SCHEMA).await;
        let rows = format!(
            "INSERT INTO people
                 SELECT n, 'Given' || n % 5000, 'Family' || n % 70000, 'Headline ' || n % 1000
                 FROM generate_series(1, {members}) n;
             INSERT INTO links
                 SELECT n, n + 1 + step * 7, '2018-01-01'::timestamptz + (n || ' seconds')::interval
                 FROM generate_series(1, {members}) n,
                      generate_series(0, {connections_each} - 1) step
                 WHERE n + 1 + step * 7 <= {members};
             VACUUM ANALYZE;"
        );
        for statement in rows.split_inclusive(';') {
            postgres.execute(statement).await;
        }
        let folder = TempDir::new()?;
        fs::write(folder.path().join("mapping.toml"), MAPPING)?;
        Ok(Self {
            postgres,
            folder,
            programs,
        })
    }

    /// Returns the folder of the site.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a command that runs a program of PostgreSQL's with the database.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.postgres.port().to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres");
        command
    }

    /// Returns the end of the database's log.
    pub async fn position(&self) -> String {
        let position = "SELECT pg_current_wal_flush_lsn()::text";
        self.postgres.value(position).await
    }

    /// Builds the site. An earlier one is deleted, and its slot dropped.
    pub async fn build(&self) -> Outcome<LoaderRun> {
        let drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots";
        self.postgres.execute(drop).await;
        let out = self.folder().join("snapshot");
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        let path = |name: &str| self.folder().join(name).display().to_string();
        LoaderRun::of(
            "build",
            [
                "--from-postgres".to_owned(),
                self.postgres.address(),
                "--mapping".to_owned(),
                path("mapping.toml"),
                "--out".to_owned(),
                path("snapshot"),
                "--capture-state".to_owned(),
                path("state"),
            ],
        )
    }

    /// Starts a capture into the log of a server.
    pub fn capture(&self, server: &Server) -> Outcome<Capture> {
        let mut command = Command::new(binary("databus")?);
        command
            .args(["capture", "postgres", "--url", &self.postgres.address()])
            .arg("--mapping")
            .arg(self.folder().join("mapping.toml"))
            .args(["--to", server.admin()])
            .arg("--state")
            .arg(self.folder().join("state"))
            .stdout(Stdio::null())
            .stderr(File::create(self.folder().join("capture.log"))?);
        Ok(Capture(command.spawn()?))
    }

    /// Waits until the log has everything up to a position of the database. Returns the time.
    pub async fn caught_up(&self, server: &Server, position: &str) -> Outcome<Duration> {
        let begun = Instant::now();
        let wanted = offset(position)?;
        let source = "SELECT 'pg:' || system_identifier || '/postgres' FROM pg_control_system()";
        let source = self.postgres.value(source).await;
        let admin = Admin::connect(server.admin()).await?;
        while admin
            .source(&*source)
            .await?
            .is_none_or(|last| last < wanted)
        {
            if begun.elapsed() > CATCH_UP {
                let printed = fs::read_to_string(self.folder().join("capture.log"))?;
                return Err(format!("capture does not reach {position}: {printed}").into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(begun.elapsed())
    }
}

impl Capture {
    /// Returns the resident memory of the process.
    pub fn resident(&self) -> Outcome<Resident> {
        Resident::of(&self.0.id().to_string())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Parses a position of PostgreSQL's log.
pub fn offset(position: &str) -> Outcome<u64> {
    let (high, low) = position.split_once('/').ok_or("no position")?;
    Ok(u64::from_str_radix(high, 16)? << 32 | u64::from_str_radix(low, 16)?)
}
