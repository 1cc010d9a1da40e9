//! Calls whose requests have no fields: there is nothing to get wrong but the bytes, see `every_method`.

use super::row::{Outcome, Row, rows_of};

pub(super) fn rows() -> Vec<Row> {
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
    calls.into_iter().map(row).collect()
}
