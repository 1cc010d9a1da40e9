//! Starts and stops the server's process.

use crate::Arguments;
use std::{
    collections::BTreeMap,
    error::Error,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

/// The server's process. It is killed on drop, unless it was stopped.
pub(crate) struct Server(Child);

impl Server {
    /// Starts the server, and waits until it prints the addresses that it listens on. Returns them.
    pub(crate) fn start(
        arguments: &Arguments,
        site: &Path,
        log: &Path,
    ) -> Result<(Self, String, String), Box<dyn Error>> {
        let begun = Instant::now();
        let child = Command::new(&arguments.server)
            .arg("serve")
            .arg("--snapshot")
            .arg(site)
            .arg("--databus")
            .arg(format!("embedded:{}", log.display()))
            .args([
                "--listen",
                &arguments.listen,
                "--admin-listen",
                &arguments.admin_listen,
            ])
            .stdout(Stdio::piped())
            .spawn();
        let mut server =
            Self(child.map_err(|error| format!("{}: {error}", arguments.server.display()))?);
        let stdout = server.0.stdout.take().ok_or("the server has no stdout")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let words: BTreeMap<_, _> = line
                .split(' ')
                .filter_map(|word| word.split_once('='))
                .collect();
            if let (Some(public), Some(admin)) = (words.get("public"), words.get("admin")) {
                say!("ready after {} ms", begun.elapsed().as_millis());
                return Ok((server, (*public).to_owned(), (*admin).to_owned()));
            }
        }
        Err("the server ended before it listened; its messages are above".into())
    }

    /// Stops the server and waits: it writes the changes since the snapshot to disk.
    pub(crate) fn stop(mut self) -> Result<(), Box<dyn Error>> {
        // Ctrl-C in a terminal reaches the server too, so it may have ended already.
        let _ = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .stderr(Stdio::null())
            .status()?;
        let status = self.0.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
