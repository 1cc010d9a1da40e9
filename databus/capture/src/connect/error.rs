//! Why the core database cannot be reached.

use std::{io, path::PathBuf};

/// Why the core database cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is no address of PostgreSQL.
    #[error("the address of the core database: {0}; write postgres://USER@HOST:PORT/DATABASE")]
    Address(String),
    /// The address holds a password, which every user of the machine can read.
    #[error(
        "the address of the core database holds a password, which every user of this machine can \
         read: put it into ~/.pgpass or the file that PGPASSFILE names, as HOST:PORT:DATABASE:USER:\
         PASSWORD with mode 0600, or into PGPASSWORD"
    )]
    PasswordInAddress,
    /// The file of passwords cannot be used.
    #[error("the file of passwords {path}: {reason}", path = path.display())]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The database does not accept the connection.
    #[error("cannot connect to {address}: {error}")]
    Refused {
        /// The address, without a password.
        address: String,
        /// The error, with its cause.
        error: String,
    },
    /// A query failed.
    #[error("the core database: {0}")]
    Query(String),
}

impl ConnectError {
    pub(crate) fn password_file(path: PathBuf, error: &io::Error) -> Self {
        Self::PasswordFile {
            path,
            reason: error.to_string(),
        }
    }
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Query(with_cause(&error))
    }
}

/// Returns an error of the driver with its cause: its own text is only `db error`.
pub(crate) fn with_cause(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(of_database), _) => {
            let hint = of_database.hint().map(|hint| format!(" ({hint})"));
            format!(
                "{} (SQLSTATE {}){}",
                of_database.message(),
                of_database.code().code(),
                hint.unwrap_or_default()
            )
        }
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
