//! The statements that `--init` runs: the publication and the replica identities.

use crate::{
    catalogue::Catalogue,
    check::{all_findings::check, finding::Finding},
    connect::{ConnectError, Session},
    mapping::Mapping,
};

/// The time that a statement waits for a lock. While it waits, other statements on the table wait
/// behind it.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '3s'";

/// A statement that failed. Those before it are done.
#[derive(Debug, thiserror::Error)]
#[error(
    "{statement}: {error}. Run `--init` again once it can succeed: what is done is not done twice"
)]
pub struct InitError {
    /// The statement.
    pub statement: String,
    /// The error.
    pub error: ConnectError,
}

/// Returns the statements that are missing: the publication, its tables and options, and replica
/// identities. None makes a replica identity smaller. Other findings of the check need a decision
/// and are not among them.
#[must_use]
pub fn init_statements(mapping: &Mapping, catalogue: &Catalogue) -> Vec<String> {
    let findings = check(mapping, catalogue);
    let mut statements: Vec<String> = Vec::new();
    for Finding { mend, .. } in findings.into_iter().filter(|finding| finding.is_for_init) {
        for statement in mend {
            if !statements.contains(&statement) {
                statements.push(statement);
            }
        }
    }
    // A table needs no index and the whole row as well.
    let full: Vec<String> = (statements.iter())
        .filter_map(|statement| statement.strip_suffix(" FULL").map(str::to_owned))
        .collect();
    statements.retain(|statement| {
        let of_table = statement.split(" USING INDEX ").next().unwrap_or_default();
        of_table == statement || !full.iter().any(|full| full == of_table)
    });
    statements
}

/// Runs statements one after the other. `done` is called with each after it succeeded.
///
/// # Errors
/// If a statement fails.
pub async fn init(
    session: &Session,
    statements: &[String],
    mut done: impl FnMut(&str),
) -> Result<(), InitError> {
    for statement in statements {
        let failed = |error: tokio_postgres::Error| InitError {
            statement: statement.clone(),
            error: error.into(),
        };
        session
            .client()
            .batch_execute(LOCK_TIMEOUT)
            .await
            .map_err(failed)?;
        session
            .client()
            .batch_execute(statement)
            .await
            .map_err(failed)?;
        done(statement);
    }
    Ok(())
}
