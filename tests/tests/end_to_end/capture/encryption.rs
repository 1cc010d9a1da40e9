//! Encrypted connections to the database: check, bootstrap and stream alike.

use std::path::Path;

use cloud_tests::{
    authority::{Authority, Issued},
    postgres::{DATABASE, Postgres, PostgresOptions, SUPERUSER, Shutdown},
};

use super::site::{CapturedSite, SCHEMA};

const PEOPLE: &str = "
    INSERT INTO people (id, first_name, last_name)
        SELECT n, 'given' || n, 'family' FROM generate_series(1, 50) n;
    INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01' FROM generate_series(1, 49) n;
    INSERT INTO jobs (person, employer, begun)
        SELECT n, 'Employer', '2001-01-01' FROM generate_series(1, 50) n;
";

/// Starts a database with a certificate. `None` if there is no PostgreSQL.
async fn encrypted(issued: &Issued) -> Option<CapturedSite> {
    let options = PostgresOptions::installed()?.with("log_connections", "on");
    let mut postgres = Postgres::start_with(options).await;
    postgres.put_file("server.crt", &issued.certificate);
    postgres.put_file("server.key", &issued.key);
    postgres.set("ssl", "on");
    postgres.restart(Shutdown::Fast).await;
    postgres.execute(SCHEMA).await;
    postgres.execute(PEOPLE).await;
    Some(CapturedSite::of_one_process(postgres))
}

/// Returns the address of a site's database with a mode, and the certificate of an authority.
fn address(site: &CapturedSite, mode: &str, authority: Option<&Path>) -> String {
    let port = site.postgres.port();
    let base = format!("postgres://{SUPERUSER}@127.0.0.1:{port}/{DATABASE}?sslmode={mode}");
    match authority {
        Some(authority) => format!("{base}&sslrootcert={}", authority.display()),
        None => base,
    }
}

/// Checks that no session of capture began without encryption, and that some began.
fn all_are_encrypted(site: &CapturedSite) {
    let log = site.postgres.log();
    let authorised = log.lines().filter(|line| {
        line.contains("authorized:") && line.contains("application_name=cloud-capture")
    });
    let (encrypted, plain): (Vec<_>, Vec<_>) =
        authorised.partition(|line| line.contains("SSL enabled (protocol=TLSv1.3"));
    assert!(plain.is_empty(), "{plain:#?}");
    let streams = encrypted
        .iter()
        .filter(|line| line.contains("replication connection"));
    println!(
        "{} sessions, {} of them stream changes",
        encrypted.len(),
        streams.clone().count()
    );
    // One of the bootstrap, and one of capture.
    assert_eq!(streams.count(), 2, "{encrypted:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_bootstrap_and_stream_are_encrypted_in_each_mode() {
    let Some(authority) = Authority::create("the right one") else {
        return;
    };
    let certificate = authority.certificate();
    for (mode, name, file) in [
        ("require", "DNS:elsewhere", None),
        ("verify-ca", "IP:127.0.0.1", Some(&*certificate)),
        ("verify-full", "IP:127.0.0.1", Some(&*certificate)),
    ] {
        let Some(mut site) = encrypted(&authority.issue(name)).await else {
            return;
        };
        site.reach_at(address(&site, mode, file));
        let checked = site.run(&["--check"]);
        assert!(checked.status.success(), "{mode}: {checked:?}");
        site.build_and_serve();
        site.capture();
        let update = "UPDATE people SET headline = 'later' WHERE id > 10";
        site.postgres.execute(update).await;
        site.check().await;
        all_are_encrypted(&site);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_proves_nothing_is_refused_by_name() {
    let (Some(right), Some(wrong)) = (
        Authority::create("the right one"),
        Authority::create("the wrong one"),
    ) else {
        return;
    };
    let Some(mut site) = encrypted(&right.issue("DNS:elsewhere")).await else {
        return;
    };
    let (right, wrong) = (right.certificate(), wrong.certificate());
    for (mode, authority, words) in [
        ("verify-ca", &wrong, "UnknownIssuer"),
        ("verify-full", &wrong, "UnknownIssuer"),
        ("verify-full", &right, "not valid for"),
    ] {
        site.reach_at(address(&site, mode, Some(authority)));
        for refused in [site.run(&["--check"]), site.try_build()] {
            let printed = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(1), "{mode}: {printed}");
            assert!(printed.contains(words), "{mode}: no {words:?} in {printed}");
        }
    }
    site.postgres.set("ssl", "off");
    site.postgres.restart(Shutdown::Fast).await;
    site.reach_at(address(&site, "require", None));
    let refused = site.run(&["--check"]);
    let printed = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{printed}");
    assert!(printed.contains("TLS"), "{printed}");
}
