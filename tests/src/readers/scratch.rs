//! A folder in memory, if the machine has one, for files that are written only to be read once.

use std::path::{Path, PathBuf};

/// Returns a folder of this thread, which exists until the thread ends.
pub(super) fn folder(name: &str) -> PathBuf {
    thread_local! {
        static ROOT: tempfile::TempDir = {
            let memory = Path::new("/dev/shm");
            let root = if memory.is_dir() {
                tempfile::tempdir_in(memory)
            } else {
                tempfile::tempdir()
            };
            root.expect("a temporary folder")
        };
    }
    let folder = ROOT.with(|root| root.path().join(name));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Returns the folder after removing its content.
pub(super) fn empty_folder(name: &str) -> PathBuf {
    let path = folder(name);
    std::fs::remove_dir_all(&path).expect("removes");
    folder(name)
}

/// Returns the text of a refusal, and checks that it names the file.
pub(super) fn named(error: impl std::fmt::Display, path: &Path) -> String {
    let text = error.to_string();
    assert!(
        text.contains(path.to_str().expect("UTF-8")),
        "{text:?} does not name {}",
        path.display()
    );
    text
}
