//! The core database: its address, and connections to it.

use std::{fmt, str::FromStr as _, time::Duration};

use pgwire_replication::{Lsn, ReplicationConfig, TlsConfig, tls::rustls::maybe_upgrade_to_tls};
use tokio::{io::AsyncRead, io::AsyncWrite, net::TcpStream, time::timeout};
use tokio_postgres::{
    Config, Connection, NoTls,
    config::{Host, SslMode},
    error::SqlState,
    tls::NoTlsStream,
};

use crate::connect::{error::ConnectError, error::with_cause, password::password, tls};

/// The time by which a connection must be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    tls: TlsConfig,
}

/// A session with the database. Dropping it ends the session.
pub struct Session {
    client: tokio_postgres::Client,
}

impl Database {
    /// Reads the address of a database, and finds the password.
    ///
    /// `sslmode` is `disable`, `require`, `verify-ca` or `verify-full`; without it, `verify-full`,
    /// but `disable` on this machine. `sslrootcert` names the file of the authorities that are
    /// trusted (by default Mozilla's), `sslcert` and `sslkey` those of a client certificate.
    ///
    /// # Errors
    /// If it is no address, or holds a password, or the file of passwords cannot be used.
    pub fn at(address: &str) -> Result<Self, ConnectError> {
        // It fails only if the process has a provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (address, parameters) = tls::split(address)?;
        let mut config = Config::from_str(&address)
            .map_err(|error| ConnectError::Address(with_cause(&error)))?;
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
        // Encryption is below the driver.
        config
            .password(&password)
            .application_name(APPLICATION)
            .options(SETTINGS)
            .ssl_mode(SslMode::Disable);
        Ok(Self {
            config,
            port,
            user,
            name,
            password,
            tls: parameters.config(&host)?,
            host,
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
        tls::is_here(&self.host)
    }

    /// Begins a session.
    ///
    /// # Errors
    /// If the database does not accept it.
    pub async fn connect(&self) -> Result<Session, ConnectError> {
        let refused = |error: String| ConnectError::Refused {
            address: self.to_string(),
            error,
        };
        let connected = timeout(CONNECT_TIMEOUT, self.open()).await;
        let connected = connected.map_err(|_| refused("it does not answer".to_owned()))?;
        Ok(Session {
            client: connected.map_err(refused)?,
        })
    }

    async fn open(&self) -> Result<tokio_postgres::Client, String> {
        let of_driver = |error: tokio_postgres::Error| {
            let text = with_cause(&error);
            let is_without =
                self.password.is_empty() && error.code() == Some(&SqlState::INVALID_PASSWORD);
            match is_without {
                true => format!("{text}: there is none in PGPASSWORD or a file of passwords"),
                false => text,
            }
        };
        if self.host.starts_with('/') {
            let connected = self.config.connect(NoTls).await.map_err(of_driver)?;
            return Ok(serve(connected.0, connected.1));
        }
        let address = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| error.to_string())?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let stream = maybe_upgrade_to_tls(stream, &self.tls, &self.host).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let connected = self
            .config
            .connect_raw(stream, NoTls)
            .await
            .map_err(of_driver)?;
        Ok(serve(connected.0, connected.1))
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
        .with_tls(self.tls.clone())
        .with_start_lsn(start)
        .with_application_name(APPLICATION)
        .with_options(SETTINGS)
    }
}

/// Serves a connection until its handle is dropped.
fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    client: tokio_postgres::Client,
    connection: Connection<S, NoTlsStream>,
) -> tokio_postgres::Client {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            let error = with_cause(&error);
            tracing::warn!(error, "a session with the core database ended");
        }
    });
    client
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
