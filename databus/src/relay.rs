//! The relay, `databus serve`: a process that owns a log and serves it to many graph servers.
//!
//! `Subscribe` and `GetStatus` are served on the public listener, `Publish` on the admin listener,
//! health and reflection on both. The admin listener also serves the pages `/metrics`, `/livez` and
//! `/readyz`.

use crate::{
    AppendError, Log, LogOptions, OpenError, Retention,
    limits::StreamLimits,
    rpc::{DatabusRpc, LogServer, PublisherRpc, write_log_metrics},
};
use clap::builder::RangedU64ValueParser;
use cloud_engine::{FileError, Manifest, newest_snapshots};
use cloud_model::{LineageId, LogId, Scn};
use cloud_proto::databus::v1::{
    databus_server::{self, DatabusServer},
    publisher_server::{self, PublisherServer},
};
use cloud_serving::{
    BoundListeners, Health, ListenError, ListenerKind, ListenerPanicked, ListenerRoutes, Listeners,
    ObserveLayer, Served, Services, ServingLimits, Starting,
    limits::FILE_DESCRIPTORS,
    listen_address,
    log::{LogFormat, check_log_level},
    metrics::{Calls, Page},
    pages, sized,
};
use cloud_terminal::quantity::{bytes, milliseconds};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

/// The highest value of an option that counts things.
const COUNT_MAX: u64 = 1 << 20;

/// The options of `databus serve`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct RelayConfig {
    /// The folder of the log, which this process owns while it runs.
    #[arg(long, value_name = "DIR")]
    pub log: PathBuf,
    /// The lineage of the graph that the log begins with, as `loader inspect` prints it. It is
    /// needed to create a log. A log that began with another graph is rejected.
    #[arg(long, value_name = "LINEAGE")]
    pub lineage: Option<LineageId>,
    /// The folder of the site's snapshots, instead of --lineage: the newest one states the lineage,
    /// and the log that it continues, if it continues one. That log is then never created.
    #[arg(long, value_name = "SITE", conflicts_with = "lineage")]
    pub snapshot: Option<PathBuf>,
    /// Replaces the log of this id by a new, empty one with another id, and keeps the old one in
    /// the folder replaced-LOG_ID. For a log that may have lost acknowledged windows: every server
    /// that followed it has to bootstrap again. A log with another id is served as it is.
    #[arg(long, value_name = "LOG_ID")]
    pub new_log_id: Option<LogId>,
    /// The address where graph servers follow the log; port 0 takes a free one.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:50061",
        value_parser = listen_address::parse
    )]
    pub listen: SocketAddr,
    /// The address where changes are published; port 0 takes a free one.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:50062",
        value_parser = listen_address::parse
    )]
    pub admin_listen: SocketAddr,
    /// The format of the process's log lines on stderr: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// The level of the log lines: error, warn, info, debug or trace; or a filter such as
    /// info,databus=debug.
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub log_level: String,
    /// The time above which a request gets a log line; 0: none does.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = milliseconds::parse)]
    pub slow_request_ms: u64,
    /// A source whose windows are taken; may be given several times. By default every source's are,
    /// and those of publishers without one.
    #[arg(long, value_name = "SOURCE_ID")]
    pub take_source: Vec<String>,
    /// The size at which a segment of the log gets a successor; at least 4KiB.
    #[arg(long, value_name = "BYTES", default_value = "128MiB", value_parser = segment_bytes)]
    pub log_segment_bytes: u64,
    /// The oldest segments of the log are removed while it is larger than this; 0: none are.
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = bytes::parse)]
    pub log_bytes_max: u64,
    /// Segments of the log whose last write is older than this are removed; 0: none are.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = milliseconds::parse)]
    pub log_age_ms_max: u64,
    /// The most open connections of each listener; further ones wait to be accepted. Fewer if the
    /// system allows the process fewer open files.
    #[arg(long, value_name = "CONNECTIONS", default_value = "4096", value_parser = count(1))]
    pub connections_max: usize,
    /// The most open subscriptions.
    #[arg(long, value_name = "SUBSCRIPTIONS", default_value = "256", value_parser = count(0))]
    pub subscriptions_max: usize,
    /// The most open Publish calls.
    #[arg(long, value_name = "CALLS", default_value = "256", value_parser = count(0))]
    pub publishers_max: usize,
    /// The most bytes of published windows that wait for the log's sync, or for their last part,
    /// over all calls; a larger window waits until no other one waits.
    #[arg(long, value_name = "BYTES", default_value = "256MiB", value_parser = bytes::parse)]
    pub publish_bytes_max: u64,
    /// The time after which a subscriber or publisher that reads nothing of its stream is cut off.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = milliseconds::parse)]
    pub stall_ms_max: u64,
    /// The time after which a Publish call without a window, or a health or reflection call on
    /// which nothing was sent, ends.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = milliseconds::parse)]
    pub idle_ms_max: u64,
    /// The time after which calls that are still open at shutdown are cut off.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = milliseconds::parse)]
    pub drain_timeout_ms: u64,
}

fn log_level(level: &str) -> Result<String, String> {
    check_log_level(level).map(|()| level.to_owned())
}

fn segment_bytes(text: &str) -> Result<u64, String> {
    const MIN: u64 = 4 << 10;
    match bytes::parse(text)? {
        bytes if bytes >= MIN => Ok(bytes),
        bytes => Err(format!("is {bytes} bytes, and must be at least {MIN}")),
    }
}

fn count(min: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(min..=COUNT_MAX)
}

/// The reason why a relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The log cannot be opened.
    #[error("the log: {0}")]
    Log(#[from] OpenError),
    /// The snapshot that states the lineage cannot be read.
    #[error("the snapshot: {0}")]
    Snapshot(#[from] FileError),
    /// The folder that should state the lineage holds no snapshot.
    #[error("{}: holds no snapshot; name the folder that the loader wrote to", .0.display())]
    NoSnapshot(PathBuf),
    /// The task that opens the log ended early.
    #[error("opening the log: {0}")]
    Ended(#[from] tokio::task::JoinError),
    /// The descriptors, by which methods are counted, cannot be decoded.
    #[error("descriptors: {0}")]
    Descriptors(#[from] prost::DecodeError),
    /// The reflection service cannot read its descriptors.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// The reason why a relay did not end in order. Acknowledged windows are durable all the same.
#[derive(Debug, thiserror::Error)]
pub enum ShutdownError {
    /// A listener panicked.
    #[error(transparent)]
    Listener(#[from] ListenerPanicked),
    /// The task that closes the log ended early.
    #[error("closing the log: {0}")]
    Ended(#[from] tokio::task::JoinError),
    /// The log could not be closed in order.
    #[error("the log: {0}")]
    Log(#[from] AppendError),
}

/// A relay that serves requests. It ends with [`Running::shutdown`].
#[derive(Debug)]
pub struct Running {
    log: Log,
    health: Health,
    stopping: CancellationToken,
    listeners: Listeners,
    drain_timeout: Duration,
}

/// Starts a relay. It serves requests when this returns.
///
/// # Errors
/// If the log cannot be opened, or an address cannot be listened on.
pub async fn serve(config: RelayConfig) -> Result<Running, RelayError> {
    let limits = config.limits();
    let streams = config.stream_limits();
    let drain_timeout = limits.drain_timeout;
    let listeners = BoundListeners::bind(config.listen, config.admin_listen, limits)?;
    let warnings = listeners.warnings();
    let health = Health::starting(SERVED.iter().map(|(name, _)| name));
    let stopping = CancellationToken::new();
    let (calls, started) = (Arc::new(Calls::new()?), Instant::now());
    let starting = Starting {
        served: SERVED,
        health: health.clone(),
        observe: ObserveLayer::without_facts(Arc::clone(&calls), config.slow_request()),
        stopping: stopping.clone(),
    };
    let listeners = listeners.start(starting, || "opening the log".to_owned())?;
    let options = LogOptions {
        segment_bytes: config.log_segment_bytes,
        queue_windows_max: streams.log_queue_windows_max(),
        ..LogOptions::default()
    };
    let opened = config.clone();
    let open = move || open_log(&opened, options);
    let log = tokio::task::spawn_blocking(open).await??;
    let status = log.status();
    tracing::info!(
        log_id = %log.log_id(),
        head = status.head.get(),
        oldest_after_scn = status.oldest_after_scn.get(),
        "the log is open"
    );
    let server = LogServer::new(log.clone(), streams, stopping.clone(), || None);
    let server = server.taking(config.take_source.clone()).warning(warnings);
    let server = Arc::new(server);
    let nobody = || Scn::MAX;
    tokio::spawn(Arc::clone(&server).keep_to(config.retention(), nobody));
    let ready = Arc::clone(&server);
    let services = Services {
        public: routes(ListenerKind::Public, &server, &health)?,
        admin: routes(ListenerKind::Admin, &server, &health)?,
        pages: pages(
            move || ready.check_serving().map(|()| None),
            move || metrics(&server, started, &calls),
        ),
    };
    let listeners = listeners.serve(services);
    health.serving();
    Ok(Running {
        listeners,
        log,
        health,
        stopping,
        drain_timeout,
    })
}

fn open_log(config: &RelayConfig, options: LogOptions) -> Result<Log, RelayError> {
    let folder = &config.log;
    let (lineage, options) = match &config.snapshot {
        Some(site) => {
            let manifest = newest_manifest(site)?;
            (Some(manifest.lineage_id), options.continuing(&manifest))
        }
        None => (config.lineage, options),
    };
    Ok(match (lineage, config.new_log_id) {
        (lineage, Some(replaced)) => {
            // The snapshot continues the log that is replaced.
            let options = LogOptions {
                log_id: None,
                durable_scn: Scn::BEGINNING,
                begin: None,
                ..options
            };
            Log::open_replacing(folder, replaced, lineage, options)?
        }
        (Some(lineage), None) => Log::open(folder, lineage, options)?,
        (None, None) => Log::open_any(folder, options)?,
    })
}

fn newest_manifest(site: &Path) -> Result<Manifest, RelayError> {
    let newest = newest_snapshots(site)?.into_iter().next();
    let newest = newest.ok_or_else(|| RelayError::NoSnapshot(site.to_owned()))?;
    Ok(Manifest::read(&newest)?)
}

/// The services of a relay, each with the listener that serves it.
const SERVED: Served = &[
    (databus_server::SERVICE_NAME, &[ListenerKind::Public]),
    (publisher_server::SERVICE_NAME, &[ListenerKind::Admin]),
];

fn routes(
    kind: ListenerKind,
    server: &Arc<LogServer>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let server = || Arc::clone(server);
    Ok(ListenerRoutes::new(kind, SERVED, health)?
        .with(sized!(DatabusServer::new(DatabusRpc(server()))))
        .with(sized!(PublisherServer::new(PublisherRpc(server()))))
        .finish())
}

/// Returns the relay's page of metrics.
fn metrics(server: &LogServer, started: Instant, calls: &Calls) -> String {
    let mut page = Page::default();
    page.server(started, server.check_serving().is_ok(), calls);
    page.gauge(
        "cloud_log_head_scn",
        "The newest durable SCN.",
        server.log().head(),
    );
    write_log_metrics(server, &mut page);
    page.into_text()
}

impl RelayConfig {
    fn limits(&self) -> ServingLimits {
        ServingLimits {
            connections_max: self.connections_max,
            // A subscription reads the log through a descriptor of its own.
            file_descriptors: FILE_DESCRIPTORS + self.subscriptions_max,
            idle_max: Duration::from_millis(self.idle_ms_max),
            drain_timeout: Duration::from_millis(self.drain_timeout_ms),
            ..ServingLimits::default()
        }
    }

    fn stream_limits(&self) -> StreamLimits {
        StreamLimits {
            subscriptions_max: self.subscriptions_max,
            publishers_max: self.publishers_max,
            publish_bytes_max: self.publish_bytes_max,
            idle_max: Duration::from_millis(self.idle_ms_max),
            stall_max: Duration::from_millis(self.stall_ms_max),
        }
    }

    fn slow_request(&self) -> Option<Duration> {
        (self.slow_request_ms > 0).then(|| Duration::from_millis(self.slow_request_ms))
    }

    fn retention(&self) -> Retention {
        Retention::of(self.log_age_ms_max, self.log_bytes_max)
    }
}

impl Running {
    /// Returns the address where the log is followed.
    pub fn public_addr(&self) -> SocketAddr {
        self.listeners.public_addr()
    }

    /// Returns the address where changes are published.
    pub fn admin_addr(&self) -> SocketAddr {
        self.listeners.admin_addr()
    }

    /// Ends in order: reports NOT_SERVING, drains open calls for at most the drain timeout, closes
    /// the log.
    ///
    /// # Errors
    /// If one of these steps failed. The other steps are done all the same.
    pub async fn shutdown(self) -> Result<(), ShutdownError> {
        let Self {
            log,
            health,
            stopping,
            mut listeners,
            drain_timeout,
        } = self;
        health.not_serving();
        stopping.cancel();
        let drained = listeners.drain(drain_timeout).await;
        let closed = tokio::task::spawn_blocking(move || log.close()).await?;
        listeners.close().await;
        drained?;
        Ok(closed?)
    }
}
