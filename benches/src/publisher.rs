//! A caller of Publish that waits for each window to be durable.

use cloud_client::{Acknowledgements, Window, WindowSender};
use cloud_proto::databus::v1::{AsOf, Change};

use crate::channels::Channels;
use crate::outcome::Outcome;

/// One call of Publish: windows in, answers out.
#[derive(Debug)]
pub struct Publisher {
    windows: WindowSender,
    answers: Acknowledgements,
}

impl Publisher {
    /// Begins the call, over the connection that `number` picks.
    pub async fn open(channels: &Channels, number: u64) -> Outcome<Self> {
        let (windows, answers) = channels.admin(number).publisher().await?;
        Ok(Self { windows, answers })
    }

    /// Where the window stands, once it is durable.
    pub async fn publish(&mut self, changes: Vec<Change>) -> Outcome<AsOf> {
        self.windows.send(window(changes)).await?;
        let answer = self.answers.next().await?.and_then(|answer| answer.as_of);
        answer.ok_or_else(|| "Publish ended".into())
    }
}

/// A window without a time, from a publisher that numbers nothing.
pub fn window(changes: Vec<Change>) -> Window {
    Window {
        changes,
        ..Window::default()
    }
}
