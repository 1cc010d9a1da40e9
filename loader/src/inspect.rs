//! `loader inspect`: what a snapshot is, and whether every byte of it is still what was written.
//!
//! Graph, times and profiles carry checksums of their parts and are read part by part first, so that the error says where the
//! damage is; then every file is read once more as a whole against the manifest, the search index among them. Useful before a
//! snapshot is copied to another machine, and after.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use cloud_engine::{
    Base, FileError, MANIFEST_NAME, Manifest, ManifestFile, NodeIndex, StandsAt, newest_snapshots,
};
use cloud_search::{LIVE_PROFILES_NAME, PROFILES_NAME, ProfileFile};
use rayon::prelude::*;

/// Print what a snapshot is and verify every byte of it.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// A snapshot, or the directory of a site, whose newest snapshot is meant.
    snapshot: PathBuf,
}

/// A snapshot whose files are all whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its directory.
    pub snapshot: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The dump that it was built from said nothing about people.
    pub is_silent: bool,
}

/// Inspects what the command line names and prints it.
///
/// # Errors
/// As [`inspect`].
pub fn run(arguments: &Arguments) -> Result<(), FileError> {
    print!("{}", inspect(&arguments.snapshot)?);
    Ok(())
}

/// Reads every file of a snapshot.
///
/// # Errors
/// The first file that is not what it should be, with where the damage begins as far as the file's own checksums tell.
pub fn inspect(path: &Path) -> Result<Inspection, FileError> {
    let snapshot = match path.join(MANIFEST_NAME).exists() {
        true => path.to_owned(),
        false => newest_snapshots(path)?
            .into_iter()
            .next()
            .unwrap_or_else(|| path.to_owned()),
    };
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

/// Answers whether they are silent. Of a snapshot that a server took, those of later members stand elsewhere.
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
    // A record says itself whose it is.
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

/// Length and CRC-32C of a file.
pub(crate) fn measure(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = File::open(path)?;
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
            writeln!(f, "profiles     none: the dump said nothing about people")?;
        }
        for ManifestFile {
            name,
            bytes,
            crc32c,
        } in &manifest.files
        {
            writeln!(f, "verified     {name}: {bytes} bytes, crc32c {crc32c:08x}")?;
        }
        Ok(())
    }
}

/// Where a snapshot stands, in words.
pub(crate) struct Standing<'a>(pub(crate) &'a StandsAt);

impl fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StandsAt::Beginning {} => f.write_str("the beginning of a new log"),
            StandsAt::AtScn { log_id, scn } => write!(f, "SCN {scn} of log {log_id}"),
            StandsAt::AtSourceOffset { source_id, offset } => {
                write!(f, "offset {offset} of source {source_id}")
            }
        }
    }
}
