//! The rows of cloud.v1.AdminService, and of calls whose requests have no fields.
//!
//! Such a request can only be wrong in its bytes: the tests of that are in `every_method`.

use super::{
    page::at_least,
    row::{Outcome, Row, rows_of},
};
use cloud_proto::cloud::v1::TakeSnapshotRequest;

pub(super) fn rows(log_id: &str) -> Vec<Row> {
    let calls = [
        "cloud.v1.AdminService/GetStatus",
        "databus.v1.Databus/GetStatus",
    ];
    let row = |call| {
        rows_of(
            call,
            "",
            "a field that this version does not know",
            vec![vec![0xf8, 0x01, 0x07]],
            Outcome::Answered,
        )
    };
    let mut rows: Vec<Row> = calls.into_iter().map(row).collect();
    rows.extend(at_least(
        "cloud.v1.AdminService/TakeSnapshot",
        log_id,
        |at_least| TakeSnapshotRequest { at_least },
    ));
    rows
}
