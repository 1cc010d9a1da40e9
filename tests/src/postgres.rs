//! A PostgreSQL server under test: a cluster of its own on a free port, ended with the test.

use std::{
    env, fs,
    io::Write as _,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The variable that names the folder of PostgreSQL's programs.
const PROGRAMS: &str = "CLOUD_TEST_POSTGRES";
/// Where Debian's packages put them, by version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The time by which a server must answer, or end.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The database of the tests.
const DATABASE: &str = "site";

/// The settings of a server whose changes are captured.
const SETTINGS: [&str; 8] = [
    "wal_level=logical",
    "max_wal_senders=20",
    "max_replication_slots=20",
    "max_connections=60",
    "fsync=off",
    "shared_buffers=64MB",
    "max_wal_size=4GB",
    "unix_socket_directories=",
];

/// A running server with a database `site`. Dropping it ends it.
///
/// The server ends when the thread that started it ends, so that none is left when a test dies.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Sessions are cut off, and the server ends in order.
    Fast,
    /// The server ends at once, and recovers at its next start.
    Immediate,
    /// The server is killed (SIGKILL).
    Kill,
}

impl Postgres {
    /// Starts a server with an empty database.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server like [`start`](Self::start), with further settings as `name=value`.
    pub fn start_with(settings: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let user = user();
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("the folder can change its owner");
        }
        let settings = SETTINGS.iter().chain(settings);
        let mut server = Self {
            programs: programs(),
            folder,
            user,
            port: free_port(),
            settings: settings.map(ToString::to_string).collect(),
            process: None,
        };
        let data = server.data();
        let mut initdb = server.program("initdb");
        initdb
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync"]);
        let made = initdb.output().expect("initdb runs");
        let stderr = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {stderr}");
        server.resume();
        server.psql("postgres", &format!("CREATE DATABASE {DATABASE}"), &[]);
        server
    }

    /// Returns the address of the database.
    pub fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the version, such as 15.
    pub fn version(&self) -> u32 {
        let rows = self.query("SELECT current_setting('server_version_num')::int / 10000");
        rows[0][0].parse().expect("a version")
    }

    /// Runs SQL. Panics if it fails.
    pub fn execute(&self, sql: &str) {
        self.psql(DATABASE, sql, &[]);
    }

    /// Runs a query, and returns its rows as text; NULL as `\N`.
    pub fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let flags = ["--csv", "--tuples-only", "--pset=null=\\N"];
        let printed = self.psql(DATABASE, sql, &flags);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(printed.as_bytes());
        let rows = reader.records().map(|row| {
            let row = row.expect("a row of psql");
            row.iter().map(str::to_owned).collect()
        });
        rows.collect()
    }

    /// Ends the server.
    pub fn end(&mut self, end: End) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let signal = match end {
            End::Fast => rustix::process::Signal::INT,
            End::Immediate => rustix::process::Signal::QUIT,
            End::Kill => rustix::process::Signal::KILL,
        };
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, signal).expect("the server runs");
        let begun = Instant::now();
        while process.try_wait().expect("the server's state").is_none() {
            assert!(begun.elapsed() < TIMEOUT, "PostgreSQL does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the server again, after its end.
    pub fn resume(&mut self) {
        let printed = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("the server's log");
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "QUIT", "--"])
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        as_user(&mut command, self.user);
        let process = command
            .stdin(Stdio::null())
            .stdout(printed.try_clone().expect("a descriptor"))
            .stderr(printed)
            .spawn();
        self.process = Some(process.expect("setpriv of util-linux runs"));
        let begun = Instant::now();
        let is_ready = || {
            let mut ready = Command::new(self.programs.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            ready.status().expect("pg_isready runs").success()
        };
        while !is_ready() {
            assert!(
                begun.elapsed() < TIMEOUT,
                "PostgreSQL does not start: {}",
                fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns a program of this version, to be run against the database.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        as_user(&mut command, self.user);
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .current_dir(self.folder.path());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn psql(&self, database: &str, sql: &str, flags: &[&str]) -> String {
        let mut command = self.program("psql");
        command
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
            .args(["--dbname", database])
            .args(flags)
            .env("PGTZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("psql runs");
        let mut stdin = process.stdin.take().expect("a pipe");
        let text = sql.to_owned();
        let writer = thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = process.wait_with_output().expect("psql ends");
        // psql closes the pipe early if a statement fails, which is asserted below.
        let _ = writer.join().expect("the writer ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql: {stderr}\n{}", excerpt(sql));
        String::from_utf8(output.stdout).expect("psql prints UTF-8")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end(End::Immediate);
    }
}

fn excerpt(sql: &str) -> String {
    sql.chars().take(500).collect()
}

/// Returns the folder of PostgreSQL's programs: the one that the variable names, or the newest of
/// Debian's.
fn programs() -> PathBuf {
    if let Some(folder) = env::var_os(PROGRAMS) {
        return folder.into();
    }
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let folders = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin")))
    });
    let newest = folders.filter(|(_, folder)| folder.join("postgres").exists()).max();
    let (_, folder) = newest.unwrap_or_else(|| {
        panic!("no PostgreSQL in {DEBIAN}: run tests/postgres-installed, or set {PROGRAMS}")
    });
    folder
}

/// Returns the user and the group `postgres` of Debian's package, since PostgreSQL does not run as
/// root. `None` when this process is not root.
fn user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let line = users.lines().find_map(|line| line.strip_prefix("postgres:"));
    let line = line.expect("a user `postgres`, since PostgreSQL does not run as root");
    let mut numbers = line.split(':').skip(1).map(|number| number.parse().expect("an id"));
    Some((numbers.next().expect("a uid"), numbers.next().expect("a gid")))
}

fn as_user(command: &mut Command, user: Option<(u32, u32)>) {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
}

/// Returns a port without a listener.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
