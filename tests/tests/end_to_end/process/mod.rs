//! The processes as their machine sees them: streams, signals, descriptors, files, clocks, probes.

mod clock;
mod commands;
mod hangup;
mod log_lines;
mod no_proc;
mod private_files;
mod probes;
mod servers;

use cloud_tests::binaries::binary;
use cloud_tests::process::{SOUND, run};
use std::fs;
use std::path::Path;

/// Builds `snapshot` in a folder: the members 1 to 4, in a row.
fn small_site(folder: &Path) {
    let dump = folder.join("connections.csv");
    fs::write(&dump, "member_id,other_id\n1,2\n2,3\n3,4\n").expect("a file");
    let out = folder.join("snapshot");
    let [dump, out] = [&dump, &out].map(|path| path.to_str().expect("UTF-8"));
    let arguments = ["build", "--connections", dump, "--out", out];
    let built = run(&program("loader"), &arguments, SOUND);
    assert!(built.status.success(), "{}", built.stderr);
}

fn program(name: &str) -> String {
    binary(name).to_str().expect("UTF-8").to_owned()
}
