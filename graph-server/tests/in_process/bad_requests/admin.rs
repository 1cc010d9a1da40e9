//! The rows of cloud.v1.AdminService, and of calls whose requests have no fields.
//!
//! Such a request can only be wrong in its bytes: the tests of that are in `every_method`.

use super::{
    page::at_least,
    row::{Outcome, Row, row, rows_of},
};
use cloud_proto::cloud::v1::{TakeBackupRequest, TakeSnapshotRequest};

pub(super) fn rows(log_id: &str) -> Vec<Row> {
    let calls = [
        "cloud.v1.AdminService/GetStatus",
        "databus.v1.Databus/GetStatus",
    ];
    let no_fields = |call| {
        rows_of(
            call,
            "",
            "a field that this version does not know",
            vec![vec![0xf8, 0x01, 0x07]],
            Outcome::Answered,
        )
    };
    let mut rows: Vec<Row> = calls.into_iter().map(no_fields).collect();
    rows.extend(at_least(
        "cloud.v1.AdminService/TakeSnapshot",
        log_id,
        |at_least| TakeSnapshotRequest { at_least },
    ));
    let backup = |about, what, directory: &str, same_disk| {
        let request = TakeBackupRequest {
            directory: directory.to_owned(),
            same_disk,
        };
        let outcome = Outcome::Field("directory");
        row(
            "cloud.v1.AdminService/TakeBackup",
            about,
            what,
            &request,
            outcome,
        )
    };
    let directory = |what, directory| backup("directory", what, directory, false);
    rows.extend([
        directory("no path", ""),
        directory("a path that is not absolute", "backup"),
        directory("a folder that exists", "/proc"),
        directory("in no folder", "/proc/none/backup"),
        directory("longer than a path", &format!("/{}", "x".repeat(4096))),
        backup("same_disk", "links to a folder that exists", "/proc", true),
    ]);
    rows
}
