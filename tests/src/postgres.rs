//! A PostgreSQL server under test: a cluster of its own in a temporary folder, on a free port of
//! the loopback interface.
//!
//! The server ends when its handle is dropped. If the test's process dies, the kernel sends the
//! server the signal to end. Clusters do not sync to disk, unless a test keeps fsync on: they
//! survive every end of the server, but not of the machine.
//!
//! ```no_run
//! use cloud_tests::postgres::{Postgres, Shutdown};
//!
//! # async fn example() {
//! let Some(mut postgres) = Postgres::start().await else {
//!     return; // Not installed: said on stderr, and fails in CI.
//! };
//! postgres.execute("CREATE TABLE users (id bigint PRIMARY KEY)").await;
//! postgres.restart(Shutdown::Immediate).await;
//! assert_eq!(postgres.value("SELECT count(*) FROM users").await, "0");
//! println!("{}", postgres.address());
//! # }
//! ```

mod options;
mod process;

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub use options::{PostgresOptions, programs};
use process::{Process, as_user, own_by_user};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// The superuser of each cluster.
pub const SUPERUSER: &str = "postgres";
/// The database that each cluster has.
pub const DATABASE: &str = "postgres";
/// The settings of each server, before those of the test.
const SETTINGS: [(&str, &str); 8] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("wal_level", "logical"),
    ("max_replication_slots", "40"),
    ("max_wal_senders", "40"),
    ("max_connections", "200"),
    ("shared_buffers", "64MB"),
    ("log_line_prefix", "%m [%p] "),
];
/// The time within which a server accepts connections, recovery included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// The last lines of a server's log that a failed test shows.
const LINES_SHOWN: usize = 30;

/// A running PostgreSQL server with its cluster. Dropping it ends the server and deletes the
/// cluster.
#[derive(Debug)]
pub struct Postgres {
    options: PostgresOptions,
    port: u16,
    process: Option<Process>,
    folder: TempDir,
}

/// The ways in which a server is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Ends the sessions, waits for the receivers of its log, and writes a checkpoint.
    Fast,
    /// Ends at once, without a checkpoint: the next start recovers.
    Immediate,
}

impl Postgres {
    /// Starts a server of the installed version. `None` if none is installed: this says so, and
    /// fails in CI.
    pub async fn start() -> Option<Self> {
        Some(Self::start_with(PostgresOptions::installed()?).await)
    }

    /// Creates a cluster and starts a server.
    pub async fn start_with(options: PostgresOptions) -> Self {
        let folder = temporary_folder();
        let mut initdb = options.command("initdb");
        initdb
            .arg("-D")
            .arg(folder.path().join("cluster"))
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg(format!("--username={SUPERUSER}"));
        if let Some(password) = &options.password {
            let file = folder.path().join("password");
            fs::write(&file, password).expect("a file for the password");
            initdb
                .arg("--auth=scram-sha-256")
                .arg(format!("--pwfile={}", file.display()));
            own_by_user(&file);
        } else {
            initdb.arg("--auth=trust");
        }
        own_by_user(folder.path());
        run(as_user(&mut initdb));
        let settings = folder.path().join("cluster/postgresql.conf");
        let settings = File::options().append(true).open(settings);
        let included = settings.and_then(|mut file| file.write_all(b"include 'test.conf'\n"));
        included.expect("the settings of the cluster");
        let mut postgres = Self {
            options,
            port: free_port(),
            process: None,
            folder,
        };
        postgres.start_again().await;
        postgres
    }

    /// Copies the cluster and starts a standby that follows this server through a slot.
    pub async fn standby(&self, slot: &str) -> Self {
        let folder = temporary_folder();
        let mut copy = self.options.command("pg_basebackup");
        copy.arg("-D")
            .arg(folder.path().join("cluster"))
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .args(["--create-slot", "--slot", slot, "--dbname"])
            .arg(format!(
                "host=127.0.0.1 port={} user={SUPERUSER} dbname={DATABASE}",
                self.port
            ));
        if let Some(password) = &self.options.password {
            copy.env("PGPASSWORD", password);
        }
        own_by_user(folder.path());
        run(as_user(&mut copy));
        let mut standby = Self {
            options: self.options.clone(),
            port: free_port(),
            process: None,
            folder,
        };
        standby.start_again().await;
        standby
    }

    /// Makes a standby a primary, and waits until it is one.
    pub async fn promote(&self) {
        assert_eq!(self.value("SELECT pg_promote()").await, "t");
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the number of the version, such as 150014 for 15.14.
    pub async fn version(&self) -> u32 {
        let version = self.value("SHOW server_version_num").await;
        version.parse().expect("the number of a version")
    }

    /// Returns the address of the database that each cluster has, for the superuser, without the
    /// password.
    pub fn address(&self) -> String {
        self.address_of(DATABASE)
    }

    /// Returns the address of a database for the superuser, without the password.
    pub fn address_of(&self, database: &str) -> String {
        self.address_for(SUPERUSER, database)
    }

    /// Returns the address of a database for a user, without the password.
    pub fn address_for(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the cluster's folder.
    pub fn cluster(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// Returns the text that the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Returns the process id of the server while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.child.id())
    }

    /// Writes a file into the cluster's folder, which only the server may read.
    pub fn put_file(&self, name: &str, content: &str) {
        let path = self.cluster().join(name);
        fs::write(&path, content).expect("a file of the cluster");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its mode");
        own_by_user(&path);
    }

    /// Sets a setting of the next starts, such as `wal_level`.
    pub fn set(&mut self, name: &str, value: &str) {
        let setting = (name.to_owned(), value.to_owned());
        self.options.settings.push(setting);
    }

    /// Begins a session of the superuser with the database that each cluster has.
    pub async fn connect(&self) -> Client {
        self.connect_to(DATABASE).await
    }

    /// Begins a session of the superuser with a database.
    pub async fn connect_to(&self, database: &str) -> Client {
        let session = self.session(database).await;
        session.unwrap_or_else(|error| panic!("{database}: {error:?}\n{}", self.last_lines()))
    }

    /// Creates a database and returns its address for the superuser.
    pub async fn create_database(&self, name: &str) -> String {
        self.execute(&format!("CREATE DATABASE \"{name}\"")).await;
        self.address_of(name)
    }

    /// Executes statements in a session of their own.
    pub async fn execute(&self, statements: &str) {
        self.execute_in(DATABASE, statements).await;
    }

    /// Executes statements in a session of their own with a database.
    pub async fn execute_in(&self, database: &str, statements: &str) {
        let outcome = self.try_execute_in(database, statements).await;
        outcome.unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// Executes statements like [`execute_in`](Self::execute_in), and returns the error.
    pub async fn try_execute_in(
        &self,
        database: &str,
        statements: &str,
    ) -> Result<(), tokio_postgres::Error> {
        let session = self.session(database).await?;
        session.batch_execute(statements).await
    }

    /// Returns the rows of a query, each value as the text that the server prints.
    pub async fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        self.rows_in(DATABASE, query).await
    }

    /// Returns the rows of a query in a database, each value as the text that the server prints.
    pub async fn rows_in(&self, database: &str, query: &str) -> Vec<Vec<Option<String>>> {
        let session = self.connect_to(database).await;
        let messages = session.simple_query(query).await;
        let messages = messages.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let values = (0..row.len()).map(|place| row.get(place).map(str::to_owned));
                Some(values.collect())
            }
            _ => None,
        });
        rows.collect()
    }

    /// Returns the one value of a query as text. NULL is the empty text.
    pub async fn value(&self, query: &str) -> String {
        self.value_in(DATABASE, query).await
    }

    /// Returns the one value of a query in a database as text. NULL is the empty text.
    pub async fn value_in(&self, database: &str, query: &str) -> String {
        let mut rows = self.rows_in(database, query).await;
        match rows.as_mut_slice() {
            [row] if row.len() == 1 => row[0].take().unwrap_or_default(),
            rows => panic!("{query}: not one value: {rows:?}"),
        }
    }

    /// Ends the server and starts it again on the same port.
    pub async fn restart(&mut self, shutdown: Shutdown) {
        self.stop(shutdown);
        self.start_again().await;
    }

    /// Ends the server and waits for its end. The cluster stays.
    pub fn stop(&mut self, shutdown: Shutdown) {
        let signal = match shutdown {
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
        };
        let Some(process) = self.process.take() else {
            return;
        };
        if process.end(signal).is_none() {
            panic!("the server did not end:\n{}", self.last_lines());
        }
    }

    /// Kills the server's process. Its sessions end themselves when they notice.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.end(Signal::KILL);
        }
    }

    /// Starts a server that was stopped or killed, and waits until it accepts connections.
    pub async fn start_again(&mut self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            let mut process = self.process.take().unwrap_or_else(|| self.spawn());
            if matches!(process.child.try_wait(), Ok(None)) {
                self.process = Some(process);
                if self.session(DATABASE).await.is_ok() {
                    return;
                }
            }
            // The sessions of a killed server hold its memory for a moment, and a start fails.
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        panic!("the server did not start:\n{}", self.last_lines());
    }

    fn spawn(&self) -> Process {
        let mut command = Command::new("setpriv");
        command
            .envs(self.options.library_path())
            .args(["--pdeathsig", "INT", "--"])
            .arg(self.options.programs.join("postgres"))
            .arg("-D")
            .arg(self.cluster())
            .args(["-p", &self.port.to_string()]);
        self.write_settings();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path());
        let log = log.expect("a file for the server's log");
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        as_user(&mut command);
        Process::start(command)
    }

    /// Writes the settings to a file that the server reads. `ALTER SYSTEM` goes before it.
    fn write_settings(&self) {
        let fsync = ("fsync", if self.options.fsync { "on" } else { "off" });
        let own = (self.options.settings.iter()).map(|(name, value)| (&**name, &**value));
        let settings = SETTINGS.into_iter().chain([fsync]).chain(own);
        let lines = settings.map(|(name, value)| format!("{name} = '{value}'\n"));
        let file = self.cluster().join("test.conf");
        fs::write(&file, lines.collect::<String>()).expect("a file for the settings");
        own_by_user(&file);
    }

    async fn session(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.port)
            .user(SUPERUSER)
            .dbname(database);
        if let Some(password) = &self.options.password {
            config.password(password);
        }
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }

    fn last_lines(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The cluster is deleted, so no checkpoint is needed.
        if let Some(process) = self.process.take() {
            process.end(Signal::QUIT);
        }
    }
}

fn temporary_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("postgres-").tempdir();
    folder.expect("a temporary folder")
}

/// Returns a port without a listener.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn run(command: &mut Command) {
    let output = command.current_dir("/").output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn what_is_committed_survives_every_end_of_the_server() {
        let Some(mut postgres) = Postgres::start().await else {
            return;
        };
        postgres.execute("CREATE TABLE kept (id int)").await;
        for count in 1..=3 {
            postgres.execute("INSERT INTO kept VALUES (1)").await;
            match count {
                1 => postgres.restart(Shutdown::Fast).await,
                2 => postgres.restart(Shutdown::Immediate).await,
                _ => {
                    postgres.kill();
                    postgres.start_again().await;
                }
            }
            let found = postgres.value("SELECT count(*) FROM kept").await;
            assert_eq!(found, count.to_string());
        }
        assert_eq!(postgres.value("SHOW wal_level").await, "logical");
        assert!(postgres.version().await >= 14_00_00);
        let (folder, pid) = (postgres.folder.path().to_owned(), postgres.pid());
        drop(postgres);
        assert!(!folder.exists());
        let pid = pid.expect("it ran");
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[tokio::test]
    async fn a_standby_follows_and_is_promoted() {
        let Some(primary) = Postgres::start().await else {
            return;
        };
        let standby = primary.standby("second").await;
        assert_eq!(standby.value("SELECT pg_is_in_recovery()").await, "t");
        primary.execute("CREATE TABLE kept (id int)").await;
        let written = primary.value("SELECT pg_current_wal_lsn()").await;
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        crate::until::until("the standby follows", async || {
            (standby.value(&replayed).await == "t").then_some(())
        })
        .await;
        drop(primary);
        standby.promote().await;
        standby.execute("INSERT INTO kept VALUES (1)").await;
    }

    #[tokio::test]
    async fn a_password_is_needed_if_one_is_set() {
        let Some(mut options) = PostgresOptions::installed() else {
            return;
        };
        options.password = Some("a secret".to_owned());
        let postgres = Postgres::start_with(options.with("wal_level", "replica")).await;
        assert_eq!(postgres.value("SHOW wal_level").await, "replica");
        let without = tokio_postgres::connect(&postgres.address(), NoTls).await;
        assert!(without.is_err());
    }
}
