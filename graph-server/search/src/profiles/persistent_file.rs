//! The file of the live profiles, which outlasts a disk that is full or fails for a while.
//!
//! redb takes the first error of its file for its end: from then on it neither writes nor reads, until nobody has it open any more,
//! and whoever reads profiles has. So it is not told of an error in writing as long as there is hope: what failed is done again, until
//! it succeeds or nobody waits for it any more ([`Persistence::give_up`]). After a failed sync everything since the last good one is
//! written again first: the system may have dropped those pages, which read back all the same and are no longer dirty.

use redb::{BackendError, StorageBackend, backends::FileBackend};
use std::{
    fmt, io,
    ops::Bound,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Written again at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// Whether to go on trying, and what is wrong meanwhile.
#[derive(Debug, Default)]
pub struct Persistence {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    trouble: Option<Arc<str>>,
    /// False at first: who cannot be opened says so.
    hopes: bool,
}

impl Persistence {
    /// Why writing does not go on.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        lock(&self.state).trouble.clone()
    }

    /// From here on errors are waited out.
    pub(crate) fn hope(&self) {
        lock(&self.state).hopes = true;
    }

    /// From here on the first error is the last.
    pub fn give_up(&self) {
        lock(&self.state).hopes = false;
        self.changed.notify_all();
    }

    /// Tries until it succeeds, or there is no hope.
    fn persist<T>(&self, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            let error = match attempt() {
                Ok(done) => {
                    lock(&self.state).trouble = None;
                    return Ok(done);
                }
                Err(error) => error,
            };
            let mut state = lock(&self.state);
            if state.hopes {
                state.trouble = Some(error.to_string().into());
                let waited = self
                    .changed
                    .wait_timeout_while(state, RETRY_INTERVAL, |state| state.hopes);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            }
            if !state.hopes {
                return Err(error);
            }
        }
    }
}

/// See the module.
pub(crate) struct PersistentFile {
    file: FileBackend,
    /// Where it was written since the last good sync: from, and how many bytes.
    unsynced: Mutex<Vec<(u64, u64)>>,
    persistence: Arc<Persistence>,
}

impl PersistentFile {
    pub(crate) fn new(file: FileBackend, persistence: Arc<Persistence>) -> Self {
        Self {
            file,
            unsynced: Mutex::default(),
            persistence,
        }
    }

    /// Writes again what stands there, so that it is dirty.
    fn write_again(&self) -> io::Result<()> {
        let bytes = self.file.len()?;
        for &(from, length) in lock(&self.unsynced).iter() {
            let (mut at, end) = (from, (from + length).min(bytes));
            while at < end {
                let mut chunk = vec![0; (end - at).min(CHUNK_BYTES) as usize];
                self.file.read(at, &mut chunk)?;
                self.file.write(at, &chunk)?;
                at += chunk.len() as u64;
            }
        }
        Ok(())
    }
}

impl StorageBackend for PersistentFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.persistence.persist(|| self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut has_failed = false;
        self.persistence.persist(|| {
            if has_failed {
                self.write_again()?;
            }
            has_failed = true;
            self.file.sync_data()
        })?;
        lock(&self.unsynced).clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        lock(&self.unsynced).push((offset, data.len() as u64));
        self.persistence.persist(|| self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

impl fmt::Debug for PersistentFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersistentFile({:?})", self.file)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
