//! A graph server or a relay under test: the real binary, killed or stopped by its process id.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use cloud_client::{Admin, Client};

use crate::binaries::binary;

/// The flags of a server that compacts its overlay into a new snapshot after every change.
pub const COMPACTING: [&str; 4] = ["--compaction-percent", "0", "--compaction-bytes-min", "0"];

/// The last lines of a process's log that a failed test shows.
const LINES_SHOWN: usize = 20;

/// A running server, or a running relay. Dropping it kills it.
pub struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    public: String,
    admin: String,
    /// The file with its stderr.
    log: PathBuf,
}

/// Connections to the two listeners of a server. Their calls state no deadline, so the server's
/// default applies.
#[derive(Clone, Debug)]
pub struct Connections {
    /// The client of the public listener.
    pub client: Client,
    /// The client of the admin listener.
    pub admin: Admin,
    /// The client of a graph server's log, on the admin listener.
    pub log: Client,
}

impl Server {
    /// Starts a server on free ports and waits until it serves. `folder` holds `snapshot/` and
    /// `log/`.
    pub fn start(folder: &Path) -> Server {
        Server::start_with(folder, &[])
    }

    /// Starts a server like [`start`](Self::start), with more flags.
    pub fn start_with(folder: &Path, flags: &[&str]) -> Server {
        Server::try_start(folder, flags)
            .unwrap_or_else(|log| panic!("the server did not start:\n{log}"))
    }

    /// Starts a server like [`start_with`](Self::start_with). Returns its stderr if it ended before
    /// it served.
    pub fn try_start(folder: &Path, flags: &[&str]) -> Result<Server, String> {
        let log = format!("embedded:{}", folder.join("log").display());
        Server::try_follow(folder, &log, flags)
    }

    /// Starts a server like [`try_start`](Self::try_start), under another program. `wrapper` is
    /// that program and its arguments. The program must become the server's process.
    pub fn try_start_under(
        wrapper: &[&str],
        folder: &Path,
        flags: &[&str],
    ) -> Result<Server, String> {
        let (program, arguments) = wrapper.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(arguments).arg(binary("graph-server"));
        let log = format!("embedded:{}", folder.join("log").display());
        Server::serve(command, folder, &log, flags)
    }

    /// Starts a server like [`try_start`](Self::try_start), on the log that `databus` names.
    /// `folder` holds `snapshot/`.
    pub fn try_follow(folder: &Path, databus: &str, flags: &[&str]) -> Result<Server, String> {
        let command = Command::new(binary("graph-server"));
        Server::serve(command, folder, databus, flags)
    }

    /// Starts a server with a core database, on free ports, and waits until it serves. `folder`
    /// holds `mapping.toml`, and becomes the server's folder. Returns its stderr if it ended
    /// before.
    pub fn try_start_with_database(
        database: &str,
        folder: &Path,
        flags: &[&str],
    ) -> Result<Server, String> {
        let mut command = Server::with_database(database, folder, flags);
        Server::spawn(&mut command, &folder.join("server.log"))
    }

    /// Returns the command that starts a server with a core database.
    pub fn with_database(database: &str, folder: &Path, flags: &[&str]) -> Command {
        let mut command = Command::new(binary("graph-server"));
        command
            .args(["serve", "--core-database", database, "--mapping"])
            .arg(folder.join("mapping.toml"))
            .arg("--data")
            .arg(folder)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(flags);
        command
    }

    fn serve(
        mut command: Command,
        folder: &Path,
        databus: &str,
        flags: &[&str],
    ) -> Result<Server, String> {
        command
            .arg("serve")
            .arg("--snapshot")
            .arg(folder.join("snapshot"))
            .args(["--databus", databus])
            .args(["--listen", "127.0.0.1:0"])
            .args(flags);
        if !flags.contains(&"--admin-listen") {
            command.args(["--admin-listen", "127.0.0.1:0"]);
        }
        Server::spawn(&mut command, &folder.join("server.log"))
    }

    /// Starts a relay on the log in `folder/log`, which begins with the graph of this lineage. A
    /// port of 0 takes a free one.
    pub fn relay(folder: &Path, lineage: &str, ports: [u16; 2], flags: &[&str]) -> Server {
        Server::try_relay(folder, lineage, ports, flags)
            .unwrap_or_else(|log| panic!("the relay did not start:\n{log}"))
    }

    /// Starts a relay like [`relay`](Self::relay), on free ports, which reads the lineage from the
    /// snapshots in `site`.
    pub fn relay_of(folder: &Path, site: &Path) -> Server {
        Server::spawn_relay(
            folder,
            &[OsStr::new("--snapshot"), site.as_os_str()],
            [0, 0],
            &[],
        )
        .unwrap_or_else(|log| panic!("the relay did not start:\n{log}"))
    }

    /// Starts a relay like [`relay`](Self::relay). Returns its stderr if it ended before it served.
    pub fn try_relay(
        folder: &Path,
        lineage: &str,
        ports: [u16; 2],
        flags: &[&str],
    ) -> Result<Server, String> {
        Server::spawn_relay(
            folder,
            &["--lineage", lineage].map(OsStr::new),
            ports,
            flags,
        )
    }

    fn spawn_relay(
        folder: &Path,
        graph: &[&OsStr],
        ports: [u16; 2],
        flags: &[&str],
    ) -> Result<Server, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let [listen, admin] = ports.map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(binary("databus"));
        command
            .arg("serve")
            .arg("--log")
            .arg(folder.join("log"))
            .args(graph)
            .args(["--listen", &listen])
            .args(["--admin-listen", &admin])
            .args(flags);
        Server::spawn(&mut command, &folder.join(format!("relay-{number}.log")))
    }

    /// Runs the process until it prints its addresses. Its stderr goes to the file `log`, and is
    /// returned if the process ended before.
    fn spawn(command: &mut Command, log: &Path) -> Result<Server, String> {
        let stderr = File::create(log).expect("a file for the process's stderr");
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the binary starts");
        let mut output = BufReader::new(process.stdout.take().expect("a piped stdout"));
        for line in output.by_ref().lines() {
            let line = line.expect("the process prints UTF-8");
            if let Some(addresses) = line.strip_prefix("listening ") {
                let address = |name: &str| {
                    addresses
                        .split(' ')
                        .find_map(|word| word.strip_prefix(name))
                        .map(|address| format!("http://{address}"))
                        .unwrap_or_else(|| panic!("no {name} in {line:?}"))
                };
                let (public, admin) = (address("public="), address("admin="));
                return Ok(Server {
                    process,
                    output,
                    public,
                    admin,
                    log: log.to_owned(),
                });
            }
        }
        let status = process.wait().expect("the process ended");
        Err(format!(
            "{status}\n{}",
            std::fs::read_to_string(log).unwrap_or_default()
        ))
    }

    /// Returns the public listener, as `http://127.0.0.1:PORT`.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Returns the ports of both listeners, so that another server can start on them.
    pub fn ports(&self) -> [u16; 2] {
        [&self.public, &self.admin].map(|address| {
            let port = address
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok());
            port.expect("a port")
        })
    }

    /// Returns the admin listener, as `http://127.0.0.1:PORT`.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Connects to both listeners.
    pub async fn connect(&self) -> Connections {
        Connections::to(&self.public, &self.admin).await
    }

    /// Waits until the server has ended, and the program under which it was started.
    pub fn wait(mut self) -> ExitStatus {
        let status = self.process.wait().expect("the server was running");
        io::copy(&mut self.output, &mut io::sink()).expect("its output has an end");
        status
    }

    /// Returns the peak of the resident memory so far, in bytes.
    pub fn peak_memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .expect("the server runs");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix(" kB"));
        let kib: u64 = peak
            .and_then(|kib| kib.trim().parse().ok())
            .expect("VmHWM in kB");
        kib * 1024
    }

    /// Allows the process no further descriptor, or again as many as the system allows.
    pub fn limit_descriptors(&self, is_limited: bool) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let pid = Some(Pid::from_child(&self.process));
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.process.id()));
        let open = open.expect("the server runs").map(|entry| {
            let name = entry.expect("a descriptor").file_name();
            name.to_str().and_then(|number| number.parse().ok())
        });
        let open: BTreeSet<u64> = open.flatten().collect();
        // The next descriptor would have this number, and the limit is of numbers.
        let next = (0..).find(|number| !open.contains(number));
        let status = std::fs::read_to_string(format!("/proc/{}/limits", self.process.id()));
        let status = status.expect("the server runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let maximum = line.and_then(|line| line.split_whitespace().nth(4)?.parse().ok());
        let current = if is_limited { next } else { maximum };
        prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).expect("a lower limit");
    }

    /// Sends SIGKILL, and waits for the end.
    pub fn kill(mut self) {
        self.process.kill().expect("the server was running");
        self.wait();
    }

    /// Sends SIGTERM, and returns the exit status.
    pub fn terminate(self) -> ExitStatus {
        let pid = self.process.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &pid])
            .status()
            .expect("sh runs");
        assert!(sent.success(), "the server was running");
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A test has failed: what the process said may be the reason.
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            let first = said.lines().count().saturating_sub(LINES_SHOWN);
            let last: Vec<_> = said.lines().skip(first).collect();
            eprintln!("{:?}: {}", self.process.try_wait(), last.join("\n"));
        }
        // Both fail only if the process has already ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Connections {
    /// Connects to the two listeners of a server, given as `http://127.0.0.1:PORT`.
    pub async fn to(public: &str, admin: &str) -> Connections {
        let client = Client::connect(public).await;
        let log = Client::connect(admin).await;
        let admin = Admin::connect(admin).await;
        Connections {
            client: client
                .expect("the public listener answers")
                .without_timeout(),
            admin: admin.expect("the admin listener answers").without_timeout(),
            log: log.expect("the admin listener answers").without_timeout(),
        }
    }
}
