//! The embedded log: segment files in a folder, one writer, any number of readers.
//!
//! | noun | file | what |
//! |---|---|---|
//! | frame | `frame.rs` | one part of a window, or a mark; the byte table |
//! | segment header | `segment_header.rs` | which log, where it goes on, how far it holds each source; the byte table |
//! | tail segment | `tail_segment.rs` | what is appended to, and what happens when a sync fails |
//! | group | `group.rs` | the windows that one sync makes durable |
//! | writer | `writer.rs` | the thread that forms groups out of what callers queue |
//! | pipeline | `pipeline.rs` | windows in flight, none behind one that failed |
//! | published | `published.rs` | what readers see: only what is durable |
//! | reader | `reader.rs` | windows in order from any SCN |
//! | recovery | `recovery.rs` | from a folder as a crash left it to a log |
//! | retention | `retention.rs` | which segments are let go of, and when |
//! | files, verify | `files.rs`, `verify.rs` | a log read, and checked, by somebody who does not own it |
//!
//! What is not here: other engines, and anything that knows what a change means.

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
mod sources;
mod sparse_index;
mod tail_segment;
mod verify;
mod writer;

pub use error::{AppendError, OpenError, ReadError, RetainError};
pub use files::LogFiles;
pub use group::Appended;
pub use options::LogOptions;
pub use pipeline::Pipeline;
pub use published::LogStatus;
pub use reader::LogReader;
pub use retention::{Dropped, KeptFor, Retention};
pub use verify::{Verified, verify};

use crate::checked_window::{CheckedWindow, WindowLimits};
use crate::disk::{Disk, Folder};
use crate::window::Window;
use cloud_model::{LineageId, LogId, Scn, SourceMark};
use cloud_serving::{FolderLock, metrics::Histogram};
use group::Request;
use published::Published;
use recovery::{Recovered, recover};
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

/// An ordered, durable log of windows; clones are the same log. Dropping the last one closes it.
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
    /// Opens the log in a folder, recovered and durable as far as it can be read, or makes it: see [`LogOptions::log_id`].
    /// `origin` is the lineage of the graph that the log began with. Errors when another process has it open.
    pub fn open(folder: &Path, origin: LineageId, options: LogOptions) -> Result<Self, OpenError> {
        Self::open_folder(folder, Some(origin), options)
    }

    /// As [`open`](Self::open), whatever graph the log began with; none is made.
    pub fn open_any(folder: &Path, options: LogOptions) -> Result<Self, OpenError> {
        Self::open_folder(folder, None, options)
    }

    /// As [`open`](Self::open), on any disk, which nobody else uses.
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

    /// How large its windows may be.
    pub fn window_limits(&self) -> WindowLimits {
        self.handle.limits
    }

    /// Appends a window; answers once it is durable. A publisher with more than one in flight uses a [`Pipeline`].
    pub async fn append(&self, window: Window) -> Result<Appended, AppendError> {
        self.append_checked(CheckedWindow::new(window, self.handle.limits)?)
            .await
    }

    /// Appends a window that is checked and encoded already.
    pub async fn append_checked(&self, window: CheckedWindow) -> Result<Appended, AppendError> {
        self.pipeline().append(window).await
    }

    /// As [`append`](Self::append), for a thread that may wait.
    ///
    /// # Panics
    /// Within an asynchronous task.
    pub fn append_blocking(&self, window: Window) -> Result<Appended, AppendError> {
        self.pipeline()
            .append_blocking(CheckedWindow::new(window, self.handle.limits)?)
    }

    /// Begins a stream of windows that are appended without waiting for each answer.
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.handle.requests.clone())
    }

    /// Returns the last durable SCN; [`Scn::BEGINNING`] in a log without windows.
    pub fn head(&self) -> Scn {
        self.handle.published.head()
    }

    /// Tells of every new head, once its windows can be read.
    pub fn head_watch(&self) -> watch::Receiver<Scn> {
        self.handle.published.head_watch()
    }

    /// Windows above an SCN, in order. Reads at most 64 KiB to find the first, or a whole segment from before the start
    /// that is read for the first time.
    pub fn read_after(&self, scn: Scn) -> Result<LogReader, ReadError> {
        LogReader::after(&self.handle.published, scn)
    }

    /// How far it holds a source.
    pub fn source(&self, source_id: &str) -> Option<SourceMark> {
        self.handle
            .published
            .sources(|sources| sources.get(source_id))
    }

    /// How far it holds every source, by source; at most [`SOURCES_MAX`](crate::limits::SOURCES_MAX).
    pub fn sources(&self) -> Vec<SourceMark> {
        self.handle.published.sources(Sources::list)
    }

    /// Where it begins and ends.
    pub fn status(&self) -> LogStatus {
        self.handle.published.status()
    }

    /// Returns the times of the syncs that made windows durable, since the log was opened.
    pub fn sync_times(&self) -> &Histogram {
        &self.handle.published.syncs
    }

    /// Removes the oldest segments that are over what is kept, as of `now`: never the one that is
    /// written, and never a window that is needed. Nothing once the log is closed. File work.
    pub fn retain(
        &self,
        retention: Retention,
        kept_for: impl Into<KeptFor>,
        now: SystemTime,
    ) -> Result<Dropped, RetainError> {
        let published = &self.handle.published;
        published.retain(retention, kept_for.into(), now)
    }

    /// Appends what is queued, then ends with a durable mark and gives the lock back. Waits for the disk. What is durable
    /// can still be read; a second call does nothing.
    pub fn close(&self) -> Result<(), AppendError> {
        self.handle.close()
    }

    fn open_folder(
        folder: &Path,
        origin: Option<LineageId>,
        options: LogOptions,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File {
            file: folder.to_owned(),
            source,
        };
        let disk = Folder::open(folder).map_err(failed)?;
        let lock = FolderLock::take(folder)?;
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
            // A writer that panicked has told where, and its callers that the log is closed.
            Some(writer) => writer.join().unwrap_or(Err(AppendError::Closed)),
            None => Ok(()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(log_id = %self.published.log_id, %error, "the log was not closed well");
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
        unmarked,
    } = recovered;
    let tail = TailSegment::recovered(last, file, unmarked);
    (
        Published::new(Arc::clone(disk), (log_id, origin), segments, sources, head),
        tail,
    )
}

fn create(
    disk: &Arc<dyn Disk>,
    origin: Option<LineageId>,
    options: &LogOptions,
) -> Result<(Published, TailSegment), OpenError> {
    let folder = || disk.path("");
    let origin = origin.ok_or_else(|| OpenError::NoLog { folder: folder() })?;
    if let Some(log_id) = options.log_id {
        return Err(OpenError::Missing {
            folder: disk.path(""),
            log_id,
        });
    }
    if options.durable_scn > Scn::BEGINNING {
        let durable_scn = options.durable_scn;
        return Err(OpenError::Lost {
            folder: disk.path(""),
            head: Scn::BEGINNING,
            durable_scn,
        });
    }
    let failed = |source| OpenError::file(&**disk, "", source);
    let log_id = identity::random_log_id().map_err(failed)?;
    let sources = Sources::default();
    let tail = TailSegment::create(&**disk, (log_id, origin), 1, None, &sources).map_err(failed)?;
    let segments = vec![Arc::clone(&tail.segment)];
    Ok((
        Published::new(
            Arc::clone(disk),
            (log_id, origin),
            segments,
            sources,
            Scn::BEGINNING,
        ),
        tail,
    ))
}
