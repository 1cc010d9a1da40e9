//! A caller of Publish that waits for each window to be durable.

use cloud_client::{Acknowledgements, Window, WindowSender};
use cloud_proto::databus::v1::{AsOf, Change};

use crate::channels::Channels;
use crate::outcome::Outcome;

/// An open call of Publish, with its windows and its answers.
#[derive(Debug)]
pub struct Publisher {
    windows: WindowSender,
    answers: Acknowledgements,
}

impl Publisher {
    /// Opens the call, over the connection that `number` picks.
    pub async fn open(channels: &Channels, number: u64) -> Outcome<Self> {
        let (windows, answers) = channels.admin(number).publisher().await?;
        Ok(Self { windows, answers })
    }

    /// Publishes a window, and returns its SCN once it is durable.
    pub async fn publish(&mut self, changes: Vec<Change>) -> Outcome<AsOf> {
        self.windows.send(window(changes)).await?;
        let answer = self.answers.next().await?.and_then(|answer| answer.as_of);
        answer.ok_or_else(|| "Publish ended".into())
    }
}

/// Returns a window without a time, from a publisher without offsets.
pub fn window(changes: Vec<Change>) -> Window {
    Window {
        changes,
        ..Window::default()
    }
}
