//! The programs in other languages that `make test` installs.

use std::path::{Path, PathBuf};

/// Returns the folder of the workspace.
pub fn workspace() -> &'static Path {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent.expect("tests/ stands in the workspace")
}

/// Returns what `make test` has installed for a language. Without it the test says so, and fails
/// in CI.
pub fn installed(language: &str, variable: &str, default: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map_or_else(|| workspace().join(default), PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    let missing = format!(
        "what is written in {language}: {} is missing",
        path.display()
    );
    let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!in_ci, "{missing}");
    eprintln!("NOT TESTED: {missing}; `make test` installs it");
    None
}

/// Returns the Python with the packages of the tests.
pub fn python() -> Option<PathBuf> {
    installed("Python", "CLOUD_PYTHON", "target/python/bin/python")
}
