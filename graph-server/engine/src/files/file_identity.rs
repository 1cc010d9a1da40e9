//! Checks that a file is the expected one: named in the manifest, of the right length, kind,
//! version and lineage.

use std::{ops::RangeInclusive, path::Path};

use crate::{
    files::{
        file_error::FileError,
        manifest::{Manifest, ManifestFile},
    },
    memory::shared_array::FileBytes,
};
use cloud_files::open_plain;
use cloud_model::LineageId;

/// Returns the manifest's entry for a file.
pub(crate) fn named_file<'a>(
    snapshot: &Path,
    manifest: &'a Manifest,
    name: &str,
) -> Result<&'a ManifestFile, FileError> {
    let missing = || FileError::NotInManifest {
        path: snapshot.to_owned(),
        name: name.to_owned(),
    };
    manifest.file(name).ok_or_else(missing)
}

/// Opens and maps a file, whose length must be the manifest's.
pub(crate) fn open_map(path: &Path, named: &ManifestFile) -> Result<FileBytes, FileError> {
    let file = open_plain(path).map_err(FileError::io(path))?;
    let found = file.metadata().map_err(FileError::io(path))?.len();
    if found != named.bytes {
        return Err(FileError::WrongLength {
            path: path.to_owned(),
            expected: named.bytes,
            found,
        });
    }
    FileBytes::open(&file).map_err(FileError::io(path))
}

/// Checks magic and version. They come before any checksum, because they decide how the rest is
/// read.
pub(crate) fn check_start(
    path: &Path,
    kind: &'static str,
    magic: &[u8; 8],
    expected_magic: &[u8; 8],
    version: u32,
    supported: RangeInclusive<u32>,
) -> Result<(), FileError> {
    if magic != expected_magic {
        return Err(FileError::WrongKind {
            path: path.to_owned(),
            kind,
        });
    }
    if !supported.contains(&version) {
        return Err(FileError::UnknownVersion {
            path: path.to_owned(),
            found: version,
            supported: *supported.end(),
        });
    }
    Ok(())
}

pub(crate) fn check_lineage(
    path: &Path,
    expected: LineageId,
    found: [u8; 16],
) -> Result<(), FileError> {
    let found = LineageId::new(u128::from_be_bytes(found));
    if found != expected {
        return Err(FileError::ForeignLineage {
            path: path.to_owned(),
            expected,
            found,
        });
    }
    Ok(())
}

/// Checks that the file is the one that the manifest names. A file can be sound by itself and still
/// be another one.
pub(crate) fn check_whole(path: &Path, named: &ManifestFile, found: u32) -> Result<(), FileError> {
    if found != named.crc32c {
        let expected = named.crc32c;
        return Err(FileError::damaged(
            path,
            0,
            format!("checksum of the file is {found:08x}, not the manifest's {expected:08x}"),
        ));
    }
    Ok(())
}
