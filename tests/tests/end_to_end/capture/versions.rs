//! The whole path on each version of PostgreSQL that `make test` installs: check, bootstrap under
//! load, capture.

use std::time::{Duration, Instant};

use cloud_tests::{
    postgres::{Postgres, PostgresOptions},
    rounds::rounds,
};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, SCHEMA},
    writer::Writer,
};

/// The versions of `make test`, and then those that `make test-long` adds.
const VERSIONS: [u32; 5] = [15, 18, 14, 16, 17];
const SHORT: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn the_site_equals_the_database_on_each_version() {
    for &version in &VERSIONS[..rounds(SHORT, VERSIONS.len())] {
        let Some(options) = PostgresOptions::of_version(version) else {
            continue;
        };
        let begun = Instant::now();
        let postgres = Postgres::start_with(options).await;
        let number = postgres.version().await;
        assert_eq!(number / 10_000, version);
        postgres.execute(SCHEMA).await;
        let writers = [7, 8].map(|seed| Writer::start(&postgres.address(), seed));
        sleep(Duration::from_millis(500)).await;
        let mut site = CapturedSite::build(postgres);
        check_reports(&site, version);
        site.capture();
        sleep(Duration::from_secs(1)).await;
        let mut committed = 0;
        for writer in writers {
            committed += writer.stop().await;
        }
        site.check().await;
        println!(
            "PostgreSQL {}.{}: {committed} transactions were committed, {:?}",
            version,
            number % 10_000,
            begun.elapsed()
        );
    }
}

/// Checks that `--init` finds nothing to add, and that `--check` reads what the version has.
fn check_reports(site: &CapturedSite, version: u32) {
    let initialised = site.run(&["--init"]);
    let text = String::from_utf8_lossy(&initialised.stdout);
    assert!(initialised.status.success(), "{version}: {text}");
    assert!(
        text.starts_with("publication and replica identities are complete"),
        "{text}"
    );
    let checked = site.run(&["--check"]);
    let text = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{version}: {text}");
    assert!(
        text.contains("ready: tables mapped: 4"),
        "{version}: {text}"
    );
}
