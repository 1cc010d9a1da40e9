//! The server's two listeners, which each command connects to as needed.

use crate::arguments::Arguments;
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

    pub(crate) async fn client(&self) -> Result<Client, Error> {
        let client = Client::connect(self.public.as_str())
            .await?
            .timeout(self.timeout);
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
