//! Open transactions that the creation of a slot waits for.

use std::{fmt, time::Duration};

use crate::connect::{ConnectError, Session};

/// The transactions that block a session. The times and texts of other users' sessions are NULL
/// for a user without the right to read them.
const BLOCKING: &str = "
    SELECT blocking.pid, activity.usename::text, activity.application_name, activity.state,
           extract(epoch FROM clock_timestamp() - activity.xact_start)::float8
    FROM unnest(pg_blocking_pids($1)) AS blocking(pid)
    LEFT JOIN pg_stat_activity AS activity ON activity.pid = blocking.pid
    ORDER BY activity.xact_start";

/// An open transaction that the creation of a slot waits for. A slot begins at a point before which
/// every transaction has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// The process of its session. 0: it is prepared, and has no session.
    pub pid: i32,
    /// The user, if it is known.
    pub user: Option<String>,
    /// The name that the application gave its session.
    pub application: Option<String>,
    /// The state of the session, such as `idle in transaction`.
    pub state: Option<String>,
    /// The time since the transaction began.
    pub age: Option<Duration>,
}

impl OpenTransaction {
    /// Returns the transactions that block the session of a process, the oldest first.
    pub(super) async fn blocking(session: &Session, pid: i32) -> Result<Vec<Self>, ConnectError> {
        let rows = session.client().query(BLOCKING, &[&pid]).await?;
        let transactions = rows.iter().map(|row| {
            let seconds: Option<f64> = row.try_get(4)?;
            Ok(Self {
                pid: row.try_get(0)?,
                user: row.try_get(1)?,
                application: row.try_get(2)?,
                state: row.try_get(3)?,
                age: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            })
        });
        transactions
            .collect::<Result<_, tokio_postgres::Error>>()
            .map_err(ConnectError::from)
    }
}

impl fmt::Display for OpenTransaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return formatter.write_str(
                "a prepared transaction (pg_prepared_xacts lists them; COMMIT PREPARED or ROLLBACK \
                 PREPARED ends one)",
            );
        }
        write!(formatter, "the open transaction of pid {}", self.pid)?;
        if let Some(age) = self.age {
            write!(formatter, ", {} s old", age.as_secs())?;
        }
        for (what, text) in [
            ("user", &self.user),
            ("application", &self.application),
            ("state", &self.state),
        ] {
            if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                write!(formatter, ", {what} {text}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_named_by_what_is_known() {
        let known = OpenTransaction {
            pid: 7,
            user: Some("app".to_owned()),
            application: Some(String::new()),
            state: Some("idle in transaction".to_owned()),
            age: Some(Duration::from_millis(61_900)),
        };
        let text = "the open transaction of pid 7, 61 s old, user app, state idle in transaction";
        assert_eq!(known.to_string(), text);
        let hidden = OpenTransaction {
            user: None,
            state: None,
            age: None,
            ..known
        };
        assert_eq!(hidden.to_string(), "the open transaction of pid 7");
    }
}
