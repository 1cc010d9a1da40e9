//! Streams the changes of a database into a log, until it is stopped.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use cloud_serving::{
    Refusal, listen_address,
    log::{LogFormat, check_log_level},
    metrics::Page,
    pages,
};
use cloud_terminal::quantity::milliseconds;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    connect::{DEFAULT_SLOT, DEFAULT_STATE, Database, slot_name},
    mapping::Mapping,
    stream::{Capture, CaptureError, CaptureOptions, DEAD_LETTERS_MAX, Progress, write_metrics},
};

/// The options of the stream.
#[derive(Clone, Debug, clap::Args)]
pub struct StreamArguments {
    /// The admin listener of the log's owner: a graph server with an embedded log, or a relay.
    #[arg(
        long,
        value_name = "http://HOST:PORT",
        default_value = "http://127.0.0.1:50052"
    )]
    pub to: String,
    /// The folder for what capture knows between two runs, and for the rows that are set aside.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE)]
    pub state: PathBuf,
    /// The replication slot, which the bootstrap makes.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SLOT, value_parser = slot_name)]
    pub slot: String,
    /// Copy the rows of the mapped tables into the log first, and make the slot, if the log has no
    /// window of this database: for a further database of a running site, or an empty site.
    #[arg(long)]
    pub copy: bool,
    /// Begin a state if the folder has none. Only for a mapping, mapped tables and a publication
    /// that did not change since the log's last window of this database.
    #[arg(long)]
    pub new_state: bool,
    /// The least time between a window and an empty one, which only says how far the database was
    /// read. Reads that wait for a write outside the mapped tables wait so long.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = milliseconds::parse)]
    pub position_every: u64,
    /// The most rows that are set aside in a run, because a value breaks a rule.
    #[arg(long, value_name = "ROWS", default_value_t = DEAD_LETTERS_MAX)]
    pub dead_letters_max: u64,
    /// The address of the pages /metrics, /livez and /readyz; port 0 takes a free one. Without it
    /// there are none.
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address::parse)]
    pub ops_listen: Option<SocketAddr>,
    /// The format of the process's log lines on stderr: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// The level of the log lines: error, warn, info, debug or trace; or a filter.
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub log_level: String,
}

fn log_level(level: &str) -> Result<String, String> {
    check_log_level(level).map(|()| level.to_owned())
}

/// Streams changes until it is stopped, or an error does not pass by itself.
///
/// # Errors
/// As [`Capture::run`], and if the address of the pages cannot be listened on.
pub(super) async fn stream(
    database: Database,
    mapping: Mapping,
    publication: String,
    arguments: &StreamArguments,
    stop: CancellationToken,
) -> Result<(), CaptureError> {
    let capture = Capture::new(CaptureOptions {
        database,
        mapping,
        slot: arguments.slot.clone(),
        publication,
        log: arguments.to.clone(),
        state: arguments.state.clone(),
        position_every: Duration::from_millis(arguments.position_every).into(),
        copies_first: arguments.copy,
        begins_state: arguments.new_state,
        dead_letters_max: arguments.dead_letters_max,
    });
    if let Some(address) = arguments.ops_listen {
        serve_pages(address, capture.progress(), stop.clone()).await?;
    }
    capture.run(&stop).await
}

/// Serves the pages until it is stopped.
async fn serve_pages(
    address: SocketAddr,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<(), CaptureError> {
    let failed = |error| CaptureError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    if !cloud_terminal::announce(format_args!("listening ops={address}")) {
        tracing::warn!(%address, "stdout: the address could not be printed");
    }
    let shown = Arc::clone(&progress);
    let pages = pages(
        move || {
            let figures = progress.figures();
            match figures.is_streaming {
                true => Ok(None),
                false => Err(Refusal::not_serving(&figures.reason.unwrap_or_default())),
            }
        },
        move || {
            let mut page = Page::default();
            write_metrics(&shown, &mut page);
            page.into_text()
        },
    );
    tokio::spawn(async move {
        let served = axum::serve(listener, pages).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "the pages are not served any more");
        }
    });
    Ok(())
}
