//! Where the measured binaries are: beside this one, since cargo builds them into one folder.

use std::path::{Path, PathBuf};

use crate::outcome::Outcome;

/// The path of a binary of this workspace; an error when it was not built.
pub fn binary(name: &str) -> Outcome<PathBuf> {
    let path = folder()?.join(name);
    if path.exists() {
        return Ok(path);
    }
    Err(format!("{} is not built: `make bench` builds it", path.display()).into())
}

/// The target folder, above the profile's.
pub fn target() -> Outcome<PathBuf> {
    let folder = folder()?;
    Ok(folder.parent().map(Path::to_path_buf).unwrap_or(folder))
}

fn folder() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    own.parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is in no folder", own.display()).into())
}
