//! Where the follower's windows come from: the log of this process, or a relay.

use crate::{ingest::IngestError, log_source::relay_windows::RelayWindows};
use cloud_model::Scn;
use databus::{Log, LogReader, LoggedWindow};
use tokio::{
    runtime::{Handle, Runtime},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// Windows in their order, from an SCN on.
pub(crate) enum Windows {
    Own(OwnWindows),
    /// Its connection lives on a runtime of its own, which is run while something is waited for: the process's may end first.
    Relay(Box<RelayWindows>, Runtime),
}

/// What comes next.
pub(crate) enum Next {
    Window(LoggedWindow),
    /// Everything that was durable at the beginning was answered. Said once.
    CaughtUp,
    /// The relay cannot be heard now: nothing more comes until it can.
    OutOfReach,
    /// The follower is to stop, or the log is closed.
    End,
}

/// Of the log of this process.
pub(crate) struct OwnWindows {
    reader: LogReader,
    head: watch::Receiver<Scn>,
    caught_up: bool,
}

impl OwnWindows {
    pub(crate) fn new(log: &Log, reader: LogReader) -> Self {
        Self {
            reader,
            head: log.head_watch(),
            caught_up: false,
        }
    }

    async fn changed(&mut self) -> bool {
        self.head.changed().await.is_ok()
    }
}

impl Windows {
    /// Waits for what comes next, no longer than until `stop`.
    pub(crate) fn next(
        &mut self,
        runtime: &Handle,
        stop: &CancellationToken,
    ) -> Result<Next, IngestError> {
        match self {
            Self::Own(own) => own.next(runtime, stop),
            Self::Relay(relay, own_runtime) => {
                let next = own_runtime.block_on(stop.run_until_cancelled(relay.next()));
                next.unwrap_or(Ok(Next::End))
            }
        }
    }
}

impl OwnWindows {
    fn next(&mut self, runtime: &Handle, stop: &CancellationToken) -> Result<Next, IngestError> {
        while !stop.is_cancelled() {
            if let Some(window) = self.reader.next_window()? {
                return Ok(Next::Window(window));
            }
            if !std::mem::replace(&mut self.caught_up, true) {
                return Ok(Next::CaughtUp);
            }
            let more = runtime.block_on(stop.run_until_cancelled(self.changed()));
            if more != Some(true) {
                break;
            }
        }
        Ok(Next::End)
    }
}
