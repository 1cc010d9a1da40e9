//! The handle on the admin listener, for publishing and for the server's state.

use crate::publish::{Acknowledgements, WindowSender};
use crate::{
    AnswerStream, Error, Point, RequestTo, Window, answer::whole, channel, channel::sized, limits,
    settings::Settings,
};
use cloud_proto::cloud::v1 as cloud;
use cloud_proto::cloud::v1::admin_service_client::AdminServiceClient;
use cloud_proto::databus::v1::{
    AsOf, AtLeast, GetSourceRequest, PublishRequest, PublishResponse,
    publisher_client::PublisherClient,
};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Streaming, transport::Channel};

/// A handle on a connection to the admin listener. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Admin {
    pub(crate) address: String,
    pub(crate) settings: Settings,
    pub(crate) admin: AdminServiceClient<Channel>,
    pub(crate) publisher: PublisherClient<Channel>,
}

/// The acknowledgement of a durable window.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The SCN of the window; for a repeat, the SCN of its source's last window.
    pub as_of: AsOf,
    /// True if the window was at or below its source's last offset, and so was not written again.
    pub repeat: bool,
}

impl Admin {
    /// Connects to an admin listener, by `host:port` or a URI.
    pub async fn connect(address: impl Into<String>) -> Result<Self, Error> {
        let address = address.into();
        let channel = channel::connect(&address).await?;
        Ok(Self {
            admin: sized!(AdminServiceClient::new(channel.clone())),
            publisher: sized!(PublisherClient::new(channel)),
            settings: Settings::default(),
            address,
        })
    }

    /// Returns a handle whose calls end after `timeout`, here and on the server. It does not bound
    /// [`Admin::publisher`].
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        let mut admin = self.clone();
        admin.settings.timeout = Some(timeout);
        admin
    }

    /// Returns a handle whose calls carry no deadline: the server's default ends them.
    #[must_use]
    pub fn without_timeout(&self) -> Self {
        let mut admin = self.clone();
        admin.settings.timeout = None;
        admin
    }

    /// Sends a request of this listener unchanged. The methods below build the request for the
    /// caller.
    ///
    /// # Errors
    ///
    /// [`Error`], by what the caller can do about it.
    pub async fn call<R: RequestTo<Self>>(&self, request: R) -> Result<R::Response, Error> {
        request.send(self).await
    }

    /// Returns the server's SCNs, contents, memory and lag.
    pub async fn status(&self) -> Result<cloud::GetStatusResponse, Error> {
        self.call(cloud::GetStatusRequest {}).await
    }

    /// Waits for a snapshot at `at_least` or above; without it, at the current SCN. If there is
    /// none, one is taken. If the timeout passes first, the server goes on: call again with the
    /// same point.
    pub async fn take_snapshot(
        &self,
        at_least: Option<Point>,
    ) -> Result<cloud::TakeSnapshotResponse, Error> {
        let at_least = at_least.map(|point| AtLeast {
            point: Some(point.into_proto()),
        });
        self.call(cloud::TakeSnapshotRequest { at_least }).await
    }

    /// Copies the newest snapshot, and the log if the server owns it, into a new folder on the
    /// server's machine. With `same_disk`, files that never change are linked. The last message has
    /// `taken`. The timeout is that of the whole backup; dropping the messages cancels it.
    pub async fn take_backup(
        &self,
        directory: impl Into<String>,
        same_disk: bool,
    ) -> Result<AnswerStream<cloud::TakeBackupResponse>, Error> {
        let directory = directory.into();
        self.call(cloud::TakeBackupRequest {
            directory,
            same_disk,
        })
        .await
    }

    /// Returns the last offset of a source in the log, after which its publisher goes on; `None` if
    /// the log has no window of the source with an offset.
    pub async fn source(&self, source_id: impl Into<String>) -> Result<Option<u64>, Error> {
        let source_id = source_id.into();
        let answer = self.call(GetSourceRequest { source_id }).await?;
        Ok(answer.source.map(|source| source.last_offset))
    }

    /// Publishes one window, and waits until it is durable.
    pub async fn publish(&self, window: Window) -> Result<Published, Error> {
        let parts = window
            .into_parts([])
            .map(|part| PublishRequest { part: Some(part) });
        let published = async {
            let mut answers = self
                .open(tokio_stream::iter(parts.collect::<Vec<_>>()))
                .await?;
            let answer = answers
                .message()
                .await
                .map_err(|status| Error::from_status(&self.address, status))?;
            let ended = || Error::ended(&self.address);
            let PublishResponse { as_of, repeat } = answer.ok_or_else(ended)?;
            Ok(Published {
                as_of: as_of.ok_or_else(ended)?,
                repeat,
            })
        };
        match self.settings.timeout {
            None => published.await,
            Some(timeout) => tokio::time::timeout(timeout, published)
                .await
                .unwrap_or_else(|_| Err(Error::deadline())),
        }
    }

    /// Opens a call for many windows. The first end sends them, and the second receives their
    /// acknowledgements. No timeout applies.
    pub async fn publisher(&self) -> Result<(WindowSender, Acknowledgements), Error> {
        let (parts, received) = mpsc::channel(limits::PARTS_IN_FLIGHT_MAX);
        let answers = self.open(ReceiverStream::new(received)).await?;
        let sender = WindowSender::new(self.address.clone(), parts);
        Ok((sender, Acknowledgements::new(self.address.clone(), answers)))
    }

    async fn open(
        &self,
        parts: impl Stream<Item = PublishRequest> + Send + 'static,
    ) -> Result<Streaming<PublishResponse>, Error> {
        whole(&self.address, self.publisher.clone().publish(parts).await)
    }
}
