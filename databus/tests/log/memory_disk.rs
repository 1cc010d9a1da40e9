//! A disk in memory that fails as real disks do: syncs that fail, no room left, loss of power.
//!
//! It behaves like Linux. Written bytes read back at once, and a good sync makes them durable. A
//! failed sync leaves them readable and *not* dirty. A later sync then succeeds, but makes none of
//! them durable, except sectors that happened to be written. At a loss of power, each sector that
//! was written since the last sync is kept or lost on its own. Names are kept up to a random point
//! of their journal.

use databus::disk::{Disk, DiskFile};
use rand::{Rng as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const SECTOR_BYTES: usize = 64;

/// The disk. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// The names after each creation, renaming and removal since the folder was last synced.
    name_journal: Vec<BTreeMap<String, usize>>,
    files: Vec<FileState>,
    syncs_to_fail: usize,
    name_syncs_to_fail: usize,
    room: Option<usize>,
    syncs: usize,
    removes_to_fail: usize,
    /// The time of the disk's clock, in seconds since 1970.
    second: u64,
    /// True if a copy of the disk is kept after each operation.
    watched: bool,
    history: Vec<State>,
}

#[derive(Clone, Debug, Default)]
struct FileState {
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    cut_to: Option<usize>,
    /// The time of the last write, by the disk's clock.
    written_at: u64,
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    number: usize,
}

impl MemoryDisk {
    /// Returns the disk as SIGKILL leaves it now: everything that was written reads back.
    pub(crate) fn killed(&self) -> Self {
        Self::from(self.lock().clone_without_faults())
    }

    /// Returns the disk as it comes back after a loss of power now.
    pub(crate) fn powerless(&self, random: &mut StdRng) -> Self {
        let mut state = self.lock().clone_without_faults();
        let kept = random.random_range(0..=state.name_journal.len());
        if let Some(last) = kept.checked_sub(1) {
            state.durable_names = state.name_journal[last].clone();
        }
        state.names = state.durable_names.clone();
        state.name_journal.clear();
        for file in &mut state.files {
            file.lose_power(random);
        }
        Self::from(state)
    }

    /// Keeps a copy of the disk after each operation from here on.
    pub(crate) fn watch(&self) {
        self.lock().watched = true;
    }

    /// Returns the copies since the last call.
    pub(crate) fn watched(&self) -> Vec<Self> {
        std::mem::take(&mut self.lock().history)
            .into_iter()
            .map(Self::from)
            .collect()
    }

    pub(crate) fn fail_syncs(&self, count: usize) {
        self.lock().syncs_to_fail = count;
    }

    pub(crate) fn fail_name_syncs(&self, count: usize) {
        self.lock().name_syncs_to_fail = count;
    }

    pub(crate) fn fail_removes(&self, count: usize) {
        self.lock().removes_to_fail = count;
    }

    /// Sets the disk's clock, in seconds since 1970.
    pub(crate) fn set_second(&self, second: u64) {
        self.lock().second = second;
    }

    /// Sets the number of bytes that may still be written to new places; `None` means any.
    pub(crate) fn set_room(&self, room: Option<usize>) {
        self.lock().room = room;
    }

    /// Blocks every user of the disk until the returned guard is dropped.
    pub(crate) fn hold(&self) -> impl Sized + '_ {
        self.lock()
    }

    /// Returns the number of good syncs of files so far.
    pub(crate) fn syncs(&self) -> usize {
        self.lock().syncs
    }

    /// Returns the names of the segments, in order.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.lock()
            .names
            .keys()
            .filter(|name| name.ends_with(".log"))
            .cloned()
            .collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.lock();
        state.files[state.names[name]].cached.clone()
    }

    /// Replaces the content of a file, durably at once.
    pub(crate) fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.lock();
        let number = state.files.len();
        state.files.push(FileState {
            cached: bytes.clone(),
            durable: bytes,
            ..FileState::default()
        });
        state.names.insert(name.to_owned(), number);
        state.durable_names.insert(name.to_owned(), number);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn named<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.lock();
        let answer = change(&mut state)?;
        let names = state.names.clone();
        state.name_journal.push(names);
        state.record();
        Ok(answer)
    }
}

impl From<State> for MemoryDisk {
    fn from(state: State) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl State {
    fn clone_without_faults(&self) -> Self {
        let (names, durable_names) = (self.names.clone(), self.durable_names.clone());
        let (name_journal, files) = (self.name_journal.clone(), self.files.clone());
        Self {
            names,
            durable_names,
            name_journal,
            files,
            ..Self::default()
        }
    }

    fn record(&mut self) {
        if self.watched {
            let copy = self.clone_without_faults();
            self.history.push(copy);
        }
    }
}

impl FileState {
    fn sync(&mut self, dirty: impl IntoIterator<Item = usize>) {
        if let Some(bytes) = self.cut_to.take() {
            self.durable.truncate(bytes);
        }
        for sector in dirty {
            let from = sector * SECTOR_BYTES;
            let to = (from + SECTOR_BYTES).min(self.cached.len());
            if from < to {
                self.durable.resize(self.durable.len().max(to), 0);
                self.durable[from..to].copy_from_slice(&self.cached[from..to]);
            }
        }
    }

    fn lose_power(&mut self, random: &mut StdRng) {
        if random.random() {
            self.cut_to = None;
        }
        let dirty: Vec<_> = std::mem::take(&mut self.dirty)
            .into_iter()
            .filter(|_| random.random())
            .collect();
        self.sync(dirty);
        self.cached = self.durable.clone();
    }
}

impl Disk for MemoryDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let number = self.named(|state| {
            state.files.push(FileState::default());
            state.names.insert(name.to_owned(), state.files.len() - 1);
            Ok(state.files.len() - 1)
        })?;
        Ok(Arc::new(MemoryFile {
            disk: self.clone(),
            number,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let number = *self.lock().names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(Arc::new(MemoryFile {
            disk: self.clone(),
            number,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.named(|state| {
            let number = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
            state.names.insert(to.to_owned(), number);
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.named(|state| {
            if state.removes_to_fail > 0 {
                state.removes_to_fail -= 1;
                return Err(io::Error::other("injected: the name stays"));
            }
            state
                .names
                .remove(name)
                .map(drop)
                .ok_or(ErrorKind::NotFound.into())
        })
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.lock().second)
    }

    fn written_at(&self, name: &str) -> io::Result<SystemTime> {
        let state = self.lock();
        let number = *state.names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(UNIX_EPOCH + Duration::from_secs(state.files[number].written_at))
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.name_syncs_to_fail > 0 {
            state.name_syncs_to_fail -= 1;
            return Err(io::Error::other("injected: the folder is not synced"));
        }
        state.durable_names = state.names.clone();
        state.name_journal.clear();
        state.record();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

impl DiskFile for MemoryFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.number].cached.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        let cached = state.files[self.number]
            .cached
            .get(offset as usize..)
            .unwrap_or_default();
        let bytes = buffer.len().min(cached.len());
        buffer[..bytes].copy_from_slice(&cached[..bytes]);
        Ok(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        let offset = offset as usize;
        let file = &mut state.files[self.number];
        let grows = (offset + bytes.len()).saturating_sub(file.cached.len());
        // A full disk writes what it has room for, and then returns an error.
        let missing = state.room.map_or(0, |room| grows.saturating_sub(room));
        state.room = state.room.map(|room| room - (grows - missing));
        let taken = &bytes[..bytes.len() - missing];
        let second = state.second;
        let file = &mut state.files[self.number];
        file.written_at = second;
        file.cached
            .resize(file.cached.len().max(offset + taken.len()), 0);
        file.cached[offset..offset + taken.len()].copy_from_slice(taken);
        file.dirty
            .extend(offset / SECTOR_BYTES..(offset + taken.len()).div_ceil(SECTOR_BYTES));
        state.record();
        if missing > 0 {
            Err(ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        let file = &mut state.files[self.number];
        let bytes = bytes as usize;
        let freed = file.cached.len().saturating_sub(bytes);
        file.cached.truncate(bytes);
        file.dirty.retain(|sector| sector * SECTOR_BYTES < bytes);
        file.cut_to = Some(file.cut_to.map_or(bytes, |cut_to| cut_to.min(bytes)));
        state.room = state.room.map(|room| room + freed);
        state.record();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        let fails = state.syncs_to_fail > 0;
        let file = &mut state.files[self.number];
        let dirty = std::mem::take(&mut file.dirty);
        if fails {
            file.cut_to = None;
            file.sync(dirty.into_iter().filter(|sector| sector % 2 == 0));
            state.syncs_to_fail -= 1;
            state.record();
            return Err(io::Error::other("injected: the file is not synced"));
        }
        file.sync(dirty);
        state.syncs += 1;
        state.record();
        Ok(())
    }
}
