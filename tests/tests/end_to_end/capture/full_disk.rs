//! The disk of the log is full while the application writes.

use std::{fs, os::unix::fs::symlink, time::Duration};

use cloud_tests::{postgres::Postgres, rounds::rounds, small_disk::SmallDisk, until::until};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, SCHEMA},
    writer::{Writer, transaction},
};

#[tokio::test(flavor = "multi_thread")]
async fn capture_goes_on_when_the_log_has_room_again() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    // So slowly that the log alone does not fill the disk.
    let every = Some(Duration::from_millis(5));
    let writer = Writer::start_with(&postgres.address(), 20, every, transaction);
    sleep(Duration::from_millis(500)).await;
    let mut site = CapturedSite::of_one_process(postgres);
    let log = disk.path().join("log");
    fs::create_dir(&log).expect("a folder");
    symlink(&log, site.folder.path().join("log")).expect("a link");
    site.build_and_serve();
    site.capture();
    for round in 0..rounds(2, 10) {
        sleep(Duration::from_millis(500)).await;
        disk.fill();
        until("capture meets the full disk", async || {
            let printed = site.printed();
            let met = printed.matches("No space left on device").count();
            (met > round).then_some(())
        })
        .await;
        sleep(Duration::from_millis(500)).await;
        disk.make_room();
    }
    let committed = writer.stop().await;
    site.check().await;
    println!("{committed} transactions were committed");
}
