//! The names of the directories of snapshots, and their order in the directory of a site.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::files::file_error::FileError;
use cloud_model::Scn;

/// Returns the name of the directory of a snapshot: the SCN as 20 digits; from generation 1 on
/// preceded by the generation as 10 digits and a hyphen.
#[must_use]
pub fn snapshot_name(generation: u64, scn: Scn) -> String {
    match generation {
        0 => format!("{:020}", scn.get()),
        generation => format!("{generation:010}-{:020}", scn.get()),
    }
}

/// Returns the generation and the SCN of a snapshot's directory; `None` for any other name.
fn generation_and_scn(name: &str) -> Option<(u64, Scn)> {
    let number = |text: &str, digits: usize| {
        let is_decimal = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        is_decimal.then(|| text.parse().ok()).flatten()
    };
    let (generation, scn) = match name.split_once('-') {
        Some((generation, scn)) => (number(generation, 10).filter(|&it| it > 0)?, scn),
        None => (0, name),
    };
    Some((generation, Scn::new(number(scn, 20)?)))
}

/// Lists the snapshots in the directory of a site, newest first, without checking that they are
/// valid: those of the highest generation first, then those of the highest SCN.
///
/// # Errors
/// [`FileError::Io`] when the directory cannot be read.
pub fn newest_snapshots(site: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(site).map_err(FileError::io(site))? {
        let entry = entry.map_err(FileError::io(site))?;
        let name = entry.file_name();
        if let Some(place) = name.to_str().and_then(generation_and_scn)
            && entry.path().is_dir()
        {
            snapshots.push((place, entry.path()));
        }
    }
    snapshots.sort_by(|one, other| other.cmp(one));
    Ok(snapshots.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_state_generation_and_scn() {
        for (generation, scn) in [(0, 0), (0, u64::MAX), (1, 7), (9_999_999_999, 8)] {
            let name = snapshot_name(generation, Scn::new(scn));
            assert_eq!(generation_and_scn(&name), Some((generation, Scn::new(scn))));
        }
        for name in [
            "",
            "7",
            "0000000000-00000000000000000007",
            "1-00000000000000000007",
            "x",
        ] {
            assert_eq!(generation_and_scn(name), None, "{name}");
        }
    }
}
