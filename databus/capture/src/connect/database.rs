//! The core database: its address, and connections to it.

use std::{fmt, net::IpAddr, str::FromStr as _};

use pgwire_replication::{Lsn, ReplicationConfig};
use tokio_postgres::{Config, NoTls, config::Host};

use crate::connect::{error::ConnectError, error::with_cause, password::password};

/// The settings of every session, so that values have one text format: times in UTC, dates as
/// ISO 8601 has them, numbers in full, and no row hidden without an error.
const SETTINGS: &str = "-c timezone=UTC -c datestyle=ISO -c intervalstyle=iso_8601 \
                        -c extra_float_digits=3 -c bytea_output=hex -c row_security=off \
                        -c search_path=pg_catalog";

/// The name of the sessions in `pg_stat_activity`.
const APPLICATION: &str = "cloud-capture";

/// A core database that can be connected to.
#[derive(Clone)]
pub struct Database {
    config: Config,
    host: String,
    port: u16,
    user: String,
    name: String,
    password: String,
}

/// A session with the database. Dropping it ends the session.
pub struct Session {
    client: tokio_postgres::Client,
}

impl Database {
    /// Reads the address of a database, and finds the password.
    ///
    /// # Errors
    /// If it is no address, or holds a password, or the file of passwords cannot be used.
    pub fn at(address: &str) -> Result<Self, ConnectError> {
        let mut config =
            Config::from_str(address).map_err(|error| ConnectError::Address(with_cause(&error)))?;
        if config.get_password().is_some() {
            return Err(ConnectError::PasswordInAddress);
        }
        let missing = |what: &str| ConnectError::Address(format!("it names no {what}"));
        let host = match config.get_hosts() {
            [Host::Tcp(host)] => host.clone(),
            [Host::Unix(folder)] => folder.display().to_string(),
            [] => return Err(missing("host")),
            _ => return Err(ConnectError::Address("it names several hosts".to_owned())),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let name = config
            .get_dbname()
            .ok_or_else(|| missing("database"))?
            .to_owned();
        let user = config.get_user().ok_or_else(|| missing("user"))?.to_owned();
        let password = password(&host, port, &name, &user)?.unwrap_or_default();
        config
            .password(&password)
            .application_name(APPLICATION)
            .options(SETTINGS);
        Ok(Self {
            config,
            host,
            port,
            user,
            name,
            password,
        })
    }

    /// Returns the name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether the address is one of this machine's own.
    #[must_use]
    pub fn is_here(&self) -> bool {
        let address: Option<IpAddr> = self.host.parse().ok();
        self.host.starts_with('/')
            || self.host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
    }

    /// Begins a session.
    ///
    /// # Errors
    /// If the database does not accept it.
    pub async fn connect(&self) -> Result<Session, ConnectError> {
        let refused = |error: &tokio_postgres::Error| ConnectError::Refused {
            address: self.to_string(),
            error: with_cause(error),
        };
        let (client, connection) = self
            .config
            .connect(NoTls)
            .await
            .map_err(|error| refused(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(
                    error = with_cause(&error),
                    "a session with the core database ended"
                );
            }
        });
        Ok(Session { client })
    }

    /// Returns the settings of a session that streams changes from a slot.
    #[must_use]
    pub fn replication(&self, slot: &str, publication: &str, start: Lsn) -> ReplicationConfig {
        ReplicationConfig::new(
            &self.host,
            &self.user,
            &self.password,
            &self.name,
            slot,
            publication,
        )
        .with_port(self.port)
        .with_start_lsn(start)
        .with_application_name(APPLICATION)
        .with_options(SETTINGS)
    }
}

impl Session {
    /// Returns the driver's handle.
    #[must_use]
    pub fn client(&self) -> &tokio_postgres::Client {
        &self.client
    }

    /// Returns the driver's handle for transactions.
    pub fn client_mut(&mut self) -> &mut tokio_postgres::Client {
        &mut self.client
    }
}

/// The address, without the password.
impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            user,
            name,
            ..
        } = self;
        write!(formatter, "postgres://{user}@{host}:{port}/{name}")
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
