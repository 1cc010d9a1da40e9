//! Finds the binaries under test. Cargo builds them into the folder of the test binary that runs.

use std::path::PathBuf;

/// Returns the path of a binary of this workspace, or of an example as `examples/NAME`. Panics if
/// it was not built.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test binary has a path");
    let folder = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("target/<profile>/deps/<test>");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build --workspace --bins --examples` first",
        path.display()
    );
    path
}
