//! The windows on their way to the log, and their acknowledgements.

use std::collections::VecDeque;

use cloud_client::{Acknowledgements, Admin, Error, Window, WindowSender};
use cloud_proto::databus::v1::Change;

/// The reason with which the log ends a call that sent nothing for long.
const IDLE: &str = "IDLE";

/// Sends windows to a log, in their order.
#[derive(Debug)]
pub(super) struct WindowWriter {
    admin: Admin,
    call: Option<(WindowSender, Acknowledgements)>,
    /// The offsets of the windows that are not acknowledged yet; 0 of one without an offset.
    in_flight: VecDeque<u64>,
}

impl WindowWriter {
    /// Connects to the log's owner, and returns the last offset of a source in the log.
    pub(super) async fn connect(
        address: &str,
        source_id: &str,
    ) -> Result<(Self, Option<u64>), Error> {
        let admin = Admin::connect(address).await?;
        let last = admin.source(source_id).await?;
        let writer = Self {
            admin,
            call: None,
            in_flight: VecDeque::new(),
        };
        Ok((writer, last))
    }

    /// Sends a window with these changes. Waits while the log takes no more.
    pub(super) async fn send(
        &mut self,
        window: Window,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<(), Error> {
        let (sender, _) = match &mut self.call {
            Some(call) => call,
            call => call.insert(self.admin.publisher().await?),
        };
        self.in_flight.push_back(window.source_offset);
        match sender.send_with(window, changes).await {
            Ok(()) => Ok(()),
            // The acknowledgements end with the reason.
            Err(error) => loop {
                match self.acknowledged().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return Err(error),
                    Err(reason) => return Err(reason),
                }
            },
        }
    }

    /// Returns whether a window is not acknowledged yet.
    pub(super) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Returns whether a call is open.
    pub(super) fn is_open(&self) -> bool {
        self.call.is_some()
    }

    /// Waits for the next durable window, and returns its offset; `None` if the log ended a call on
    /// which nothing was on its way. Dropping the wait loses nothing.
    pub(super) async fn acknowledged(&mut self) -> Result<Option<u64>, Error> {
        let Some((_, acknowledgements)) = &mut self.call else {
            return Ok(None);
        };
        match acknowledgements.next().await {
            Ok(Some(_)) => Ok(self.in_flight.pop_front()),
            Ok(None) if self.in_flight.is_empty() => {
                self.call = None;
                Ok(None)
            }
            Ok(None) => Err(ended_early()),
            Err(error) if self.in_flight.is_empty() && is_idle(&error) => {
                self.call = None;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_idle(error: &Error) -> bool {
    error
        .failure()
        .is_some_and(|failure| failure.reason == IDLE)
}

fn ended_early() -> Error {
    Error::Unreachable {
        address: "the log".to_owned(),
        source: "the call ended before every window was acknowledged".into(),
    }
}
