//! `databus capture postgres` with its modes that need no log.

use std::{
    fs,
    process::{Command, Output},
};

use cloud_tests::{binaries::binary, postgres::Postgres};

fn capture(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("databus"));
    command.args(["capture", "postgres"]).args(arguments);
    command
        .env_remove("PGPASSWORD")
        .output()
        .expect("databus runs")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn suggest_check_and_init_lead_to_a_database_that_is_ready() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let url = postgres.create_database("site").await;
    let tables = include_str!("../../../fixtures/capture/mirrored.sql");
    postgres.execute_in("site", tables).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mapping = folder.path().join("mapping.toml");
    let path = mapping.to_str().expect("UTF-8");
    let run = |mode: &str| capture(&["--url", &url, "--mapping", path, mode]);

    let suggested = run("--suggest");
    assert!(suggested.status.success(), "{}", text(&suggested.stderr));
    let written = fs::read_to_string(&mapping).expect("the mapping");
    let again = run("--suggest");
    assert_eq!(
        again.status.code(),
        Some(1),
        "a mapping is never overwritten"
    );
    assert_eq!(fs::read_to_string(&mapping).expect("the mapping"), written);
    let printed = capture(&["--url", &url, "--suggest"]);
    assert_eq!(text(&printed.stdout), written);

    let checked = run("--check");
    assert_eq!(checked.status.code(), Some(1), "{}", text(&checked.stdout));
    assert!(text(&checked.stdout).contains("refused: publication cloud: there is none"));
    assert!(text(&checked.stderr).contains("findings above must be mended first"));

    let prepared = run("--init");
    assert!(prepared.status.success(), "{}", text(&prepared.stderr));
    assert!(text(&prepared.stdout).contains("CREATE PUBLICATION \"cloud\" FOR TABLE"));
    let again = run("--init");
    assert!(text(&again.stdout).starts_with("publication and replica identities are complete"));
    let checked = run("--check");
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    let ready = text(&checked.stdout);
    assert!(
        ready.contains("ready: tables mapped: 3, warnings: "),
        "{ready}"
    );
}

#[test]
fn a_password_in_the_address_is_refused() {
    let url = "postgres://app:secret@127.0.0.1:1/site";
    let output = capture(&["--url", url, "--suggest"]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stderr);
    assert!(printed.contains("put it into ~/.pgpass"), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
}
