//! Runs the binaries with streams that are closed, full or broken, and ends them by signals.
//!
//! [`Server`](crate::server::Server) reads a server's addresses from its stdout. A server whose
//! stdout is broken, or that has not started yet, gets its ports here.

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::binaries::binary;
use crate::http;

pub use rustix::process::Signal;

/// The time after which a process is taken for one that hangs.
const END_MAX: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// More than a pipe holds.
const PIPE_BYTES_MAX: usize = 1 << 20;

/// The state of a stream of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// stdout and stderr go to files, stdin has an end.
    Sound,
    /// The descriptor is closed.
    Closed,
    /// The disk is full: stdout and stderr are `/dev/full`. For stdin, bytes without an end.
    Full,
    /// The other end of the pipe is closed.
    Gone,
    /// The pipe is full, and its reader does not read. For stdin, nothing ever comes.
    Stuck,
    /// Neither a file nor a pipe: stdin is a folder.
    Folder,
}

/// The three streams of a process.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    /// The state of stdin.
    pub stdin: Stream,
    /// The state of stdout.
    pub stdout: Stream,
    /// The state of stderr.
    pub stderr: Stream,
}

/// Three sound streams.
pub const SOUND: Streams = Streams {
    stdin: Stream::Sound,
    stdout: Stream::Sound,
    stderr: Stream::Sound,
};

/// A running process. Dropping it kills it.
pub struct Process {
    child: Child,
    program: PathBuf,
    folder: tempfile::TempDir,
    /// The ends of pipes that must stay open.
    _ends: (Vec<PipeReader>, Vec<PipeWriter>),
}

/// A process that has ended, with what it wrote to sound streams.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// The text on stdout.
    pub stdout: String,
    /// The text on stderr.
    pub stderr: String,
}

impl Process {
    /// Starts a program. `wrapper` is another program, with its arguments, that becomes it; none if
    /// it is empty.
    pub fn spawn(
        wrapper: &[&str],
        program: &str,
        arguments: &[impl AsRef<str>],
        streams: Streams,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let Streams {
            stdin,
            stdout,
            stderr,
        } = streams;
        // The shell closes descriptors, and becomes the program.
        let mut script = String::from("exec \"$@\"");
        for (stream, close) in [(stdin, " <&-"), (stdout, " >&-"), (stderr, " 2>&-")] {
            if stream == Stream::Closed {
                script += close;
            }
        }
        let mut ends = (Vec::new(), Vec::new());
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).args(wrapper);
        command
            .arg(program)
            .args(arguments.iter().map(AsRef::as_ref));
        command.stdin(input(stdin, &mut ends.1));
        command.stdout(output(stdout, &folder.path().join("stdout"), &mut ends.0));
        command.stderr(output(stderr, &folder.path().join("stderr"), &mut ends.0));
        Self {
            child: command.spawn().expect("sh starts"),
            program: fs::canonicalize(program).unwrap_or_else(|_| program.into()),
            folder,
            _ends: ends,
        }
    }

    /// Sends a signal, once the shell has become the program: a signal that the shell has noted and
    /// not acted on is lost with it.
    pub fn signal(&self, signal: Signal) {
        let exe = format!("/proc/{}/exe", self.id());
        let begun = Instant::now();
        while fs::read_link(&exe).is_ok_and(|running| running != self.program) {
            assert!(begun.elapsed() < END_MAX, "{:?} does not run", self.program);
            std::thread::sleep(POLL_INTERVAL);
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the process runs");
    }

    /// Returns the process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Returns what the process has written to stderr so far, if that is a file.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// Waits for the end. Panics if it takes too long.
    pub fn wait(mut self) -> Ended {
        let begun = Instant::now();
        while !self.has_ended() {
            assert!(begun.elapsed() < END_MAX, "it hangs: {}", self.stderr());
            std::thread::sleep(POLL_INTERVAL);
        }
        let read = |name| fs::read(self.folder.path().join(name)).unwrap_or_default();
        let text = |name| String::from_utf8_lossy(&read(name)).into_owned();
        Ended {
            status: self.child.wait().expect("a child"),
            stdout: text("stdout"),
            stderr: text("stderr"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has already ended, which is the aim.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: &[impl AsRef<str>], streams: Streams) -> Ended {
    Process::spawn(&[], program, arguments, streams).wait()
}

fn input(stream: Stream, ends: &mut Vec<PipeWriter>) -> Stdio {
    match stream {
        Stream::Sound | Stream::Closed => Stdio::null(),
        Stream::Full => File::open("/dev/zero").expect("/dev/zero").into(),
        Stream::Folder => File::open("/").expect("a folder").into(),
        Stream::Gone | Stream::Stuck => {
            let (reader, writer) = io::pipe().expect("a pipe");
            if stream == Stream::Stuck {
                ends.push(writer);
            }
            reader.into()
        }
    }
}

fn output(stream: Stream, file: &Path, ends: &mut Vec<PipeReader>) -> Stdio {
    let created = || File::create(file).expect("a file").into();
    match stream {
        Stream::Sound | Stream::Closed | Stream::Folder => created(),
        Stream::Full => {
            let full = File::options().write(true).open("/dev/full");
            full.expect("/dev/full").into()
        }
        Stream::Gone | Stream::Stuck => {
            let (reader, mut writer) = io::pipe().expect("a pipe");
            if stream == Stream::Stuck {
                rustix::io::ioctl_fionbio(&writer, true).expect("a pipe");
                let mut written = 0;
                while written < PIPE_BYTES_MAX
                    && let Ok(more) = writer.write(&[b'\n'; 512])
                {
                    written += more;
                }
                rustix::io::ioctl_fionbio(&writer, false).expect("a pipe");
                ends.push(reader);
            }
            writer.into()
        }
    }
}

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `graph-server serve`, with an embedded log.
    GraphServer,
    /// `databus serve`.
    Relay,
}

/// A server with known ports, which may not have started yet.
pub struct Served {
    /// Its process.
    pub process: Process,
    /// The address of the public listener.
    pub public: String,
    /// The address of the admin listener.
    pub admin: String,
}

/// The lineage of a log that a relay creates.
pub const LINEAGE: &str = "00112233445566778899aabbccddeeff";

impl Served {
    /// Starts a server, and does not wait for it. `folder` holds `snapshot/` and `log/`.
    pub fn spawn(
        kind: Kind,
        folder: &Path,
        wrapper: &[&str],
        flags: &[&str],
        streams: Streams,
    ) -> Self {
        let log = folder.join("log");
        let log = log.to_str().expect("UTF-8");
        let snapshot = folder.join("snapshot");
        let embedded = format!("embedded:{log}");
        let (name, arguments) = match kind {
            Kind::GraphServer => {
                let snapshot = snapshot.to_str().expect("UTF-8");
                let databus = ["--databus", &embedded];
                let databus = if flags.contains(&"--databus") {
                    &databus[..0]
                } else {
                    &databus
                };
                let arguments = [&["serve", "--snapshot", snapshot], databus].concat();
                ("graph-server", arguments)
            }
            Kind::Relay => ("databus", vec!["serve", "--log", log, "--lineage", LINEAGE]),
        };
        let [public, admin] = free_addresses();
        let listeners = ["--listen", &public, "--admin-listen", &admin];
        let listeners = if flags.contains(&"--listen") {
            &listeners[..0]
        } else {
            &listeners
        };
        let arguments = [&arguments, listeners, flags].concat();
        let program = binary(name);
        let program = program.to_str().expect("UTF-8");
        let process = Process::spawn(wrapper, program, &arguments, streams);
        Self {
            process,
            public,
            admin,
        }
    }

    /// Returns the status and the text of `/readyz` once it answers; panics if the process ends.
    pub fn readiness(&mut self) -> (u16, String) {
        loop {
            if let Ok(answer) = http::get(&self.admin, "/readyz") {
                return answer;
            }
            let has_ended = self.process.has_ended();
            assert!(!has_ended, "it has ended: {}", self.process.stderr());
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Waits until the server is ready.
    pub fn until_ready(&mut self) {
        let begun = Instant::now();
        while self.readiness().0 != 200 {
            assert!(begun.elapsed() < END_MAX, "{:?}", self.readiness());
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Runs cloudctl against the server.
    pub fn cloudctl(&self, arguments: &[&str]) -> Ended {
        let servers = ["--server", &self.public, "--admin", &self.admin];
        let program = binary("cloudctl");
        let program = program.to_str().expect("UTF-8");
        run(program, &[&servers[..], arguments].concat(), SOUND)
    }

    /// Sends SIGTERM, and waits for the end.
    pub fn terminate(self) -> Ended {
        self.process.signal(Signal::TERM);
        self.process.wait()
    }
}

/// The ports from which [`free_addresses`] takes: the system gives none of them to a socket that
/// asks for any port, so that no server of another test gets one in between.
const PORTS: Range<u16> = 20_000..30_000;

/// Returns two addresses with free ports on the loopback interface, for servers that cannot say
/// which ports they have taken.
pub fn free_addresses() -> [String; 2] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another run of the tests begins elsewhere.
    let begin = std::process::id() as u16;
    let port = || {
        loop {
            let number = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let port = PORTS.start + number % (PORTS.end - PORTS.start);
            let address = format!("127.0.0.1:{port}");
            if TcpListener::bind(&address).is_ok() {
                return address;
            }
        }
    };
    [port(), port()]
}
