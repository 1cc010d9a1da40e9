//! The demonstration for a site that has only a database.

use std::process::Command;

use cloud_tests::{binaries::binary, postgres::PostgresOptions};

#[test]
fn it_shows_a_site_and_ends_after_one_round() {
    if PostgresOptions::installed().is_none() {
        return;
    }
    let output = Command::new(binary("examples/demo_site"))
        .args(["--once", "--members", "2000", "--rate", "100"])
        .output()
        .expect("the demonstration runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    for words in [
        "table = \"public.users\"",
        "CREATE PUBLICATION",
        "the site is built, and served at",
        "the application committed",
    ] {
        assert!(printed.contains(words), "no {words:?} in {printed}");
    }
}
