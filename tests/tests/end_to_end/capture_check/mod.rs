//! Everything that a database lacks for capture is found, and mended by the SQL of the finding.

mod command;
mod findings;
mod init;
mod server;
mod suggest;

use cloud_capture::{Catalogue, Database, Finding, Mapping, Severity, check};
use cloud_tests::postgres::Postgres;

/// A database of a server under test, and the mapping of its tables.
struct Site {
    address: String,
    mapping: Mapping,
}

impl Site {
    /// Creates a database with these tables.
    async fn new(postgres: &Postgres, name: &str, tables: &str, mapping: &str) -> Self {
        let address = postgres.create_database(name).await;
        postgres.execute_in(name, tables).await;
        let mapping = Mapping::parse(mapping).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { address, mapping }
    }

    async fn catalogue(&self) -> Catalogue {
        let database = Database::at(&self.address).expect("an address");
        let session = database.connect().await.expect("a session");
        let read = Catalogue::read(&database, &session, "cloud", Some(&self.mapping)).await;
        read.expect("the catalogue")
    }

    async fn findings(&self) -> Vec<Finding> {
        check(&self.mapping, &self.catalogue().await)
    }
}

/// Returns the findings with a text, at a place.
fn matching<'f>(findings: &'f [Finding], place: &str, what: &str) -> Vec<&'f Finding> {
    let fits = |finding: &&Finding| finding.place == place && finding.what.contains(what);
    findings.iter().filter(fits).collect()
}

/// Returns the texts of the refusals.
fn refusals(findings: &[Finding]) -> Vec<String> {
    let refused = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Refused);
    refused.map(ToString::to_string).collect()
}
