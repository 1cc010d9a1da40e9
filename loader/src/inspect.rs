//! `loader inspect`: prints a summary of a snapshot, and verifies that every byte of it is as
//! written.
//!
//! The graph, the times and the profiles have checksums of their parts. They are read part by part
//! first, so that an error says where the damage is. Then every file, also those of the search
//! index, is read as a whole and compared with the manifest. This is useful before and after a
//! snapshot is copied to another machine.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use cloud_engine::{
    Base, FileError, MANIFEST_NAME, Manifest, ManifestFile, NodeIndex, SourceOffset, StandsAt,
    newest_snapshots,
};
use cloud_files::open_plain;
use cloud_search::{LIVE_PROFILES_NAME, PROFILES_NAME, ProfileFile};
use cloud_terminal::print;
use rayon::prelude::*;

use crate::Error;

/// Print what a snapshot is and verify every byte of it.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// A snapshot, or the directory of a site, whose newest snapshot is used.
    snapshot: PathBuf,
}

/// A snapshot whose files are all intact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The directory of the snapshot.
    pub snapshot: PathBuf,
    /// The manifest of the snapshot.
    pub manifest: Manifest,
    /// True if the profiles are silent: the snapshot was built without members files.
    pub is_silent: bool,
}

/// Inspects the snapshot that the command line names and prints the result.
///
/// # Errors
/// The errors of [`inspect`], and if stdout cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    print(inspect(&arguments.snapshot)?).map_err(Error::Print)
}

/// Reads every file of a snapshot.
///
/// # Errors
/// The first file that is not as written. The error says where the damage begins, as far as the
/// file's own checksums show it.
pub fn inspect(path: &Path) -> Result<Inspection, FileError> {
    let snapshot = snapshot_at(path)?;
    let manifest = Manifest::read(&snapshot)?;
    let base = Base::open(&snapshot, &manifest)?;
    base.verify_times()?;
    let is_silent = verify_profiles(&snapshot, &manifest, base.node_count())?;
    for file in &manifest.files {
        verify(&snapshot, file)?;
    }
    Ok(Inspection {
        snapshot,
        manifest,
        is_silent,
    })
}

/// Returns a snapshot's folder: the one that is named, or the newest one in the folder of a site.
pub(crate) fn snapshot_at(path: &Path) -> Result<PathBuf, FileError> {
    if path.join(MANIFEST_NAME).exists() {
        return Ok(path.to_owned());
    }
    let newest = newest_snapshots(path)?.into_iter().next();
    newest.ok_or_else(|| FileError::Io {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::NotFound, "holds no snapshot"),
    })
}

/// Reads all profiles, and returns whether they are silent. In a snapshot that a server took, the
/// profiles of members added since the build are in another file.
fn verify_profiles(
    snapshot: &Path,
    manifest: &Manifest,
    node_count: u32,
) -> Result<bool, FileError> {
    let path = snapshot.join(PROFILES_NAME);
    let file = ProfileFile::open(&path, manifest.lineage_id)?;
    let (found, expected) = (file.node_count(), u64::from(node_count));
    let may_be_fewer = manifest.file(LIVE_PROFILES_NAME).is_some();
    if found > expected || (found < expected && !may_be_fewer) {
        return Err(FileError::Damaged {
            path,
            offset: 0,
            reason: format!("{found} profiles for {expected} nodes"),
        });
    }
    if file.silent_nodes().is_some() {
        return Ok(true);
    }
    // The given member id does not matter: a record holds its own.
    let read = |node| file.profile(NodeIndex::new(node), 0).err();
    let damaged = (0..found as u32).into_par_iter().find_map_first(read);
    damaged.map_or(Ok(false), Err)
}

fn verify(snapshot: &Path, expected: &ManifestFile) -> Result<(), FileError> {
    let path = snapshot.join(&expected.name);
    let (bytes, crc32c) = measure(&path).map_err(|source| FileError::Io {
        path: path.clone(),
        source,
    })?;
    if bytes != expected.bytes {
        return Err(FileError::WrongLength {
            path,
            expected: expected.bytes,
            found: bytes,
        });
    }
    if crc32c != expected.crc32c {
        let reason = format!("its checksum is {crc32c:08x}, not {:08x}", expected.crc32c);
        return Err(FileError::Damaged {
            path,
            offset: 0,
            reason,
        });
    }
    Ok(())
}

/// Returns the length and the CRC-32C of a file.
pub(crate) fn measure(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = open_plain(path)?;
    let mut buffer = vec![0; 1 << 20];
    let (mut bytes, mut checksum) = (0, 0);
    loop {
        let length = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) else {
            return Ok((bytes, checksum));
        };
        checksum = crc32c::crc32c_append(checksum, read);
        bytes += length as u64;
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            snapshot,
            manifest,
            is_silent,
        } = self;
        writeln!(f, "snapshot     {}", snapshot.display())?;
        writeln!(f, "lineage      {}", manifest.lineage_id)?;
        writeln!(f, "stands at    {}", Standing(&manifest.stands_at))?;
        for source in &manifest.sources {
            let (id, offset) = (&source.source_id, source.offset);
            writeln!(
                f,
                "source       {id} at offset {offset}, SCN {}",
                source.scn
            )?;
        }
        writeln!(f, "members      {}", manifest.members)?;
        writeln!(f, "connections  {}", manifest.connections)?;
        if *is_silent {
            writeln!(f, "profiles     none: the dump had no members files")?;
        }
        for ManifestFile {
            name,
            role,
            scn,
            bytes,
            crc32c,
        } in &manifest.files
        {
            writeln!(
                f,
                "verified     {name}: {role}, as of SCN {scn}, {bytes} bytes, crc32c {crc32c:08x}"
            )?;
        }
        Ok(())
    }
}

/// Formats the position of a snapshot in a log.
pub(crate) struct Standing<'a>(pub(crate) &'a StandsAt);

impl fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StandsAt::Beginning {} => f.write_str("the beginning of a new log"),
            StandsAt::AtScn {
                log_id,
                scn,
                history,
            } => {
                write!(f, "SCN {scn} of log {log_id}")?;
                match history {
                    Some(history) => write!(f, ", history {history}"),
                    None => Ok(()),
                }
            }
            StandsAt::NewLog { log_id, scn, .. } => {
                write!(f, "SCN {scn}, where the new log {log_id} begins")
            }
            StandsAt::AtSourceOffsets { offsets } => {
                let offsets = offsets.iter().map(|at| {
                    let SourceOffset { source_id, offset } = at;
                    format!("offset {offset} of source {source_id}")
                });
                f.write_str(&offsets.collect::<Vec<_>>().join(", "))
            }
        }
    }
}
