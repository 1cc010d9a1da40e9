//! The file of the live profiles. It survives a disk that is full or fails for a while.
//!
//! After the first error of its file, redb neither writes nor reads until every user has closed the
//! database. Readers of profiles keep it open, so closing it is not an option. Hence this file
//! reports no write error to redb while retries are on. A failed operation is retried until it
//! succeeds or [`Persistence::give_up`] is called.
//!
//! After a failed sync, everything since the last good one is written again first. The system may
//! have dropped those pages; they still read back, but are no longer dirty.

use redb::{BackendError, StorageBackend, backends::FileBackend};
use std::{
    fmt, io,
    ops::Bound,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The time between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The number of bytes written again in one step.
const CHUNK_BYTES: u64 = 1 << 20;

/// The retry switch of the live profiles' file, and the error that it currently retries.
#[derive(Debug, Default)]
pub struct Persistence {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    trouble: Option<Arc<str>>,
    /// Whether to retry. False while the file is being opened: there, an error is reported at once.
    retries: bool,
}

impl Persistence {
    /// Returns the error that writing currently retries, if any.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        lock(&self.state).trouble.clone()
    }

    /// Turns retries on.
    pub(crate) fn retry(&self) {
        lock(&self.state).retries = true;
    }

    /// Turns retries off: the next error is reported at once.
    pub fn give_up(&self) {
        lock(&self.state).retries = false;
        self.changed.notify_all();
    }

    /// Attempts an operation until it succeeds or retries are off.
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
            if state.retries {
                state.trouble = Some(error.to_string().into());
                let waited = self
                    .changed
                    .wait_timeout_while(state, RETRY_INTERVAL, |state| state.retries);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            }
            if !state.retries {
                return Err(error);
            }
        }
    }
}

/// A file that retries write operations, and reports errors of reads at once.
pub(crate) struct PersistentFile {
    file: FileBackend,
    /// The ranges written since the last good sync, as offset and number of bytes.
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

    /// Writes the unsynced ranges again, so that their pages are dirty.
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
