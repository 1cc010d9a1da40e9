//! `manifest.json`: the identity of a snapshot, its place in the log, and its files.
//!
//! It is written last, so a directory without one is not a snapshot. It is one JSON object that
//! people can read. Its last member is the CRC-32C of every byte before that member's line, so that
//! a flipped bit anywhere in the file is detected:
//!
//! ```text
//! {
//!   "format_version": 2,
//!   "requires": [],
//!   "lineage_id": "32 hex digits",
//!   "generation": 0,
//!   "scn": 7,
//!   "stands_at": {"at_scn": {"log_id": "32 hex digits", "scn": 7, "history": "16 hex digits"}},
//!   "sources": [],
//!   "members": 200000,
//!   "connections": 5000000,
//!   "files": [{"name": "graph.csr", "role": "graph", "scn": 7, "bytes": 1, "crc32c": 2}],
//!   "crc32c": "8 hex digits"
//! }
//! ```
//!
//! **Versions.** A reader of version 2 ignores members that it does not know. What a reader must
//! know to read the snapshot rightly stands in `requires`: one that does not know an entry rejects
//! the snapshot and names the entry. Version 1 has no `requires`, no generation, one source offset
//! instead of a list, and files without role and SCN. It is still read, and rejects unknown
//! members.

use std::{
    fmt,
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Component, Path},
};

use serde::{Deserialize, Serialize};

use crate::files::{file_error::FileError, snapshot_names::snapshot_name};
use cloud_files::open_plain;
use cloud_model::{History, LineageId, LogId, LogPoint, Scn, SourceMark};

/// The manifest's name in a snapshot directory.
pub const MANIFEST_NAME: &str = "manifest.json";

const FORMAT_VERSION: u32 = 2;
const FORMAT_VERSION_1: u32 = 1;
/// The entry of `requires` of a snapshot that has policy: a reader that passes over it would show
/// members who are hidden.
pub(crate) const REQUIRES_POLICY: &str = "policy";
/// The entries of `requires` that this version knows.
const KNOWN_REQUIREMENTS: [&str; 1] = [REQUIRES_POLICY];
/// The longest manifest that is read. A manifest names a few files and at most a few thousand
/// sources.
const BYTES_MAX: u64 = 16 << 20;
const CHECKSUM_MEMBER: &str = ",\n  \"crc32c\": \"";

/// The description of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The knowledge that a reader needs to read the snapshot rightly, by name.
    #[serde(default)]
    pub requires: Vec<String>,
    /// The identity of the input that the base was built from.
    pub lineage_id: LineageId,
    /// The number of bootstraps of the site before this one. The newest snapshot is the one of the
    /// highest generation, then of the highest SCN: a bootstrap of a running site replaces
    /// snapshots of its past.
    #[serde(default)]
    pub generation: u64,
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
    /// The digest of the mapping from the core database that the base was built by, as hexadecimal
    /// digits. Absent for a base from dumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping_digest: Option<String>,
    /// The digest of the state at the SCN, as hexadecimal digits, by which instances are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_digest: Option<String>,
    /// The snapshot's files, except the manifest itself.
    pub files: Vec<ManifestFile>,
}

/// One file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its path below the snapshot directory, with `/` as separator.
    pub name: String,
    /// The kind of its content.
    pub role: FileRole,
    /// The SCN at which its content is exact: below the snapshot's in a file that was taken over
    /// from an earlier snapshot.
    pub scn: Scn,
    /// Its length in bytes.
    pub bytes: u64,
    /// The CRC-32C of the whole file.
    pub crc32c: u32,
}

/// The content of a file of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// The members and their connections.
    Graph,
    /// The times of the connections.
    Times,
    /// The profiles of the base.
    Profiles,
    /// The profiles that changed since the base.
    LiveProfiles,
    /// A file of the search index of the base.
    SearchIndex,
    /// The histories of the newest windows.
    Histories,
    /// Who may not see whom.
    Policy,
    /// A role that this version does not know, or a file of the site's own.
    #[serde(other)]
    Other,
}

/// An offset of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOffset {
    /// The source.
    pub source_id: String,
    /// The offset.
    pub offset: u64,
}

/// The place of a snapshot, which determines the log that continues from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandsAt {
    /// Before any window: a new log, created for this lineage, begins here.
    Beginning {},
    /// At a window of a log.
    AtScn {
        /// The log.
        log_id: LogId,
        /// The window.
        scn: Scn,
        /// The log's history there, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<History>,
    },
    /// Before the first window of a log that does not exist yet: the snapshot was taken from
    /// another log, which is lost or left behind. The first owner of the log creates it.
    NewLog {
        /// The id that the log gets.
        log_id: LogId,
        /// The SCN after which it begins.
        scn: Scn,
        /// The history before its first window, if it is known: the other log's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<History>,
    },
    /// At an offset of each source (for PostgreSQL an LSN). The log's windows of these sources up
    /// to the offsets are included.
    AtSourceOffsets {
        /// The offsets, one for each source.
        offsets: Vec<SourceOffset>,
    },
}

/// A manifest of version 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestV1 {
    lineage_id: LineageId,
    scn: Scn,
    stands_at: StandsAtV1,
    #[serde(default)]
    profiles_scn: Option<Scn>,
    sources: Vec<SourceMark>,
    members: u64,
    connections: u64,
    files: Vec<ManifestFileV1>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFileV1 {
    name: String,
    bytes: u64,
    crc32c: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StandsAtV1 {
    Beginning {},
    AtScn { log_id: LogId, scn: Scn },
    AtSourceOffset { source_id: String, offset: u64 },
}

impl From<ManifestV1> for Manifest {
    fn from(manifest: ManifestV1) -> Self {
        let profiles_scn = manifest.profiles_scn.unwrap_or(manifest.scn);
        let files = manifest.files.into_iter().map(|file| {
            let role = FileRole::of_version_1(&file.name);
            let file = ManifestFile::new(role, file.name, file.bytes, file.crc32c);
            let scn = match file.role {
                FileRole::Graph | FileRole::Times => manifest.scn,
                _ => profiles_scn,
            };
            file.at(scn)
        });
        Self {
            requires: Vec::new(),
            lineage_id: manifest.lineage_id,
            generation: 0,
            scn: manifest.scn,
            stands_at: match manifest.stands_at {
                StandsAtV1::Beginning {} => StandsAt::Beginning {},
                StandsAtV1::AtScn { log_id, scn } => StandsAt::AtScn {
                    log_id,
                    scn,
                    history: None,
                },
                StandsAtV1::AtSourceOffset { source_id, offset } => StandsAt::AtSourceOffsets {
                    offsets: vec![SourceOffset { source_id, offset }],
                },
            },
            profiles_scn: manifest.profiles_scn,
            sources: manifest.sources,
            members: manifest.members,
            connections: manifest.connections,
            mapping_digest: None,
            state_digest: None,
            files: files.collect(),
        }
    }
}

impl ManifestFile {
    /// Returns the entry of a file of the snapshot that is being written.
    #[must_use]
    pub fn new(role: FileRole, name: String, bytes: u64, crc32c: u32) -> Self {
        Self {
            role,
            name,
            scn: Scn::BEGINNING,
            bytes,
            crc32c,
        }
    }

    /// Returns the entry with the SCN at which the file's content is exact.
    #[must_use]
    pub fn at(self, scn: Scn) -> Self {
        Self { scn, ..self }
    }

    /// Links the file from one snapshot into another that is being written. The folders above it
    /// are created.
    ///
    /// # Errors
    /// If it is missing or cannot be linked.
    pub fn link(&self, old: &Path, new: &Path) -> Result<(), FileError> {
        let (from, to) = (old.join(&self.name), new.join(&self.name));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(FileError::io(folder))?;
        }
        fs::hard_link(&from, to).map_err(FileError::io(&from))
    }

    /// Returns whether its name is a path inside the snapshot.
    fn is_inside(&self) -> bool {
        let mut parts = Path::new(&self.name).components();
        !self.name.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
    }
}

impl fmt::Display for FileRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Graph => "graph",
            Self::Times => "times",
            Self::Profiles => "profiles",
            Self::LiveProfiles => "live profiles",
            Self::SearchIndex => "search index",
            Self::Histories => "histories",
            Self::Policy => "policy",
            Self::Other => "another file",
        })
    }
}

impl FileRole {
    /// Returns the role of a file of version 1, whose names were fixed.
    fn of_version_1(name: &str) -> Self {
        match name {
            "graph.csr" => Self::Graph,
            "times.bin" => Self::Times,
            "profiles.bin" => Self::Profiles,
            "profiles.redb" => Self::LiveProfiles,
            name if name.starts_with("search/") => Self::SearchIndex,
            _ => Self::Other,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format_version: u32,
    #[serde(flatten)]
    manifest: T,
}

impl Manifest {
    /// Returns the manifest of a snapshot of the first generation, without members and files.
    #[must_use]
    pub fn new(lineage_id: LineageId, scn: Scn, stands_at: StandsAt) -> Self {
        Self {
            requires: Vec::new(),
            lineage_id,
            generation: 0,
            scn,
            stands_at,
            profiles_scn: None,
            sources: Vec::new(),
            members: 0,
            connections: 0,
            mapping_digest: None,
            state_digest: None,
            files: Vec::new(),
        }
    }

    /// Reads and checks the manifest in `snapshot`.
    ///
    /// # Errors
    /// [`FileError`] when the manifest is missing, damaged, or of a newer version.
    pub fn read(snapshot: &Path) -> Result<Self, FileError> {
        let path = snapshot.join(MANIFEST_NAME);
        let file = open_plain(&path).map_err(FileError::io(&path))?;
        // One byte more than the limit shows that the file is longer.
        let mut text = Vec::new();
        let read = file.take(BYTES_MAX + 1).read_to_end(&mut text);
        let found = read.map_err(FileError::io(&path))? as u64;
        if found > BYTES_MAX {
            return Err(FileError::WrongLength {
                path,
                expected: BYTES_MAX,
                found,
            });
        }
        Self::parse(&path, &text)
    }

    /// Writes the manifest into `snapshot` and syncs it, but not the directory. States in
    /// `requires` what the files demand of a reader.
    ///
    /// # Errors
    /// [`FileError::Io`] when the file cannot be written or synced.
    pub fn write(&self, snapshot: &Path) -> Result<(), FileError> {
        let path = snapshot.join(MANIFEST_NAME);
        let mut manifest = self.clone();
        manifest.requires.retain(|name| name != REQUIRES_POLICY);
        if self.files.iter().any(|file| file.role == FileRole::Policy) {
            manifest.requires.push(REQUIRES_POLICY.to_owned());
        }
        let text = manifest
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

    /// Returns the point at which it is exact.
    #[must_use]
    pub fn point(&self) -> LogPoint {
        let history = match self.stands_at {
            StandsAt::AtScn { history, .. } | StandsAt::NewLog { history, .. } => history,
            StandsAt::Beginning {} | StandsAt::AtSourceOffsets { .. } => None,
        };
        let scn = self.scn;
        LogPoint { scn, history }
    }

    /// Returns the point at which its profiles and search index are exact, or an earlier one.
    #[must_use]
    pub fn profiles_point(&self) -> LogPoint {
        match self.profiles_scn() {
            scn if scn == self.scn => self.point(),
            scn => scn.into(),
        }
    }

    /// Checks that the manifest, which was read in `snapshot`, is of this lineage.
    ///
    /// # Errors
    /// [`FileError::ForeignLineage`] if it is not.
    pub fn check_lineage(&self, snapshot: &Path, expected: LineageId) -> Result<(), FileError> {
        if self.lineage_id == expected {
            return Ok(());
        }
        Err(FileError::ForeignLineage {
            path: snapshot.join(MANIFEST_NAME),
            expected,
            found: self.lineage_id,
        })
    }

    /// Returns the name of the snapshot's directory.
    #[must_use]
    pub fn directory_name(&self) -> String {
        snapshot_name(self.generation, self.scn)
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
        let manifest: Self = match any.format_version {
            FORMAT_VERSION => serde_json::from_value(any.manifest).map_err(invalid)?,
            FORMAT_VERSION_1 => {
                let manifest: ManifestV1 = serde_json::from_value(any.manifest).map_err(invalid)?;
                manifest.into()
            }
            found => {
                return Err(FileError::UnknownVersion {
                    path: path.to_owned(),
                    found,
                    supported: FORMAT_VERSION,
                });
            }
        };
        let is_unknown = |name: &&String| !KNOWN_REQUIREMENTS.contains(&name.as_str());
        if let Some(name) = manifest.requires.iter().find(is_unknown) {
            return Err(FileError::Requires {
                path: path.to_owned(),
                name: name.clone(),
            });
        }
        if let Some(file) = manifest.files.iter().find(|file| !file.is_inside()) {
            let name = &file.name;
            return Err(damaged(
                0,
                format!("names {name:?}, which is no file of a snapshot"),
            ));
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a manifest of these members, with a checksum.
    fn parse(members: &str) -> Result<Manifest, FileError> {
        let body = format!("{{\n  {members}");
        let crc32c = crc32c::crc32c(body.as_bytes());
        let text = format!("{body}{CHECKSUM_MEMBER}{crc32c:08x}\"\n}}\n");
        Manifest::parse(Path::new("manifest.json"), text.as_bytes())
    }

    const LINEAGE: &str = r#""lineage_id": "00000000000000000000000000000007""#;
    const LOG: &str = r#""log_id": "00000000000000000000000000000009""#;
    const FILE: &str = r#""name": "graph.csr", "bytes": 5, "crc32c": 6"#;

    fn version_1(stands_at: &str, more: &str) -> Result<Manifest, FileError> {
        parse(&format!(
            r#""format_version": 1, {LINEAGE}, "scn": 4, "stands_at": {stands_at}, "sources": [],
               "members": 2, "connections": 1, "files": [{{{FILE}}}]{more}"#
        ))
    }

    fn version_2(requires: &str, more: &str) -> Result<Manifest, FileError> {
        parse(&format!(
            r#""format_version": 2, "requires": {requires}, {LINEAGE}, "generation": 3, "scn": 4,
               "stands_at": {{"at_scn": {{{LOG}, "scn": 4, "history": "000000000000000a"}}}},
               "sources": [], "members": 2, "connections": 1,
               "files": [{{{FILE}, "role": "graph", "scn": 4{more}}}]{more}"#
        ))
    }

    #[test]
    fn version_1_is_read_and_refuses_unknown_members() {
        let stands_at = format!(r#"{{"at_scn": {{{LOG}, "scn": 4}}}}"#);
        let manifest = version_1(&stands_at, "").unwrap();
        assert_eq!(manifest.point(), LogPoint::from(Scn::new(4)));
        let file = manifest.file("graph.csr").unwrap();
        assert_eq!((file.role, file.scn), (FileRole::Graph, Scn::new(4)));
        let behind = version_1(&stands_at, r#", "profiles_scn": 2"#).unwrap();
        assert_eq!(behind.profiles_point(), LogPoint::from(Scn::new(2)));
        let source = r#"{"at_source_offset": {"source_id": "pg", "offset": 8}}"#;
        let offsets = vec![SourceOffset {
            source_id: "pg".to_owned(),
            offset: 8,
        }];
        let expected = StandsAt::AtSourceOffsets { offsets };
        assert_eq!(version_1(source, "").unwrap().stands_at, expected);
        let unknown = version_1(&stands_at, r#", "generation": 3"#);
        assert!(matches!(unknown, Err(FileError::Damaged { .. })));
    }

    #[test]
    fn version_2_ignores_unknown_members_and_refuses_unknown_requirements() {
        let manifest = version_2("[]", r#", "of a later version": 1"#).unwrap();
        assert_eq!((manifest.generation, manifest.scn), (3, Scn::new(4)));
        assert_eq!(manifest.point().history, History::new(10));
        assert_eq!(manifest, version_2("[]", "").unwrap());
        let refused = version_2(r#"["gap_coding"]"#, "").unwrap_err();
        assert!(
            refused.to_string().contains("requires \"gap_coding\""),
            "{refused}"
        );
        let text = manifest.to_text().unwrap();
        let again = Manifest::parse(Path::new("manifest.json"), text.as_bytes()).unwrap();
        assert_eq!(again, manifest);
    }

    #[test]
    fn files_outside_the_snapshot_are_refused() {
        for name in [
            "",
            "/etc/passwd",
            "../graph.csr",
            "search/../../x",
            "./graph.csr",
        ] {
            let mut manifest = version_2("[]", "").unwrap();
            manifest.files[0].name = name.to_owned();
            let text = manifest.to_text().unwrap();
            let refused = Manifest::parse(Path::new("manifest.json"), text.as_bytes());
            let refused = refused.unwrap_err().to_string();
            assert!(
                refused.contains("no file of a snapshot"),
                "{name}: {refused}"
            );
        }
    }
}
