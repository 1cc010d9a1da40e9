//! `loader reconcile`: bootstraps a running site again from its core database.
//!
//! ```text
//! the log's server --snapshot at the log's head--> before --+
//!                                                           +--> differences --windows--> the log
//! the core database --build as of a new slot's point--> after --+
//! ```
//!
//! After a gap or a change of the mapping, the site has missed changes of its database. Here it
//! gets what differs as ordinary changes: every server applies them while it answers, and none is
//! started again. The last window has the slot's point as its offset, so capture goes on from
//! there.
//!
//! A run that ends early leaves a site that is partly corrected. Until a later run succeeds,
//! capture refuses to go on as it did before, or goes on from where the log ended: what it sends
//! again is true by then.
//!
//! Imports from `job` and `snapshot`.

mod arguments;
mod differences;
mod error;
mod log_writer;
mod options;
mod reconciled;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cloud_capture::{Mapping, mapping::TableKind};
use cloud_client::{Admin, Point, Window};
use cloud_files::{FolderLock, create_folder};
use cloud_model::SourceMark;
use cloud_proto::cloud::v1::{GetStatusResponse, TakeSnapshotResponse};
use cloud_terminal::print;
use tokio::runtime::{self, Runtime};
use tokio::time::sleep;

use crate::{
    Error, Options, REJECTS_NAME, Rejected,
    job::{self, Built},
    reconcile::{
        differences::{Stated, for_each_difference},
        log_writer::LogWriter,
    },
    snapshot_content::{ContentError, SnapshotContent},
};

pub use arguments::Arguments;
pub use error::ReconcileError;
pub use options::ReconcileOptions;
pub use reconciled::{DifferenceCounts, Reconciled};

/// The folder of the second snapshot, in the scratch folder.
const AFTER_NAME: &str = "after";
/// The time limit of a call to the log's server. A snapshot of a large site takes several.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The time by which the profiles must have reached the log's head.
const PROFILES_TIMEOUT: Duration = Duration::from_secs(600);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// The attempts to get a snapshot with profiles as of its own point.
const ATTEMPTS: u32 = 3;

/// Reconciles the site that the command line names, and prints what differed.
///
/// # Errors
/// The errors of [`reconcile`], and if stdout cannot be written.
pub fn run(arguments: Arguments) -> Result<(), ReconcileError> {
    let reconciled = reconcile(&arguments.into())?;
    Ok(print(reconciled).map_err(Error::Print)?)
}

/// Publishes what differs between a running site and its core database to the site's log, and
/// replaces the slot. When this returns `Ok`, the changes are durable in the log, and capture can
/// be started.
///
/// # Errors
/// If the database or the log cannot be read, a capture runs, the log has windows of other sources,
/// or something else is published meanwhile. What was published until then stays in the log.
pub fn reconcile(options: &ReconcileOptions) -> Result<Reconciled, ReconcileError> {
    let scratch = &options.scratch;
    create_folder(scratch).map_err(|error| Error::file("create", error.path)(error.source))?;
    let _lock = FolderLock::take(scratch)?;
    let out = scratch.join(AFTER_NAME);
    remove(&out)?;

    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let before = content_of_log(&runtime, &options.log)?;
    let built = job::build_snapshot(&Options {
        from_postgres: Some(options.core_database.clone()),
        out: out.clone(),
        on_error: options.on_error,
        memory: options.memory,
        shows_progress: options.shows_progress,
        ..Options::default()
    })?;
    let Built {
        summary,
        database: Some(database),
    } = built
    else {
        unreachable!("the build reads a core database");
    };
    let mark = database.mark(before.manifest.scn);
    check_sources(&before.manifest.sources, &mark, &options.replaced_sources)?;

    let after = SnapshotContent::open(&summary.snapshot)?;
    let admin = runtime.block_on(Admin::connect(&*options.log))?;
    let scn = before.manifest.scn;
    let mut log = LogWriter::new(&runtime, admin.timeout(CALL_TIMEOUT), mark, scn);
    let stated = stated(&database.mapping);
    let counts = for_each_difference(&before, &after, stated, |change| log.push(change))?;
    log.flush()?;
    database.drop_replaced_slot()?;
    let head = log.finish()?;
    let slot = job::kept_slot(&database);
    database.keep_slot()?;
    let rejected = summary.rejected.map(|rejected| keep(rejected, scratch));
    let rejected = rejected.transpose()?;
    drop(after);
    remove(&out)?;
    Ok(Reconciled {
        counts,
        from: scn,
        to: head,
        slot,
        state: options.core_database.capture_state.clone(),
        rejected,
    })
}

/// Returns what a database with this mapping states. Times, if every connection has one or NULL.
fn stated(mapping: &Mapping) -> Stated {
    let mut tables = mapping.tables.iter();
    Stated {
        members: mapping.has_members(),
        times: tables.all(|map| match &map.kind {
            TableKind::Connection(connection) => connection.connected_at.is_some(),
            _ => true,
        }),
    }
}

/// Returns the content of the site as of the head of its log.
fn content_of_log(runtime: &Runtime, log: &str) -> Result<SnapshotContent, ReconcileError> {
    let admin = runtime.block_on(Admin::connect(log))?.timeout(CALL_TIMEOUT);
    let mut attempts = 0;
    loop {
        let taken = runtime.block_on(snapshot_at_head(&admin))?;
        let directory = taken.snapshot.unwrap_or_default().directory;
        attempts += 1;
        return match SnapshotContent::open(Path::new(&directory)) {
            // It was taken before the profiles were there. A window makes a later one possible.
            Err(ContentError::ProfilesBehind(_)) if attempts < ATTEMPTS => {
                runtime.block_on(admin.publish(Window::of([])))?;
                continue;
            }
            Err(ContentError::Snapshot(error)) => Err(ReconcileError::SnapshotOfLog { error }),
            opened => Ok(opened?),
        };
    }
}

/// Waits until graph and profiles have reached the log's head, and returns a snapshot of it.
async fn snapshot_at_head(admin: &Admin) -> Result<TakeSnapshotResponse, ReconcileError> {
    let begun = Instant::now();
    let head = loop {
        let status: GetStatusResponse = admin.status().await?;
        let head = status.log_head.unwrap_or_default();
        let profiles = status.search.unwrap_or_default();
        if profiles.scn >= head.scn {
            break head;
        }
        if begun.elapsed() > PROFILES_TIMEOUT {
            let lag = status.search_lag.unwrap_or_default();
            return Err(ReconcileError::ProfilesBehind { reason: lag.reason });
        }
        sleep(POLL_INTERVAL).await;
    };
    loop {
        match admin.take_snapshot(Some(Point::from(head.clone()))).await {
            // The work continues.
            Err(cloud_client::Error::Deadline(_)) => {}
            taken => return Ok(taken?),
        }
    }
}

/// Checks that the log is one of the database, and has nothing of it that is later.
fn check_sources(
    marks: &[SourceMark],
    own: &SourceMark,
    replaced: &[String],
) -> Result<(), ReconcileError> {
    let is_expected =
        |mark: &SourceMark| mark.source_id == own.source_id || replaced.contains(&mark.source_id);
    if !marks.iter().any(is_expected) {
        return Err(ReconcileError::UnknownSource {
            source_id: own.source_id.clone(),
        });
    }
    for mark in marks {
        if mark.source_id == own.source_id && mark.offset > own.offset {
            return Err(ReconcileError::LogAhead {
                source_id: own.source_id.clone(),
                log: mark.offset,
                database: own.offset,
            });
        }
        if !is_expected(mark) {
            return Err(ReconcileError::OtherSource {
                source_id: own.source_id.clone(),
                other: mark.source_id.clone(),
            });
        }
    }
    Ok(())
}

/// Moves the list of rejected rows out of the folder that is deleted.
fn keep(rejected: Rejected, scratch: &Path) -> Result<Rejected, Error> {
    let list = scratch.join(REJECTS_NAME);
    fs::rename(&rejected.list, &list).map_err(Error::file("rename", &rejected.list))?;
    Ok(Rejected { list, ..rejected })
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::exists(folder) {
        Ok(true) => fs::remove_dir_all(folder).map_err(Error::file("remove", folder)),
        Ok(false) => Ok(()),
        Err(error) => Err(Error::file("read", folder)(error)),
    }
}
