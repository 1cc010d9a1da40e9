//! A measured graph server or relay: the real binary, in its own process.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::binaries::binary;
use crate::memory::Resident;
use crate::outcome::Outcome;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    process: Child,
    public: String,
    admin: String,
}

impl Server {
    /// Starts a server on free ports, and waits until it listens. `folder` holds `snapshot/`, and
    /// `log/` is created there.
    pub fn start(folder: &Path, flags: &[&str]) -> Outcome<Self> {
        let log = format!("embedded:{}", folder.join("log").display());
        Self::serve(folder, &log, flags)
    }

    /// Starts a server that follows the relay at this address. `folder` holds `snapshot/`.
    pub fn following(folder: &Path, relay: &str) -> Outcome<Self> {
        Self::serve(folder, relay, &[])
    }

    /// Starts a relay on a new log in `folder/log`, which begins with the graph of this lineage.
    pub fn relay(folder: &Path, lineage: &str) -> Outcome<Self> {
        let mut command = Command::new(binary("databus")?);
        command
            .arg("serve")
            .arg("--log")
            .arg(folder.join("log"))
            .args(["--lineage", lineage]);
        Self::spawn(command, folder.join("relay.log"))
    }

    fn serve(folder: &Path, databus: &str, flags: &[&str]) -> Outcome<Self> {
        let mut command = Command::new(binary("graph-server")?);
        command
            .arg("serve")
            .arg("--snapshot")
            .arg(folder.join("snapshot"))
            .args(["--databus", databus])
            .args(flags);
        Self::spawn(command, folder.join("server.log"))
    }

    fn spawn(mut command: Command, log: PathBuf) -> Outcome<Self> {
        let mut process = command
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let listening = process.stdout.take().and_then(|stdout| {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines.find_map(|line| listening(&line))
        });
        let Some((public, admin)) = listening else {
            let _ = process.kill();
            let status = process.wait()?;
            let stderr = fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("the server ended before it listened ({status}): {stderr}").into());
        };
        Ok(Self {
            process,
            public,
            admin,
        })
    }

    /// Returns the address of the public listener, as `http://127.0.0.1:PORT`.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Returns the address of the admin listener, as `http://127.0.0.1:PORT`.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Returns the resident memory of the process.
    pub fn resident(&self) -> Outcome<Resident> {
        Resident::of(&self.process.id().to_string())
    }

    /// Returns the processor time of its threads so far. (Linux counts it by thread, in
    /// nanoseconds.)
    pub fn processor_time(&self) -> Outcome<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let schedule = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            let running = schedule
                .split(' ')
                .next()
                .and_then(|running| running.parse::<u64>().ok());
            nanoseconds += running.unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Kills the process with SIGKILL.
    pub fn kill(mut self) -> Outcome<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end of the process. Fails if its exit code is not 0.
    pub fn terminate(mut self) -> Outcome<()> {
        let pid = self.process.id().to_string();
        Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &pid])
            .status()?;
        let status = self.process.wait()?;
        if !status.success() {
            return Err(format!("the server ended with {status} on SIGTERM").into());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has ended already, which is no error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the addresses in `listening public=127.0.0.1:1 admin=127.0.0.1:2`.
fn listening(line: &str) -> Option<(String, String)> {
    let addresses = line.strip_prefix("listening ")?;
    let address = |name: &str| {
        let address = addresses
            .split(' ')
            .find_map(|word| word.strip_prefix(name))?;
        Some(format!("http://{address}"))
    };
    Some((address("public=")?, address("admin=")?))
}
