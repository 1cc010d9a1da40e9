//! Why a session ended, and whether that may pass by itself.

use cloud_client as client;
use pgwire_replication::PgWireError;

use crate::{
    bootstrap::BootstrapError,
    connect::ConnectError,
    stream::{error::CaptureError, options::CaptureOptions},
};

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// A cause that may pass by itself.
    Transient(String),
    /// A cause that does not pass.
    Permanent(CaptureError),
}

/// Returns why a session ended that the log ended.
pub(super) fn of_log(options: &CaptureOptions, error: client::Error) -> Ended {
    match error {
        client::Error::Refused(_) | client::Error::Address { .. } => {
            Ended::Permanent(CaptureError::Log {
                address: options.log.clone(),
                error,
            })
        }
        error => Ended::Transient(format!("the log: {error}")),
    }
}

impl From<CaptureError> for Ended {
    fn from(error: CaptureError) -> Self {
        Self::Permanent(error)
    }
}

impl From<ConnectError> for Ended {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused { .. } | ConnectError::Query(_) => {
                Self::Transient(error.to_string())
            }
            error => Self::Permanent(CaptureError::Connect(error)),
        }
    }
}

impl From<BootstrapError> for Ended {
    fn from(error: BootstrapError) -> Self {
        match error {
            BootstrapError::Connect(error) => error.into(),
            // As of the stream's own connection.
            error @ BootstrapError::Replication { .. } => Self::Transient(error.to_string()),
            error => Self::Permanent(CaptureError::FirstCopy(error)),
        }
    }
}

impl From<tokio_postgres::Error> for Ended {
    fn from(error: tokio_postgres::Error) -> Self {
        ConnectError::from(error).into()
    }
}

impl From<PgWireError> for Ended {
    fn from(error: PgWireError) -> Self {
        Self::Transient(error.to_string())
    }
}
