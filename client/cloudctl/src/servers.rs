//! The server's two listeners, which each command connects to as needed.

use crate::arguments::{Arguments, Reader};
use cloud_client::{Admin, Client, Error, Point};
use std::time::Duration;

/// The addresses of the listeners, and the settings of every call.
pub(crate) struct Servers {
    public: String,
    admin: String,
    pub(crate) timeout: Duration,
    at_least: Option<Point>,
}

impl Servers {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            public: arguments.server.clone(),
            admin: arguments.admin.clone(),
            timeout: arguments.timeout,
            at_least: arguments.at_least.clone(),
        }
    }

    /// Returns a handle on the public listener that reads from the side of a visitor.
    pub(crate) async fn client(&self) -> Result<Client, Error> {
        self.connect(&self.public).await
    }

    /// Returns a handle on the public listener that reads from the side of this member.
    pub(crate) async fn viewer(&self, viewer_id: u64) -> Result<Client, Error> {
        Ok(self.client().await?.as_viewer(viewer_id))
    }

    /// Returns a handle for the side that the command line states.
    pub(crate) async fn reader(&self, reader: &Reader) -> Result<Client, Error> {
        match reader.viewer {
            Some(viewer_id) => self.viewer(viewer_id).await,
            None if reader.site => self.site().await,
            None => self.client().await,
        }
    }

    /// Returns a handle on the admin listener that reads from the site's own side.
    pub(crate) async fn site(&self) -> Result<Client, Error> {
        Ok(self.connect(&self.admin).await?.as_site())
    }

    /// Returns a handle on the server's log.
    pub(crate) async fn log(&self) -> Result<Client, Error> {
        self.connect(&self.admin).await
    }

    async fn connect(&self, address: &str) -> Result<Client, Error> {
        let client = Client::connect(address).await?.timeout(self.timeout);
        Ok(match &self.at_least {
            Some(point) => client.at_least(point.clone()),
            None => client,
        })
    }

    pub(crate) async fn admin(&self) -> Result<Admin, Error> {
        Ok(Admin::connect(self.admin.as_str())
            .await?
            .timeout(self.timeout))
    }
}
