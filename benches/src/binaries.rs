//! The paths of the measured binaries. They are beside this one, since cargo builds them into one
//! folder.

use std::path::{Path, PathBuf};

use crate::outcome::Outcome;

/// Returns the path of a binary of this workspace, or an error when it is not built.
pub fn binary(name: &str) -> Outcome<PathBuf> {
    let path = folder()?.join(name);
    if path.exists() {
        return Ok(path);
    }
    Err(format!("{} is not built: `make bench` builds it", path.display()).into())
}

/// Returns the target folder, above the profile's.
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
