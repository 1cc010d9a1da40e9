//! A rival's server: a child process on a free port of the loopback interface, which ends when this
//! run does.

use std::{
    fs::File,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{memory::Resident, outcome::Outcome};

/// The time by which a server must answer.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The time after which a server that has not ended is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The interval between two checks whether it has ended.
const STOP_INTERVAL: Duration = Duration::from_millis(20);

/// A running process. Dropping it sends the signal for its prompt and orderly end. When this
/// process ends without dropping it, the kernel sends that signal.
#[derive(Debug)]
pub(super) struct Rival {
    process: Child,
    signal: &'static str,
}

/// The user of a server that refuses to run as root.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    uid: u32,
    gid: u32,
}

impl Rival {
    /// Starts a program as a user, with its output in a file. `setpriv` requests the signal from
    /// the kernel, and then becomes the program. Call this on the main thread: the kernel takes the
    /// end of the thread for that of its process.
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

    /// Returns the memory of the process.
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
                // It fails only when the process has ended meanwhile.
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            thread::sleep(STOP_INTERVAL);
        }
    }
}

impl User {
    /// Returns the user `postgres` of Debian's package, since PostgreSQL does not run as root.
    /// `None` when this process is not root.
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

    /// Sets this user for a command.
    pub(super) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

/// Returns a port without a listener.
pub(super) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
