//! The process of a server under test, and the user that it runs as.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::mpsc::{Sender, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// The time within which a server ends.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The server's process, and the thread that started it. The kernel takes the end of that thread
/// for the end of the test, so it lives as long as this.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    _thread: Sender<()>,
}

impl Process {
    /// Starts a server. `setpriv`, which begins the command, requests the signal for its end.
    pub(super) fn start(mut command: Command) -> Self {
        let (started, child) = channel();
        let (_thread, ended) = channel();
        thread::spawn(move || {
            let _ = started.send(command.spawn());
            // It ends when the handle of the process is dropped.
            let _ = ended.recv();
        });
        let child = child.recv().expect("the thread answers");
        Self {
            child: child.expect("setpriv of util-linux starts"),
            _thread,
        }
    }

    /// Sends a signal and waits for the end. `None` if it had to be killed.
    pub(super) fn end(mut self, signal: Signal) -> Option<ExitStatus> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It fails only when the process has ended.
        let _ = kill_process(pid?, signal);
        let start = Instant::now();
        while start.elapsed() < STOP_TIMEOUT {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => thread::sleep(POLL_INTERVAL),
                Err(_) => break,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }
}

/// Gives a file or folder to the user of the server.
pub(super) fn own_by_user(path: &Path) {
    if let Some((uid, gid)) = user() {
        chown(path, Some(uid), Some(gid)).expect("root may change the owner");
    }
}

/// Lets a command run as the user of the server.
pub(super) fn as_user(command: &mut Command) -> &mut Command {
    if let Some((uid, gid)) = user() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Returns the user and group `postgres` of Debian's package, since PostgreSQL does not run as
/// root. `None` if this process is not root.
fn user() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the list of users");
    let mut lines = users.lines();
    let fields = lines.find_map(|line| line.strip_prefix("postgres:"));
    let fields = fields.expect("a user `postgres`, since PostgreSQL does not run as root");
    let mut numbers = fields.split(':').skip(1);
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}
