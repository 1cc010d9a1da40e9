//! Every command, with each of its streams closed, full or broken.
//!
//! A reader of stdout that is gone ends a command quietly, with the code that it would have had. A
//! full disk is an error, with code 1. A broken stderr or stdin changes nothing, where stdin is not
//! read. Nothing panics.

use super::{program, small_site};
use cloud_tests::process::{Ended, Kind, Process, SOUND, Served, Signal, Stream, Streams, run};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

/// A command, and the code with which it ends where every stream is sound.
struct Command {
    program: String,
    arguments: Vec<String>,
    code: i32,
    /// Whether it prints on stdout.
    prints: bool,
}

fn command(name: &str, arguments: &str, code: i32, prints: bool) -> Command {
    Command {
        program: program(name),
        arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        code,
        prints,
    }
}

/// Returns every command of every binary, on a site whose server runs.
fn commands(folder: &Path, server: &Served) -> Vec<Command> {
    let at = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let mut all = Vec::new();
    for name in ["loader", "databus", "graph-server", "cloudctl"] {
        all.push(command(name, "--help", 0, true));
        all.push(command(name, "--version", 0, true));
        all.push(command(name, "--no-such-flag", 2, false));
    }
    let (site, log, dump) = (at("snapshot"), at("log"), at("connections.csv"));
    all.extend([
        command("loader", "build --help", 0, true),
        command("loader", &format!("inspect {site}"), 0, true),
        command("loader", &format!("inspect {}", at("none")), 1, false),
        command(
            "loader",
            &format!("build --connections {dump} --out {}/OUT", at("built")),
            0,
            true,
        ),
        command(
            "loader",
            &format!(
                "build --connections {} --out {}/OUT",
                at("none"),
                at("built")
            ),
            1,
            false,
        ),
        command(
            "loader",
            &format!(
                "generate --members 50 --mean-connections 3 --out {}/OUT",
                at("made")
            ),
            0,
            true,
        ),
        command("databus", &format!("dump {log}"), 0, true),
        command("databus", &format!("dump {log} --json"), 0, true),
        command("databus", &format!("dump {log} --count"), 0, true),
        command("databus", &format!("dump {log} --verify"), 0, true),
        command(
            "databus",
            &format!("dump {} --verify", at("damaged")),
            1,
            true,
        ),
        command("databus", &format!("dump {}", at("none")), 1, false),
        command(
            "databus",
            &format!("backup {log} {}", at("log-NEW")),
            0,
            true,
        ),
        command(
            "databus",
            &format!("backup {} {}", at("none"), at("log-NEW")),
            1,
            false,
        ),
        command(
            "loader",
            &format!("export --snapshot {site} --out {}", at("export-NEW")),
            0,
            true,
        ),
        command(
            "loader",
            &format!("adopt --snapshot {site} --new-log"),
            1,
            false,
        ),
        command(
            "databus",
            &format!("serve --log {}/OUT", at("new")),
            1,
            false,
        ),
        command(
            "graph-server",
            &format!("config --snapshot {site} --databus embedded:{log}"),
            0,
            true,
        ),
        command("graph-server", "config", 2, false),
        command(
            "graph-server",
            &format!(
                "serve --snapshot {} --databus embedded:{}",
                at("none"),
                at("no-log")
            ),
            1,
            false,
        ),
    ]);
    let servers = format!("--server {} --admin {}", server.public, server.admin);
    let mut ctl = |arguments: &str, code, prints| {
        let arguments = format!("{servers} {arguments}");
        all.push(command("cloudctl", &arguments, code, prints));
    };
    for arguments in [
        "degrees --viewer 1 2 3",
        "sizes --viewer 1 --third",
        "connections 2",
        "shared --viewer 1 3",
        "network --viewer 1 --degree 2",
        "subgraph --viewer 1 2 3",
        "paths --viewer 1 4",
        "suggest --viewer 1",
        "session begin --viewer 1",
        "search --viewer 1 engineer",
        "profile 2",
        "connect 1 3",
        "disconnect 1 3",
        "snapshot",
        "status",
        "--json status",
    ] {
        ctl(arguments, 0, true);
    }
    ctl(&format!("publish {}", at("changes.jsonl")), 0, true);
    ctl(&format!("publish {}", at("none")), 2, false);
    ctl(&format!("backup {}", at("backup-NEW")), 0, true);
    ctl("connect 1 404", 1, false);
    ctl("degrees --viewer 404 1", 1, false);
    ctl("degrees 1", 2, false);
    all.push(command("cloudctl", "--admin 127.0.0.1:1 status", 3, false));
    all
}

impl Command {
    /// Runs the command, and checks what is the same for all streams.
    fn run(&self, number: usize, streams: Streams) -> Ended {
        let out = format!(
            "{number}-{:?}-{:?}-{:?}",
            streams.stdin, streams.stdout, streams.stderr
        );
        let arguments = self.arguments.iter();
        let arguments: Vec<_> = arguments
            .map(|word| word.replace("OUT", &out).replace("NEW", &out))
            .collect();
        let ended = run(&self.program, &arguments, streams);
        let what = format!("{} {arguments:?} {streams:?}: {ended:?}", self.program);
        assert!(!ended.stderr.contains("panicked"), "{what}");
        let is_full = self.prints && streams.stdout == Stream::Full;
        let code = if is_full { 1 } else { self.code };
        assert_eq!(ended.status.code(), Some(code), "{what}");
        if streams.stderr == Stream::Sound {
            let full = ended.stderr.contains("stdout: No space left on device");
            assert_eq!(full, is_full, "{what}");
        }
        if streams.stdout == Stream::Sound {
            assert_eq!(self.prints, !ended.stdout.is_empty(), "{what}");
        }
        ended
    }

    /// Runs the command with each state of each stream.
    fn check(&self, number: usize) -> usize {
        self.run(number, SOUND);
        let mut runs = 1;
        for stdout in [Stream::Closed, Stream::Full, Stream::Gone] {
            let ended = self.run(number, Streams { stdout, ..SOUND });
            // The message of a command that fails anyway stands on stderr as before.
            assert_eq!(ended.stderr.is_empty(), !self.says(stdout), "{ended:?}");
            runs += 1;
        }
        for stderr in [Stream::Closed, Stream::Full, Stream::Gone] {
            self.run(number, Streams { stderr, ..SOUND });
            runs += 1;
        }
        for stdin in [Stream::Closed, Stream::Full, Stream::Stuck, Stream::Folder] {
            self.run(number, Streams { stdin, ..SOUND });
            runs += 1;
        }
        for broken in [Stream::Closed, Stream::Full, Stream::Gone] {
            let streams = Streams {
                stdin: broken,
                stdout: broken,
                stderr: broken,
            };
            self.run(number, streams);
            runs += 1;
        }
        runs
    }

    /// Returns whether the command writes to stderr: its error, or its progress.
    fn says(&self, stdout: Stream) -> bool {
        let shows_progress = self.arguments.iter().any(|word| word.contains("OUT"));
        self.code != 0 || shows_progress || (self.prints && stdout == Stream::Full)
    }
}

/// Builds a site with a log, a damaged copy of the log, and a server that runs on the site.
fn site_with_server(folder: &Path) -> Served {
    small_site(folder);
    fs::write(
        folder.join("changes.jsonl"),
        "{\"connection_added\":{\"member_id\":1,\"other_id\":4}}\n",
    )
    .expect("a file");
    let mut server = Served::spawn(Kind::GraphServer, folder, &[], &[], SOUND);
    server.until_ready();
    let published = server.cloudctl(&["connect", "2", "4"]);
    assert!(published.status.success(), "{published:?}");
    let damaged = folder.join("damaged");
    fs::create_dir(&damaged).expect("a folder");
    for entry in fs::read_dir(folder.join("log")).expect("the log") {
        let entry = entry.expect("a file");
        let mut bytes = fs::read(entry.path()).expect("a file");
        if let Some(byte) = bytes.get_mut(40) {
            *byte ^= 1;
        }
        fs::write(damaged.join(entry.file_name()), bytes).expect("a copy");
    }
    server
}

#[test]
fn no_broken_stream_makes_a_command_panic_or_hides_a_full_disk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = site_with_server(folder.path());
    let all = commands(folder.path(), &server);
    let count = all.len();
    let left = Mutex::new(all.into_iter().enumerate());
    let next = || left.lock().expect("no panic").next();
    let runs: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut runs = 0;
                    while let Some((number, command)) = next() {
                        runs += command.check(number);
                    }
                    runs
                })
            })
            .collect();
        let runs = workers.into_iter().map(|worker| worker.join());
        runs.map(|runs| runs.expect("each command is right")).sum()
    });
    println!("{count} commands, {runs} runs");
    assert!(server.terminate().status.success());
}

#[test]
fn commands_that_print_without_end_end_with_their_reader() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = site_with_server(folder.path());
    let log = folder.path().join("log");
    let log = log.to_str().expect("UTF-8");
    let admin = ["--admin", &server.admin];
    for (name, arguments) in [
        ("databus", vec!["dump", log, "--follow"]),
        ("databus", vec!["dump", log, "--follow", "--json"]),
        ("cloudctl", [&admin[..], &["watch"]].concat()),
        (
            "cloudctl",
            [&admin[..], &["--json", "watch", "--after-scn", "0"]].concat(),
        ),
    ] {
        let gone = Streams {
            stdout: Stream::Gone,
            ..SOUND
        };
        let ended = run(&program(name), &arguments, gone);
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
        assert_eq!(ended.stderr, "", "{arguments:?}");
        // With a reader it goes on until it is ended.
        let process = Process::spawn(&[], &program(name), &arguments, SOUND);
        process.signal(Signal::TERM);
        assert_eq!(process.wait().status.code(), None, "{arguments:?}");
    }
}

#[test]
fn a_publish_from_a_broken_stdin_writes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = site_with_server(folder.path());
    let head = || {
        let status = server.cloudctl(&["--json", "status"]);
        let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("JSON");
        status["log"]["bytes"].as_u64().expect("a size")
    };
    let before = head();
    for (stdin, code) in [(Stream::Full, 2), (Stream::Folder, 2)] {
        let streams = Streams { stdin, ..SOUND };
        let arguments = ["--admin", &server.admin, "publish", "-"];
        let ended = run(&program("cloudctl"), &arguments, streams);
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(ended.stderr.contains("stdin, line 1: "), "{ended:?}");
        assert!(ended.stderr.len() < 1_024, "{ended:?}");
        assert_eq!(head(), before, "{stdin:?}");
    }
}
