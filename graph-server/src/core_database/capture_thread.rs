//! The thread that captures the changes of the core database into the server's own log.

use crate::{config::Config, core_database::CoreDatabaseError, ingest::progress::Progress};
use cloud_capture::{Capture, CaptureOptions, Database, Mapping, stream::PositionEvery};
use cloud_files::FolderLock;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::runtime;
use tokio_util::sync::CancellationToken;

/// The least time between a window and an empty one, which only states how far the database was
/// read: while reads wait for a point, and while none do.
const POSITION_EVERY_AWAITED: Duration = Duration::from_millis(100);
const POSITION_EVERY: Duration = Duration::from_secs(10);

/// The thread of a capture.
pub(crate) struct CaptureThread {
    thread: JoinHandle<()>,
    stop: CancellationToken,
    /// The folder of the server's data.
    _lock: FolderLock,
}

impl CaptureThread {
    /// Prepares a capture into the log that the admin listener serves.
    pub(crate) fn prepare(
        config: &Config,
        admin: SocketAddr,
        progress: &Arc<Progress>,
    ) -> Result<Capture, CoreDatabaseError> {
        let progress = Arc::clone(progress);
        let position_every = PositionEvery::computed(move || match progress.is_awaited() {
            true => POSITION_EVERY_AWAITED,
            false => POSITION_EVERY,
        });
        let database = Database::at(&config.core_database)?;
        Ok(Capture::new(CaptureOptions {
            database,
            mapping: Mapping::read(&config.mapping)?,
            slot: config.slot.clone(),
            publication: config.publication.clone(),
            log: format!("http://{}", reachable(admin)),
            state: config.data.join("capture"),
            position_every,
            copies_first: false,
            begins_state: false,
            dead_letters_max: config.dead_letters_max,
        }))
    }

    /// Starts the thread. While capture has ended by itself, its progress says why.
    pub(crate) fn start(capture: Capture, lock: FolderLock) -> Result<Self, CoreDatabaseError> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(CoreDatabaseError::Thread)?;
        let run = move || runtime.block_on(capture.run_across_bootstraps(stopped));
        let thread = thread::Builder::new().name("capture".to_owned()).spawn(run);
        Ok(Self {
            thread: thread.map_err(CoreDatabaseError::Thread)?,
            stop,
            _lock: lock,
        })
    }

    /// Ends the thread. Blocks until it has ended.
    pub(crate) fn stop(self) -> thread::Result<()> {
        self.stop.cancel();
        self.thread.join()
    }
}

/// Returns the address at which this process reaches a listener of its own.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}
