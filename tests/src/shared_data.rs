//! Finds the public data sets in `CLOUD_SHARED` (default: `../shared` beside the workspace).

use std::path::{Path, PathBuf};

/// Returns the folder of a data set. If it is missing: prints a clear message on stderr and returns
/// `None`, or fails under `CI=true`.
pub fn data_set(name: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ stands in the workspace");
    let shared =
        std::env::var_os("CLOUD_SHARED").map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let folder = shared.join("data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let missing = format!(
        "the data set {} is not there; point CLOUD_SHARED to the folder that holds data/{name}",
        folder.display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
    eprintln!("\n==== NOT TESTED: {missing} ====\n");
    None
}
