//! The embedded log: segment files in a folder, one writer, any number of readers.
//!
//! | noun | file | what |
//! |---|---|---|
//! | frame | `frame.rs` | one part of a window, or a mark; the byte table |
//! | segment header | `segment_header.rs` | which log, where it continues, how far it holds each source; the byte table |
//! | tail segment | `tail_segment.rs` | the segment that is appended to, and what happens when a sync fails |
//! | group | `group.rs` | the windows that one sync makes durable |
//! | writer | `writer.rs` | the thread that forms groups out of the windows that callers queue |
//! | pipeline | `pipeline.rs` | windows in flight; none is appended after one that failed |
//! | published | `published.rs` | the state that readers see: only what is durable |
//! | reader | `reader.rs` | windows in order from any SCN |
//! | recovery | `recovery.rs` | makes a log out of a folder that a crash left behind |
//! | retention | `retention.rs` | which segments are removed, and when |
//! | copy | `copy.rs` | copies a log up to its durable end |
//! | files, verify | `files.rs`, `verify.rs` | read and check a log that another process may own |
//!
//! Other storage engines, and the meaning of a change, are outside this module.

mod copy;
mod error;
mod files;
mod frame;
mod frame_reader;
mod group;
mod identity;
mod options;
mod pipeline;
mod published;
mod reader;
mod recovery;
mod retention;
mod segment;
mod segment_header;
mod sequence;
mod set_aside;
mod sources;
mod sparse_index;
mod tail_segment;
mod verify;
mod writer;

pub use copy::Copied;
pub use error::{AppendError, OpenError, ReadError, RetainError};
pub use files::LogFiles;
pub use group::Appended;
pub use identity::random_log_id;
pub use options::{LogBegin, LogOptions};
pub use pipeline::Pipeline;
pub use published::LogStatus;
pub use reader::LogReader;
pub use retention::{Dropped, KeptFor, Retention};
pub use verify::{Verified, verify};

use crate::checked_window::{CheckedWindow, WindowLimits};
use crate::disk::{Disk, Folder};
use crate::history::before_first;
use crate::window::Window;
use cloud_files::{CopyError, FolderCopy, FolderLock};
use cloud_model::{LineageId, LogId, LogPoint, Scn, SourceMark};
use cloud_serving::metrics::Histogram;
use group::Request;
use published::Published;
use recovery::{Recovered, recover};
use set_aside::set_aside;
use sources::Sources;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::SystemTime,
};
use tail_segment::TailSegment;
use tokio::{
    runtime,
    sync::{Notify, mpsc, watch},
};
use writer::Writer;

/// An ordered, durable log of windows. Clones share one log, which is closed when the last clone is
/// dropped.
#[derive(Clone, Debug)]
pub struct Log {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    limits: WindowLimits,
    published: Arc<Published>,
    requests: mpsc::Sender<Request>,
    closing: Arc<Notify>,
    writer: Mutex<Option<JoinHandle<Result<(), AppendError>>>>,
}

impl Log {
    /// Opens the log in a folder, and recovers it: everything that can then be read is durable.
    /// Creates a log if there is none, unless [`LogOptions::log_id`] or [`LogOptions::durable_scn`]
    /// expects one and [`LogOptions::begin`] does not say how it begins. `origin` is the lineage of
    /// the graph that the log began with. Returns an error if the log is already open, in another
    /// process or in this one.
    pub fn open(folder: &Path, origin: LineageId, options: LogOptions) -> Result<Self, OpenError> {
        Self::open_folder(folder, Some(origin), None, options)
    }

    /// Opens the log like [`open`](Self::open), whatever graph it began with. Creates no log.
    pub fn open_any(folder: &Path, options: LogOptions) -> Result<Self, OpenError> {
        Self::open_folder(folder, None, None, options)
    }

    /// Opens the log like [`open_any`](Self::open_any). If its id is `replaced`, the log is first
    /// moved into the folder `replaced-<log id>`, and a new, empty log with another id begins: for
    /// a log that may have lost acknowledged windows. `origin` is the lineage of the graph that the
    /// new log begins with; by default it is that of the old one. A second call with the same id
    /// opens the new log.
    pub fn open_replacing(
        folder: &Path,
        replaced: LogId,
        origin: Option<LineageId>,
        options: LogOptions,
    ) -> Result<Self, OpenError> {
        Self::open_folder(folder, origin, Some(replaced), options)
    }

    /// Opens the log like [`open`](Self::open), on any disk. Takes no lock: the disk must have no
    /// other user.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        origin: LineageId,
        options: LogOptions,
    ) -> Result<Self, OpenError> {
        Self::start(disk, None, Some(origin), options)
    }

    /// Returns the log's own name.
    pub fn log_id(&self) -> LogId {
        self.handle.published.log_id
    }

    /// Returns the lineage of the graph that the log began with.
    pub fn origin(&self) -> LineageId {
        self.handle.published.origin
    }

    /// Returns the limits of the log's windows.
    pub fn window_limits(&self) -> WindowLimits {
        self.handle.limits
    }

    /// Appends a window, and returns once it is durable. A publisher with more than one window in
    /// flight uses a [`Pipeline`].
    pub async fn append(&self, window: Window) -> Result<Appended, AppendError> {
        self.append_checked(CheckedWindow::new(window, self.handle.limits)?)
            .await
    }

    /// Appends a window that is already checked and encoded.
    pub async fn append_checked(&self, window: CheckedWindow) -> Result<Appended, AppendError> {
        self.pipeline().append(window).await
    }

    /// Appends a window like [`append`](Self::append), and blocks the thread until it is durable.
    ///
    /// # Panics
    /// If called within an asynchronous task.
    pub fn append_blocking(&self, window: Window) -> Result<Appended, AppendError> {
        self.pipeline()
            .append_blocking(CheckedWindow::new(window, self.handle.limits)?)
    }

    /// Returns a new pipeline, which appends windows without waiting for each answer.
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.handle.requests.clone())
    }

    /// Returns the last durable SCN; [`Scn::BEGINNING`] in a log without windows.
    pub fn head(&self) -> Scn {
        self.handle.published.head()
    }

    /// Returns the last durable SCN and the history there, which is unknown if a version without
    /// histories wrote the last window.
    pub fn head_point(&self) -> LogPoint {
        self.handle.published.head_point()
    }

    /// Returns the point at an SCN, with its history if the window is among the newest.
    pub fn point(&self, scn: Scn) -> LogPoint {
        self.handle.published.histories.point(scn)
    }

    /// Returns a watch on the head. It changes once the new windows can be read.
    pub fn head_watch(&self) -> watch::Receiver<Scn> {
        self.handle.published.head_watch()
    }

    /// Returns a reader of the windows above an SCN, in order. To find the first window, this reads
    /// at most 64 KiB. It reads up to a whole segment if the segment is from before the start, and
    /// is read for the first time.
    pub fn read_after(&self, scn: Scn) -> Result<LogReader, ReadError> {
        LogReader::after(&self.handle.published, scn)
    }

    /// Returns how far the log holds a source; `None` for a source that the log does not know.
    pub fn source(&self, source_id: &str) -> Option<SourceMark> {
        self.handle
            .published
            .sources(|sources| sources.get(source_id))
    }

    /// Returns how far the log holds every source, sorted by source. There are at most
    /// [`SOURCES_MAX`](crate::limits::SOURCES_MAX).
    pub fn sources(&self) -> Vec<SourceMark> {
        self.handle.published.sources(Sources::list)
    }

    /// Returns where the log begins and ends, and its size.
    pub fn status(&self) -> LogStatus {
        self.handle.published.status()
    }

    /// Copies the log up to its durable end into the folder `below` of a copy, while it is written
    /// to and retained.
    ///
    /// # Errors
    /// If a file cannot be read or written, or the copy was stopped.
    pub fn copy_to(&self, copy: &mut FolderCopy<'_>, below: &Path) -> Result<Copied, CopyError> {
        self.handle.published.copy_to(copy, below)
    }

    /// Returns the times of the syncs that made windows durable, since the log was opened.
    pub fn sync_times(&self) -> &Histogram {
        &self.handle.published.syncs
    }

    /// Removes the oldest segments that exceed `retention`, as of `now`. Never removes the segment
    /// that is written to, or a window that is needed. Does nothing once the log is closed. Blocks
    /// on file work.
    pub fn retain(
        &self,
        retention: Retention,
        kept_for: impl Into<KeptFor>,
        now: SystemTime,
    ) -> Result<Dropped, RetainError> {
        let published = &self.handle.published;
        published.retain(retention, kept_for.into(), now)
    }

    /// Appends the queued windows, ends the log with a durable mark, and releases the lock. Blocks
    /// on the disk. Durable windows can still be read. A second call does nothing.
    pub fn close(&self) -> Result<(), AppendError> {
        self.handle.close()
    }

    fn open_folder(
        folder: &Path,
        origin: Option<LineageId>,
        replaced: Option<LogId>,
        options: LogOptions,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File {
            file: folder.to_owned(),
            source,
        };
        if !folder.exists() {
            // A folder is created for a log only, not for a misspelled path.
            beginning(folder, origin, &options)?;
        }
        let disk = Folder::open(folder).map_err(failed)?;
        let lock = FolderLock::take(folder)?;
        let old = replaced.map(|replaced| set_aside(folder, replaced));
        let origin = origin.or(old.transpose()?.flatten());
        Self::start(Arc::new(disk), Some(lock), origin, options)
    }

    fn start(
        disk: Arc<dyn Disk>,
        lock: Option<FolderLock>,
        origin: Option<LineageId>,
        options: LogOptions,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::file(&*disk, "", source);
        let (published, tail) = match recover(&*disk, origin, &options)? {
            Some(recovered) => resume(&disk, recovered),
            None => create(&disk, origin, &options)?,
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(failed)?;
        let (requests, queue) = mpsc::channel(options.queue_windows_max.max(1));
        let (published, closing) = (Arc::new(published), Arc::new(Notify::new()));
        let limits = WindowLimits::from(&options);
        let writer = Writer {
            published: Arc::clone(&published),
            tail,
            options,
            closing: Arc::clone(&closing),
            lock,
        };
        let thread = thread::Builder::new().name("databus-log".to_owned());
        let writer = thread
            .spawn(move || writer.run(&runtime, queue))
            .map_err(failed)?;
        let writer = Mutex::new(Some(writer));
        let handle = Handle {
            limits,
            published,
            requests,
            closing,
            writer,
        };
        Ok(Self {
            handle: Arc::new(handle),
        })
    }
}

impl Handle {
    fn close(&self) -> Result<(), AppendError> {
        self.published.end_retention();
        self.closing.notify_one();
        match self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            // A panic of the writer was reported by the thread, and its callers get `Closed` too.
            Some(writer) => writer.join().unwrap_or(Err(AppendError::Closed)),
            None => Ok(()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(log_id = %self.published.log_id, %error, "the log could not be closed");
        }
    }
}

fn resume(disk: &Arc<dyn Disk>, recovered: Recovered) -> (Published, TailSegment) {
    let Recovered {
        log_id,
        origin,
        segments,
        last,
        file,
        sources,
        head,
        points,
        unmarked,
    } = recovered;
    let tail = TailSegment::recovered(last, file, unmarked);
    let published = Published::new(Arc::clone(disk), (log_id, origin), segments, sources, head);
    for point in points {
        published.histories.note(point);
    }
    (published, tail)
}

/// Returns how a new log begins in a folder without one, unless a log is expected there.
fn beginning(
    folder: &Path,
    origin: Option<LineageId>,
    options: &LogOptions,
) -> Result<(LineageId, LogBegin), OpenError> {
    let folder = || folder.to_owned();
    let origin = origin.ok_or_else(|| OpenError::NoLog { folder: folder() })?;
    let begin = match (&options.begin, options.log_id) {
        (Some(begin), _) => begin.clone(),
        (None, Some(log_id)) => {
            return Err(OpenError::Missing {
                folder: folder(),
                log_id,
            });
        }
        (None, None) if options.durable_scn > Scn::BEGINNING => {
            return Err(OpenError::Lost {
                folder: folder(),
                head: Scn::BEGINNING,
                durable_scn: options.durable_scn,
            });
        }
        (None, None) => {
            let failed = |source| OpenError::File {
                file: folder(),
                source,
            };
            LogBegin {
                log_id: identity::random_log_id().map_err(failed)?,
                after: Scn::BEGINNING.into(),
                sources: Vec::new(),
            }
        }
    };
    Ok((origin, begin))
}

fn create(
    disk: &Arc<dyn Disk>,
    origin: Option<LineageId>,
    options: &LogOptions,
) -> Result<(Published, TailSegment), OpenError> {
    let (origin, begin) = beginning(&disk.path(""), origin, options)?;
    let failed = |source| OpenError::file(&**disk, "", source);
    let LogBegin {
        log_id,
        after,
        sources,
    } = begin;
    let sources = Sources::from_iter(sources);
    let (head, log) = (after.scn, (log_id, origin));
    let history = after.history.unwrap_or_else(|| before_first(log_id, head));
    let first_scn = head.get() + 1;
    let tail =
        TailSegment::create(&**disk, log, first_scn, None, history, &sources).map_err(failed)?;
    let segments = vec![Arc::clone(&tail.segment)];
    let published = Published::new(Arc::clone(disk), log, segments, sources, head);
    published.histories.note(LogPoint {
        scn: head,
        history: Some(history),
    });
    Ok((published, tail))
}
