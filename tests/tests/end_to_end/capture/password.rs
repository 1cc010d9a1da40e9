//! The password of the database: from the environment or from a file, for every program.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use cloud_tests::postgres::{DATABASE, Postgres, PostgresOptions, SUPERUSER};

use super::site::{CapturedSite, SCHEMA};

const PASSWORD: &str = "a secret: with \\ and :";
/// The password as a line of a password file writes it.
const IN_FILE: &str = "a secret\\: with \\\\ and \\:";

#[tokio::test(flavor = "multi_thread")]
async fn the_password_comes_from_the_environment_or_a_file() {
    let Some(mut options) = PostgresOptions::installed() else {
        return;
    };
    options.password = Some(PASSWORD.to_owned());
    let postgres = Postgres::start_with(options).await;
    postgres.execute(SCHEMA).await;
    postgres
        .execute(
            "INSERT INTO people (id, first_name, last_name)
                 SELECT n, 'given' || n, 'family' FROM generate_series(1, 50) n;
             INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01'
                 FROM generate_series(1, 49) n;
             INSERT INTO jobs (person, employer, begun) VALUES (1, 'Employer', '2001-01-01');",
        )
        .await;
    let mut site = CapturedSite::of_one_process(postgres);
    let file = site.folder.path().join("passwords");
    let line = format!("127.0.0.1:*:{DATABASE}:{SUPERUSER}:{IN_FILE}\n");
    fs::write(&file, line).expect("the file");
    let file = file.to_str().expect("a path").to_owned();
    let set_mode = |mode| {
        let set = fs::set_permissions(&file, Permissions::from_mode(mode));
        set.expect("the mode of the file");
    };

    let refused = |site: &CapturedSite, words: &str| {
        for refused in [site.run(&["--check"]), site.try_build()] {
            let printed = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(1), "{printed}");
            assert!(printed.contains(words), "no {words:?} in {printed}");
            assert!(!printed.contains("a secret"), "{printed}");
        }
    };
    site.with_environment(&[("HOME", "/nonexistent")]);
    refused(&site, "PGPASSWORD");
    site.with_environment(&[("PGPASSWORD", "another one")]);
    refused(&site, "password authentication failed");
    site.with_environment(&[("PGPASSFILE", "/nonexistent")]);
    refused(&site, "/nonexistent");
    site.with_environment(&[("PGPASSFILE", &file)]);
    set_mode(0o640);
    refused(&site, "set its mode to 0600");

    set_mode(0o600);
    let checked = site.run(&["--check"]);
    assert!(checked.status.success(), "{checked:?}");
    site.build_and_serve();
    for variable in [("PGPASSFILE", &*file), ("PGPASSWORD", PASSWORD)] {
        site.with_environment(&[variable]);
        site.capture();
        let headline = format!("UPDATE people SET headline = 'by {}'", variable.0);
        site.postgres.execute(&headline).await;
        site.check().await;
        site.kill_capture();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_address_is_refused_by_every_program() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    let mut site = CapturedSite::of_one_process(postgres);
    let user = format!("{SUPERUSER}:hunter2");
    site.reach_at(site.postgres.address_for(&user, DATABASE));
    let checked = site.run(&["--check"]);
    let built = site.try_build();
    let served = site.try_serve(&[]).expect_err("it is refused");
    for printed in [
        String::from_utf8_lossy(&checked.stderr),
        String::from_utf8_lossy(&built.stderr),
        served.into(),
    ] {
        assert!(printed.contains("put it into ~/.pgpass"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
