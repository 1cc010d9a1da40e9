//! The state folder. `state.json` holds the mapping's digest, the timeline, and the tables as they
//! were at the bootstrap or when capture last looked. Positions are not here: the log's last offset
//! and the slot have them.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use cloud_files::{FolderLock, create_folder, sync_above};
use serde::{Deserialize, Serialize};

use crate::state::{error::StateError, tables_state::TablesState};

const STATE_NAME: &str = "state.json";
const NEW_NAME: &str = "state.json.new";

/// The state between two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The digest of the mapping.
    pub(crate) mapping_digest: String,
    /// The source.
    pub(crate) source_id: String,
    /// The timeline of the database when it was last connected to.
    pub(crate) timeline: u32,
    /// The tables.
    pub(crate) tables: TablesState,
    /// The point of the slot, while the rows of the database are being copied into the log.
    #[serde(default)]
    pub(crate) unfinished_copy: Option<u64>,
}

/// The folder, which this process owns.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: FolderLock,
}

impl StateFolder {
    /// Takes the folder, which is created if it is missing.
    ///
    /// # Errors
    /// If it cannot be used, or another process uses it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        create_folder(path).map_err(|error| StateError::File {
            path: path.to_owned(),
            error: io::Error::other(error),
        })?;
        let lock = FolderLock::take(path)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Returns when the state was written last; `None` if there is none.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        Self::modified_in(&self.path)
    }

    /// Returns when the state in a folder was written last, without taking the folder.
    pub(crate) fn modified_in(folder: &Path) -> Option<SystemTime> {
        let state = fs::metadata(folder.join(STATE_NAME));
        state.and_then(|state| state.modified()).ok()
    }

    /// Returns the path of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads the state; `None` if neither a bootstrap nor a run has written one.
    pub(crate) fn read(&self) -> Result<Option<State>, StateError> {
        let path = self.file(STATE_NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::File { path, error }),
        };
        let state = serde_json::from_slice(&text);
        state.map_err(|error| StateError::Content { path, error })
    }

    /// Replaces the state. It is durable when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, state: &State) -> Result<(), StateError> {
        let (new, path) = (self.file(NEW_NAME), self.file(STATE_NAME));
        let content = |error| StateError::Content {
            path: path.clone(),
            error,
        };
        let text = serde_json::to_vec_pretty(state).map_err(content)?;
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            sync_above(&path).map_err(io::Error::other)
        };
        write().map_err(|error| StateError::File { path, error })
    }
}
