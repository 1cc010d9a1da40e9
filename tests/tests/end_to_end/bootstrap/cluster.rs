//! A PostgreSQL cluster of a test's own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cloud_tests::until::until;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The programs of Debian's package.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// A running cluster. Dropping it stops it.
pub(crate) struct Cluster {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Cluster {
    pub(crate) async fn start() -> Cluster {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let user = user_of_postgres();
        let data = folder.path().join("data");
        chown(folder.path(), Some(user.0), Some(user.1)).expect("the folder's owner is set");
        let program = |name: &str| {
            let mut command = Command::new(Path::new(PROGRAMS).join(name));
            command.current_dir(folder.path()).stdin(Stdio::null());
            if rustix::process::getuid().is_root() {
                command.uid(user.0).gid(user.1);
            }
            command
        };
        let made = program("initdb")
            .args(["--no-sync", "--auth", "trust", "--username", "core"])
            .args(["--encoding", "UTF8", "--locale", "C", "--pgdata"])
            .arg(&data)
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let process = program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-k", "", "-p", &port.to_string()])
            .args(["-c", "wal_level=logical", "-c", "fsync=off"])
            .args(["-c", "max_prepared_transactions=4"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        let cluster = Cluster {
            process,
            port,
            _folder: folder,
        };
        until("postgres takes connections", async || {
            tokio_postgres::connect(&cluster.address("postgres"), NoTls).await.ok().map(drop)
        })
        .await;
        cluster
    }

    /// Returns the address of a database, as the loader takes it.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://core@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) async fn connect(&self, database: &str) -> Client {
        let address = self.address(database);
        let connected = tokio_postgres::connect(&address, NoTls).await;
        let (client, connection) = connected.expect("a connection");
        tokio::spawn(connection);
        client
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let process = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(process, rustix::process::Signal::INT);
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

/// Returns the user and the group of the package: PostgreSQL does not run as root.
fn user_of_postgres() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("the users");
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<_> = line.expect("the user postgres").split(':').collect();
    let number = |field: usize| fields[field].parse().expect("a number");
    match rustix::process::getuid().is_root() {
        true => (number(2), number(3)),
        false => (
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        ),
    }
}
