//! The lines of a server's log: numbers are numbers in JSON, and a flood is limited and counted.

use super::small_site;
use cloud_tests::process::{Kind, SOUND, Served};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Returns the fields of a line that are numbers as text. An id of 32 digits is no number.
fn numbers_as_text(line: &Value) -> Vec<&String> {
    let fields = line.as_object().expect("one object a line");
    let is_number = |text: &str| text.len() < 32 && text.parse::<f64>().is_ok();
    let texts = fields.iter();
    texts
        .filter(|(_, value)| value.as_str().is_some_and(is_number))
        .map(|(name, _)| name)
        .collect()
}

fn lines(stderr: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    stderr.lines().map(parse).collect()
}

#[test]
fn json_lines_carry_numbers_as_numbers() {
    for kind in [Kind::GraphServer, Kind::Relay] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        small_site(folder.path());
        let flags = ["--log-format", "json", "--slow-request-ms", "1"];
        let mut messages = Vec::new();
        for _ in 0..2 {
            let mut server = Served::spawn(kind, folder.path(), &[], &flags, SOUND);
            server.until_ready();
            for other in 10..15 {
                let other = other.to_string();
                assert!(
                    server
                        .cloudctl(&["connect", "1", &other, "--create"])
                        .status
                        .success()
                );
            }
            if kind == Kind::GraphServer {
                assert!(server.cloudctl(&["snapshot"]).status.success());
            }
            let ended = server.terminate();
            assert!(ended.status.success(), "{ended:?}");
            for line in lines(&ended.stderr) {
                assert_eq!(numbers_as_text(&line), Vec::<&String>::new(), "{line}");
                messages.push(line["message"].as_str().expect("a message").to_owned());
            }
        }
        let expected: &[&str] = match kind {
            Kind::GraphServer => &["compaction ends", "replay: to SCN 5", "written"],
            Kind::Relay => &["the log is open", "shutting down"],
        };
        for message in expected {
            assert!(messages.iter().any(|said| said == message), "{messages:?}");
        }
    }
}

/// The frames of a stream that is opened and reset at once.
fn opened_and_reset(stream: u32) -> Vec<u8> {
    // HEADERS with END_HEADERS and END_STREAM: POST, http, / from the static table.
    let block = [0x83, 0x86, 0x84];
    let mut frames = vec![0, 0, 3, 1, 5];
    frames.extend(stream.to_be_bytes());
    frames.extend(block);
    frames.extend([0, 0, 4, 3, 0]);
    frames.extend(stream.to_be_bytes());
    frames.extend([0, 0, 0, 8]);
    frames
}

/// Sends a flood of streams that are reset at once, until the server closes the connection.
fn flood(address: &str) {
    let mut caller = TcpStream::connect(address).expect("it listens");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for number in 0..200 {
        bytes.extend(opened_and_reset(2 * number + 1));
    }
    // The server may have closed it before all is sent.
    let _ = caller.write_all(&bytes);
    let _ = caller.read_to_end(&mut Vec::new());
}

#[test]
fn a_flood_of_resets_writes_some_lines_and_their_count() {
    const FLOODS: usize = 400;
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let flags = ["--log-format", "json"];
    let mut server = Served::spawn(Kind::GraphServer, folder.path(), &[], &flags, SOUND);
    server.until_ready();
    for _ in 0..FLOODS {
        flood(&server.public);
    }
    let ended = server.terminate();
    assert!(ended.status.success(), "{ended:?}");
    let lines = lines(&ended.stderr);
    let left_out = lines.iter().filter(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with("lines were left out")
    });
    let left_out: u64 = left_out
        .map(|line| line["lines"].as_u64().expect("a number"))
        .sum();
    let written = lines.len();
    println!("{FLOODS} floods: {written} lines written, {left_out} left out and counted");
    assert!(written < 100, "{written}");
    assert!(left_out as usize + written >= FLOODS, "{left_out}");
}
