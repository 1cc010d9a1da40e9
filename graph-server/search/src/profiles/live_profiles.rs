//! The profiles of the members that changed since the snapshot, in a small redb file.
//!
//! ```text
//! table "profiles"   node (u32) -> CRC-32C (4) over the node's number (4) and the rest;
//!                                  SCN of the last change (8);
//!                                  1: a profile follows, 0: the member was removed;
//!                                  the profile, a `cloud_profile::ProfileRecord`
//! table "mark"       () -> the store's mark, see `store_mark.rs`
//! ```
//!
//! redb commits by copy on write and needs no repair after a crash (`set_quick_repair`). It does
//! not check what it reads: hence each value has a checksum, and opening the store reads every
//! value once. A record here supersedes the snapshot's profile of the same node.

use crate::profiles::{
    persistent_file::{Persistence, PersistentFile},
    profile_file::record_checksum,
    store_mark::StoreMark,
};
use cloud_engine::{FileError, NodeIndex};
use cloud_files::{FileIdentity, open_plain, open_plain_with, remove_any};
use cloud_model::{LogId, LogPoint, Scn};
use cloud_profile::ProfileRecord;
use prost::Message as _;
use redb::{
    Database, ReadOnlyTable, ReadableDatabase as _, TableDefinition, TableError,
    backends::FileBackend,
};
use std::{
    any::Any,
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

const PROFILES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("profiles");
const MARK: TableDefinition<'_, (), &str> = TableDefinition::new("mark");
/// The name of the live profiles' file, both in the live directory and in a snapshot.
pub const LIVE_PROFILES_NAME: &str = "profiles.redb";
/// The file name of a store while it is created or copied, in the destination's folder.
pub(crate) const BUILDING_PROFILES_NAME: &str = "building-profiles.redb";
/// The size of redb's page cache, whose default is 1 GiB.
const CACHE_BYTES: usize = 64 << 20;

/// The number of records in one transaction of a copy.
const RECORDS_AT_ONCE: usize = 1 << 16;

/// The store, for its one writer.
pub(crate) struct LiveProfiles {
    path: PathBuf,
    identity: FileIdentity,
    database: Arc<Database>,
    mark: StoreMark,
}

/// The store as of one commit.
pub(crate) struct LiveProfilesReader {
    path: PathBuf,
    mark: StoreMark,
    profiles: ReadOnlyTable<u32, &'static [u8]>,
    /// Keeps the database open as long as a reader exists.
    _database: Arc<dyn Any + Send + Sync>,
}

/// The store's record of a node.
pub(crate) struct LiveRecord {
    /// The SCN of the last change.
    pub(crate) scn: Scn,
    /// The profile, or `None` if the member was removed.
    pub(crate) profile: Option<ProfileRecord>,
}

impl LiveProfiles {
    /// Opens the store, or creates one with this mark.
    pub(crate) fn open(
        path: &Path,
        fresh: StoreMark,
        persistence: &Arc<Persistence>,
    ) -> Result<Self, FileError> {
        let error = |error: redb::Error| store_error(path, error);
        if !path.exists() {
            Self::make(path, fresh)?;
        }
        let (database, identity) = open_database(path, persistence)?;
        let found = read_mark(&database).map_err(error)?;
        let mark = match &found {
            Some(text) => StoreMark::parse(path, text)?,
            None => fresh,
        };
        mark.check(path, fresh.lineage, fresh.log)?;
        let mut store = Self {
            path: path.to_owned(),
            identity,
            database: Arc::new(database),
            mark,
        };
        if found.is_none() {
            store.commit(fresh.point, &BTreeMap::new())?;
        }
        Ok(store)
    }

    /// Creates a store without records. The file gets its name once it is complete: redb could not
    /// identify one that a power loss left half written.
    pub(crate) fn make(path: &Path, mark: StoreMark) -> Result<(), FileError> {
        let building = path.with_file_name(BUILDING_PROFILES_NAME);
        let io = |source| FileError::Io {
            path: building.clone(),
            source,
        };
        remove_any(&building).map_err(io)?;
        let error = |error: redb::Error| store_error(&building, error);
        let mut builder = Database::builder();
        let database = builder.set_cache_size(CACHE_BYTES).create(&building);
        let database = database.map_err(|e| error(e.into()))?;
        write(&database, mark, &BTreeMap::new()).map_err(error)?;
        database.close().map_err(|e| error(e.into()))?;
        fs::rename(&building, path).map_err(io)
    }

    /// Returns the SCN of the last commit.
    pub(crate) fn scn(&self) -> Scn {
        self.mark.point.scn
    }

    /// Returns the point of the last commit.
    pub(crate) fn point(&self) -> LogPoint {
        self.mark.point
    }

    /// Checks that the file is still at its path: otherwise a commit is lost with the process.
    pub(crate) fn check_in_place(&self) -> Result<(), FileError> {
        let checked = self.identity.check_at(&self.path);
        checked.map_err(|source| FileError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// Writes the records and the mark; durable on return.
    pub(crate) fn commit(
        &mut self,
        point: LogPoint,
        changed: &BTreeMap<NodeIndex, LiveRecord>,
    ) -> Result<(), FileError> {
        let mark = self.mark.at(point);
        write(&self.database, mark, changed).map_err(|error| store_error(&self.path, error))?;
        self.mark = mark;
        Ok(())
    }

    /// Returns a reader of the last commit.
    pub(crate) fn reader(&self) -> Result<LiveProfilesReader, FileError> {
        let error = |error: redb::Error| store_error(&self.path, error);
        let transaction = self.database.begin_read().map_err(|e| error(e.into()))?;
        let profiles = transaction
            .open_table(PROFILES)
            .map_err(|e| error(e.into()))?;
        Ok(LiveProfilesReader {
            path: self.path.clone(),
            mark: self.mark,
            profiles,
            _database: Arc::<Database>::clone(&self.database),
        })
    }
}

impl LiveProfilesReader {
    /// Opens the store of a snapshot, without writing to it.
    pub(crate) fn of_snapshot(path: &Path) -> Result<Self, FileError> {
        let error = |error: redb::Error| store_error(path, error);
        let io = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        // Rejects what is no plain file, which the library would open.
        drop(open_plain(path).map_err(io)?);
        let mut builder = Database::builder();
        let database = builder.set_cache_size(CACHE_BYTES).open_read_only(path);
        let database = database.map_err(|e| error(e.into()))?;
        let transaction = database.begin_read().map_err(|e| error(e.into()))?;
        let mark = transaction.open_table(MARK).map_err(|e| error(e.into()))?;
        let mark = mark.get(()).map_err(|e| error(e.into()))?;
        let mark = mark.map(|text| text.value().to_owned()).unwrap_or_default();
        let profiles = transaction
            .open_table(PROFILES)
            .map_err(|e| error(e.into()))?;
        Ok(Self {
            path: path.to_owned(),
            mark: StoreMark::parse(path, &mark)?,
            profiles,
            _database: Arc::new(database),
        })
    }

    /// Returns the record of a node, or `None` if it has not changed since the snapshot.
    pub(crate) fn get(&self, node: NodeIndex) -> Result<Option<LiveRecord>, FileError> {
        let found = self
            .profiles
            .get(node.get())
            .map_err(|error| store_error(&self.path, error.into()))?;
        found
            .map(|bytes| self.record(node, bytes.value()))
            .transpose()
    }

    /// Returns the size of a node's record, or `None` if the node has not changed since the
    /// snapshot.
    pub(crate) fn record_bytes(&self, node: NodeIndex) -> Result<Option<u64>, FileError> {
        let found = self.profiles.get(node.get());
        let found = found.map_err(|error| store_error(&self.path, error.into()))?;
        Ok(found.map(|bytes| bytes.value().len() as u64))
    }

    /// Returns every record in node order, each checked.
    pub(crate) fn records(
        &self,
    ) -> Result<impl Iterator<Item = Result<(NodeIndex, LiveRecord), FileError>>, FileError> {
        let error = |error: redb::StorageError| store_error(&self.path, error.into());
        let range = self.profiles.range::<u32>(..).map_err(error)?;
        Ok(range.map(move |entry| {
            let (node, bytes) = entry.map_err(error)?;
            let node = NodeIndex::new(node.value());
            Ok((node, self.record(node, bytes.value())?))
        }))
    }

    /// Writes a store with the same records to `path`, at a point, and syncs it (not the
    /// directory). Holds 65,536 records in memory at a time.
    pub(crate) fn copy(&self, path: &Path, point: LogPoint) -> Result<(), FileError> {
        let error = |error: redb::Error| store_error(path, error);
        let mut builder = Database::builder();
        let builder = builder.set_cache_size(CACHE_BYTES);
        let database = builder.create(path).map_err(|e| error(e.into()))?;
        let range = self.profiles.range::<u32>(..);
        let mut records = range.map_err(|error| store_error(&self.path, error.into()))?;
        let mut is_last = false;
        while !is_last {
            let mut transaction = database.begin_write().map_err(|e| error(e.into()))?;
            transaction.set_quick_repair(true);
            {
                let table = transaction.open_table(PROFILES);
                let mut table = table.map_err(|e| error(e.into()))?;
                for _ in 0..RECORDS_AT_ONCE {
                    let Some(record) = records.next() else {
                        is_last = true;
                        break;
                    };
                    let (node, bytes) =
                        record.map_err(|error| store_error(&self.path, error.into()))?;
                    let node_index = NodeIndex::new(node.value());
                    // A damaged record must not be copied as a sound one.
                    self.record(node_index, bytes.value())?;
                    let inserted = table.insert(node.value(), bytes.value());
                    inserted.map_err(|e| error(e.into()))?;
                }
            }
            if is_last {
                let table = transaction.open_table(MARK);
                let mut table = table.map_err(|e| error(e.into()))?;
                let marked = table.insert((), self.mark.at(point).to_string().as_str());
                marked.map_err(|e| error(e.into()))?;
            }
            transaction.commit().map_err(|e| error(e.into()))?;
        }
        // A drop would write the last page too, but would not report a failure to sync it.
        database.close().map_err(|e| error(e.into()))
    }

    fn record(&self, node: NodeIndex, bytes: &[u8]) -> Result<LiveRecord, FileError> {
        decode(node, bytes).map_err(|reason| FileError::Damaged {
            path: self.path.clone(),
            offset: 0,
            reason: format!("node {node}: {reason}"),
        })
    }
}

/// Makes the store at `path`, a copy of the one in a snapshot, one of another log, and syncs it.
/// Its records and its point stay.
///
/// # Errors
/// If it cannot be read or written, or is no store.
pub fn move_to_log(path: &Path, log: LogId) -> Result<(), FileError> {
    let error = |error: redb::Error| store_error(path, error);
    let (database, _) = open_database(path, &Arc::default())?;
    let found = read_mark(&database).map_err(error)?;
    let mark = StoreMark {
        log,
        ..StoreMark::parse(path, &found.unwrap_or_default())?
    };
    write(&database, mark, &BTreeMap::new()).map_err(error)?;
    database.close().map_err(|e| error(e.into()))
}

/// Returns the mark of the store at `path`, or `None` if it has none yet.
pub(crate) fn mark_of(path: &Path) -> Result<Option<StoreMark>, FileError> {
    let (database, _) = open_database(path, &Arc::default())?;
    let found = read_mark(&database).map_err(|error| store_error(path, error))?;
    found.map(|text| StoreMark::parse(path, &text)).transpose()
}

fn open_database(
    path: &Path,
    persistence: &Arc<Persistence>,
) -> Result<(Database, FileIdentity), FileError> {
    let error = |error: redb::Error| store_error(path, error);
    let mut builder = Database::builder();
    let builder = builder
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true);
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    let io = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let file = open_plain_with(path, options).map_err(io)?;
    let identity = FileIdentity::from(&file.metadata().map_err(io)?);
    let file = FileBackend::new(file).map_err(|e| error(e.into()))?;
    let file = PersistentFile::new(file, Arc::clone(persistence));
    let database = builder.create_with_backend(file);
    let database = database.map_err(|e| error(e.into()))?;
    Ok((database, identity))
}

fn read_mark(database: &Database) -> Result<Option<String>, redb::Error> {
    match database.begin_read()?.open_table(MARK) {
        Ok(table) => Ok(table.get(())?.map(|text| text.value().to_owned())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write(
    database: &Database,
    mark: StoreMark,
    changed: &BTreeMap<NodeIndex, LiveRecord>,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut profiles = transaction.open_table(PROFILES)?;
        for (&node, record) in changed {
            profiles.insert(node.get(), encode(node, record).as_slice())?;
        }
        transaction
            .open_table(MARK)?
            .insert((), mark.to_string().as_str())?;
    }
    Ok(transaction.commit()?)
}

fn encode(node: NodeIndex, record: &LiveRecord) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(record.scn.get().to_le_bytes());
    bytes.push(u8::from(record.profile.is_some()));
    if let Some(profile) = &record.profile {
        bytes.extend(profile.encode_to_vec());
    }
    if let Some((checksum, rest)) = bytes.split_first_chunk_mut::<4>() {
        *checksum = record_checksum(node, rest).to_le_bytes();
    }
    bytes
}

fn decode(node: NodeIndex, bytes: &[u8]) -> Result<LiveRecord, String> {
    let too_short = || "the record is too short".to_owned();
    let (checksum, checked) = bytes.split_first_chunk::<4>().ok_or_else(too_short)?;
    if record_checksum(node, checked) != u32::from_le_bytes(*checksum) {
        return Err("the checksum does not match".to_owned());
    }
    let (scn, rest) = checked.split_first_chunk::<8>().ok_or_else(too_short)?;
    let profile = match rest.split_first().ok_or_else(too_short)? {
        (0, _) => None,
        (_, profile) => Some(ProfileRecord::decode(profile).map_err(|error| error.to_string())?),
    };
    Ok(LiveRecord {
        scn: Scn::new(u64::from_le_bytes(*scn)),
        profile,
    })
}

fn store_error(path: &Path, error: redb::Error) -> FileError {
    match error {
        redb::Error::Io(source) => FileError::Io {
            path: path.to_owned(),
            source,
        },
        redb::Error::Corrupted(reason) => FileError::Damaged {
            path: path.to_owned(),
            offset: 0,
            reason,
        },
        // The tables are the same in every version of this program.
        error @ (redb::Error::UpgradeRequired(_)
        | redb::Error::RepairAborted
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TableIsNotMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }) => FileError::Damaged {
            path: path.to_owned(),
            offset: 0,
            reason: error.to_string(),
        },
        other => FileError::Io {
            path: path.to_owned(),
            source: io::Error::other(other),
        },
    }
}
