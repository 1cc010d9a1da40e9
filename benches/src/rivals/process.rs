//! A rival's server: a process of our own, on a free port of the loopback interface, that ends when this run does.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::memory::Resident;
use crate::outcome::Outcome;

/// One that does not answer by then does not come.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(30);
/// One that has not ended by then is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks whether it has ended.
const STOP_INTERVAL: Duration = Duration::from_millis(20);

/// A running process. Dropping it ends it by the signal that it takes for a prompt and orderly end; when this process ends
/// without dropping it, the kernel sends that signal.
#[derive(Debug)]
pub(super) struct Rival {
    process: Child,
    signal: &'static str,
}

/// Whom a server runs as, when it refuses to run as root.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    uid: u32,
    gid: u32,
}

impl Rival {
    /// Starts a program, as a user; what it prints goes to a file. `setpriv` asks the kernel for the signal and becomes the
    /// program. To be called on the main thread: the kernel takes the end of the thread for that of its process.
    pub(super) fn start(
        program: &Command,
        user: Option<User>,
        log: &Path,
        signal: &'static str,
    ) -> Outcome<Self> {
        let printed = File::create(log)?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", signal, "--"])
            .arg(program.get_program())
            .args(program.get_args());
        if let Some(user) = user {
            user.run(&mut command);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(printed.try_clone()?)
            .stderr(printed)
            .spawn()
            .map_err(|error| format!("setpriv of util-linux does not start: {error}"))?;
        Ok(Self { process, signal })
    }

    /// What memory it takes.
    pub(super) fn resident(&self) -> Outcome<Resident> {
        Resident::of(&self.process.id().to_string())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let _ = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", self.signal, &pid])
            .status();
        let start = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            if start.elapsed() > STOP_TIMEOUT {
                // It fails only when the process has ended after all.
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            thread::sleep(STOP_INTERVAL);
        }
    }
}

impl User {
    /// Somebody else than root to run PostgreSQL as: the user `postgres` of Debian's package. `None` when this is not root.
    pub(super) fn other_than_root() -> Outcome<Option<Self>> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let effective = status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
        if effective != Some("0") {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        let fields = users
            .lines()
            .find_map(|line| line.strip_prefix("postgres:"))
            .ok_or("PostgreSQL does not run as root, and there is no user `postgres`")?;
        let mut numbers = fields.split(':').skip(1).map(str::parse::<u32>);
        let mut number = || numbers.next().ok_or("/etc/passwd has a line without ids");
        Ok(Some(Self {
            uid: number()??,
            gid: number()??,
        }))
    }

    /// Gives a folder to this user.
    pub(super) fn own(self, folder: &Path) -> Outcome<()> {
        Ok(std::os::unix::fs::chown(
            folder,
            Some(self.uid),
            Some(self.gid),
        )?)
    }

    /// Lets a command run as this user.
    pub(super) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
