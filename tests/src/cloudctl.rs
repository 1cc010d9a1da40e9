//! Runs the real cloudctl against a server under test.

use std::process::{Command, Output};

use serde_json::Value;

use crate::binaries::binary;
use crate::server::Server;

/// Runs cloudctl with these arguments against the server's two listeners.
pub fn cloudctl(server: &Server, arguments: &[&str]) -> Output {
    Command::new(binary("cloudctl"))
        .env(
            "CLOUD_SERVER",
            server.public().trim_start_matches("http://"),
        )
        .env("CLOUD_ADMIN", server.admin().trim_start_matches("http://"))
        .args(arguments)
        .output()
        .expect("cloudctl's binary starts")
}

/// Returns the one JSON object that cloudctl prints with `--json`. Panics with its error output if
/// it fails.
pub fn json_of(server: &Server, arguments: &[&str]) -> Value {
    let output = cloudctl(server, &[&["--json"], arguments].concat());
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}
