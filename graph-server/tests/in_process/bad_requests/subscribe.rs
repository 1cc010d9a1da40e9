//! The rows of databus.v1.Databus.

use super::row::{Outcome, Row, row};
use cloud_proto::databus::v1::SubscribeRequest;
use tonic::Code;

const SUBSCRIBE: &str = "databus.v1.Databus/Subscribe";

pub(super) fn rows() -> Vec<Row> {
    let beyond = |after_scn: u64| {
        let after_scn = after_scn.to_string();
        Outcome::Reason(Code::OutOfRange, "BEYOND_HEAD", "after_scn", after_scn)
    };
    let other_log = |log_id: &str| {
        let asked = log_id.to_owned();
        Outcome::Reason(Code::FailedPrecondition, "OTHER_LOG", "asked", asked)
    };
    let after = |after_scn| SubscribeRequest {
        after_scn,
        ..Default::default()
    };
    let after_history = |after_history| SubscribeRequest {
        after_history,
        ..Default::default()
    };
    let other_history = Outcome::Reason(
        Code::FailedPrecondition,
        "OTHER_LOG",
        "asked_history",
        "000000000000abcd".to_owned(),
    );
    let of_kinds = |kinds| SubscribeRequest {
        kinds,
        ..Default::default()
    };
    let of_log = |log_id: &str| SubscribeRequest {
        log_id: log_id.to_owned(),
        ..Default::default()
    };
    let wrong_kind = Outcome::Field;
    // The head is far below: the windows of other rows do not reach it.
    let far = 1_000_000;
    vec![
        row(
            SUBSCRIBE,
            "after_scn",
            "the beginning",
            &after(0),
            Outcome::Answered,
        ),
        row(
            SUBSCRIBE,
            "after_scn",
            "beyond the head",
            &after(far),
            beyond(far),
        ),
        row(
            SUBSCRIBE,
            "after_scn",
            "the last SCN there is",
            &after(u64::MAX),
            beyond(u64::MAX),
        ),
        row(
            SUBSCRIBE,
            "after_history",
            "unknown",
            &after_history(0),
            Outcome::Answered,
        ),
        row(
            SUBSCRIBE,
            "after_history",
            "another than the log's",
            &after_history(0xabcd),
            other_history,
        ),
        row(
            SUBSCRIBE,
            "kinds",
            "all",
            &of_kinds(vec![1, 2, 3]),
            Outcome::Answered,
        ),
        row(
            SUBSCRIBE,
            "kinds",
            "one many times",
            &of_kinds(vec![1; 1_000]),
            Outcome::Answered,
        ),
        row(
            SUBSCRIBE,
            "kinds",
            "unspecified",
            &of_kinds(vec![1, 0]),
            wrong_kind("kinds[1]"),
        ),
        row(
            SUBSCRIBE,
            "kinds",
            "one above the last",
            &of_kinds(vec![4]),
            wrong_kind("kinds[0]"),
        ),
        row(
            SUBSCRIBE,
            "kinds",
            "negative",
            &of_kinds(vec![-1]),
            wrong_kind("kinds[0]"),
        ),
        row(
            SUBSCRIBE,
            "log_id",
            "another",
            &of_log("other"),
            other_log("other"),
        ),
        row(
            SUBSCRIBE,
            "log_id",
            "a megabyte",
            &of_log(&"a".repeat(1 << 20)),
            other_log(&"a".repeat(64)),
        ),
    ]
}
