//! `manifest.json`: the identity of a snapshot, its place in the log, and its files.
//!
//! It is written last, so a directory without one is not a snapshot. It is one JSON object that
//! people can read. Its last member is the CRC-32C of every byte before that member's line, so that
//! a flipped bit anywhere in the file is detected:
//!
//! ```text
//! {
//!   "format_version": 1,
//!   "lineage_id": "32 hex digits",
//!   "scn": 0,
//!   "stands_at": {"beginning": {}},
//!   "sources": [],
//!   "members": 200000,
//!   "connections": 5000000,
//!   "files": [{"name": "graph.csr", "bytes": 1, "crc32c": 2}],
//!   "crc32c": "8 hex digits"
//! }
//! ```

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::files::file_error::FileError;
use cloud_model::{LineageId, LogId, Scn, SourceMark};

/// The manifest's name in a snapshot directory.
pub const MANIFEST_NAME: &str = "manifest.json";

const FORMAT_VERSION: u32 = 1;
/// The longest manifest that is read. A manifest names a few files and at most a few thousand
/// sources.
const BYTES_MAX: u64 = 16 << 20;
const CHECKSUM_MEMBER: &str = ",\n  \"crc32c\": \"";

/// The description of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The identity of the input that the base was built from.
    pub lineage_id: LineageId,
    /// The SCN at which the snapshot is exact, and which names its directory. 0 at a log's
    /// beginning.
    pub scn: Scn,
    /// The log that continues from here.
    pub stands_at: StandsAt,
    /// The SCN at which its profiles and search index are exact, where it is below `scn`: they were
    /// behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles_scn: Option<Scn>,
    /// The last offset of each source in the snapshot.
    pub sources: Vec<SourceMark>,
    /// The number of members that exist.
    pub members: u64,
    /// The number of connections, each counted once.
    pub connections: u64,
    /// The snapshot's files, except the manifest itself.
    pub files: Vec<ManifestFile>,
}

/// One file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its path below the snapshot directory, with `/` as separator.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The CRC-32C of the whole file.
    pub crc32c: u32,
}

/// The place of a snapshot, which determines the log that continues from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StandsAt {
    /// Before any window: a new log, created for this lineage, begins here.
    Beginning {},
    /// At a window of a log.
    AtScn {
        /// The log.
        log_id: LogId,
        /// The window.
        scn: Scn,
    },
    /// At an offset of a source (for PostgreSQL an LSN). The log's windows of that source up to the
    /// offset are included.
    AtSourceOffset {
        /// The source.
        source_id: String,
        /// The offset.
        offset: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format_version: u32,
    #[serde(flatten)]
    manifest: T,
}

impl Manifest {
    /// Reads and checks the manifest in `snapshot`.
    ///
    /// # Errors
    /// [`FileError`] when the manifest is missing, damaged, or of a newer version.
    pub fn read(snapshot: &Path) -> Result<Self, FileError> {
        let path = snapshot.join(MANIFEST_NAME);
        let bytes = fs::metadata(&path).map_err(FileError::io(&path))?.len();
        if bytes > BYTES_MAX {
            return Err(FileError::WrongLength {
                path,
                expected: BYTES_MAX,
                found: bytes,
            });
        }
        let text = fs::read(&path).map_err(FileError::io(&path))?;
        Self::parse(&path, &text)
    }

    /// Writes the manifest into `snapshot` and syncs it, but not the directory.
    ///
    /// # Errors
    /// [`FileError::Io`] when the file cannot be written or synced.
    pub fn write(&self, snapshot: &Path) -> Result<(), FileError> {
        let path = snapshot.join(MANIFEST_NAME);
        let text = self
            .to_text()
            .map_err(|error| FileError::io(&path)(error.into()))?;
        let mut file = File::create(&path).map_err(FileError::io(&path))?;
        file.write_all(text.as_bytes())
            .map_err(FileError::io(&path))?;
        file.sync_all().map_err(FileError::io(&path))
    }

    /// Returns the SCN at which its profiles and search index are exact, or a lower one: a start
    /// reads the log after it.
    #[must_use]
    pub fn profiles_scn(&self) -> Scn {
        self.profiles_scn.unwrap_or(self.scn)
    }

    /// Returns the file of this name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&ManifestFile> {
        self.files.iter().find(|file| file.name == name)
    }

    fn to_text(&self) -> Result<String, serde_json::Error> {
        let versioned = Versioned {
            format_version: FORMAT_VERSION,
            manifest: self,
        };
        let pretty = serde_json::to_string_pretty(&versioned)?;
        let body = pretty.strip_suffix("\n}").unwrap_or(&pretty);
        let crc32c = crc32c::crc32c(body.as_bytes());
        Ok(format!("{body}{CHECKSUM_MEMBER}{crc32c:08x}\"\n}}\n"))
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, FileError> {
        let damaged =
            |offset: usize, reason: String| FileError::damaged(path, offset as u64, reason);
        let text = std::str::from_utf8(bytes)
            .map_err(|error| damaged(error.valid_up_to(), error.to_string()))?;
        let (body, tail) = text
            .rsplit_once(CHECKSUM_MEMBER)
            .ok_or_else(|| damaged(text.len(), "no checksum at the end".to_owned()))?;
        let found = crc32c::crc32c(body.as_bytes());
        if tail != format!("{found:08x}\"\n}}\n") {
            return Err(damaged(
                body.len(),
                format!("the checksum of the preceding bytes is {found:08x}"),
            ));
        }
        let body = format!("{body}\n}}");
        let invalid = |error: serde_json::Error| damaged(0, error.to_string());
        let any: Versioned<serde_json::Value> = serde_json::from_str(&body).map_err(invalid)?;
        if any.format_version != FORMAT_VERSION {
            return Err(FileError::UnknownVersion {
                path: path.to_owned(),
                found: any.format_version,
                supported: FORMAT_VERSION,
            });
        }
        serde_json::from_value(any.manifest).map_err(invalid)
    }
}

/// Returns the name of the snapshot at `scn`: 20 digits.
#[must_use]
pub fn snapshot_name(scn: Scn) -> String {
    format!("{:020}", scn.get())
}

/// Lists the snapshots in the directory of a site, newest first, without checking that they are
/// valid.
///
/// # Errors
/// [`FileError::Io`] when the directory cannot be read.
pub fn newest_snapshots(site: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(site).map_err(FileError::io(site))? {
        let entry = entry.map_err(FileError::io(site))?;
        let name = entry.file_name();
        let is_scn = name
            .to_str()
            .is_some_and(|name| name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit()));
        if is_scn && entry.path().is_dir() {
            snapshots.push(entry.path());
        }
    }
    snapshots.sort_by(|one, other| other.cmp(one));
    Ok(snapshots)
}
