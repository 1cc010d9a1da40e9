//! The page `docs/errors.md`: every reason, and every row that is refused, as the server answers
//! them.
//!
//! The test compares the page with the committed one. With `CLOUD_WRITE_DOCS=1` it writes the page
//! (`make errors-page`).

use super::{limits, methods, raw::Wire, rows};
use crate::small_site::SmallSite;
use cloud_serving::{DOMAIN, Reason, limits as wire_limits, reason};
use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The errors that any call may have, with the reason of each.
const ANY_CALL: [(&str, &Reason); 14] = [
    (
        "bytes that are no message of the method",
        &reason::MALFORMED,
    ),
    (
        "a message above 2 MiB, before or after decompression",
        &reason::REQUEST_TOO_LARGE,
    ),
    (
        "a `grpc-timeout` that is no timeout",
        &reason::INVALID_FIELD,
    ),
    (
        "a deadline that passes; one above 60 s counts as 60 s",
        &reason::DEADLINE,
    ),
    (
        "a service that another listener serves",
        &reason::OTHER_LISTENER,
    ),
    ("a method that does not exist", &reason::UNKNOWN_METHOD),
    (
        "a `grpc-encoding` other than `gzip` and `identity`",
        &reason::UNSUPPORTED_ENCODING,
    ),
    (
        "a compressed flag without `grpc-encoding`, or broken gzip",
        &reason::PROTOCOL_ERROR,
    ),
    (
        "more work at a time than a limit of the server",
        &reason::BUSY,
    ),
    (
        "more edges than `request-edges-max`",
        &graph_server::EDGES_EXHAUSTED,
    ),
    (
        "an answer above the limit of messages",
        &reason::ANSWER_TOO_LARGE,
    ),
    (
        "a server that is starting, stopping, or has failed",
        &reason::NOT_SERVING,
    ),
    ("a damaged file", &reason::CORRUPT),
    ("a fault of the server", &reason::INTERNAL),
];

const BEGIN: &str = "\
# Errors

The test `the_page_of_errors_is_what_the_server_answers` makes this page from a server's answers.

Every error is a `google.rpc.Status` with details after [AIP-193](https://google.aip.dev/193):

- `ErrorInfo` on every error: a reason, the domain `cloud.v1`, and figures as metadata. A reason
  always has the same code. Programs read the reason; the message is for people.
- `BadRequest` where a field is wrong or above its limit: its path, and the rule.
- `ResourceInfo` where a member does not exist.
- `PreconditionFailure` where the state of the server or of its log forbids the answer.
- `QuotaFailure` and `RetryInfo` where load is the reason. Only RESOURCE_EXHAUSTED has them.

What a caller does:

| code | a retry of the same request |
|---|---|
| INVALID_ARGUMENT, OUT_OF_RANGE, UNIMPLEMENTED | never succeeds |
| NOT_FOUND, FAILED_PRECONDITION | succeeds once the state has changed |
| RESOURCE_EXHAUSTED | after the delay in `RetryInfo`, then with growing delays |
| UNAVAILABLE | with growing delays, or at another server |
| DEADLINE_EXCEEDED | with a longer deadline |
| DATA_LOSS, INTERNAL | needs an operator |

A page size above its maximum is no error: it counts as the maximum. A request with another content
type than gRPC's is answered with HTTP status 415.

";

/// Returns a code as the protocol spells it.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn table(page: &mut String, headings: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    writeln!(page, "| {} |", headings.join(" | ")).unwrap();
    writeln!(page, "|{}", "---|".repeat(headings.len())).unwrap();
    for row in rows {
        writeln!(page, "| {} |", row.join(" | ")).unwrap();
    }
    page.push('\n');
}

fn reasons() -> impl Iterator<Item = &'static Reason> {
    let tables = [
        reason::REASONS,
        databus::rpc::REASONS,
        graph_server::REASONS,
    ];
    tables.into_iter().flatten().copied()
}

/// Returns what the details of a refusal name.
fn named(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    let limit = info.metadata.get("limit");
    let limit = limit
        .map(|limit| format!(", limit {limit}"))
        .unwrap_or_default();
    if let Some(wrong) = details.bad_request() {
        return format!("`{}`{limit}", wrong.field_violations[0].field);
    }
    if let Some(resource) = details.resource_info() {
        return format!("{} {}", resource.resource_type, resource.resource_name);
    }
    let mut figures: Vec<_> = info
        .metadata
        .keys()
        .map(|name| format!("`{name}`"))
        .collect();
    figures.sort_unstable();
    figures.join(", ")
}

async fn page(wire: &Wire, log_id: &str) -> String {
    let mut page = BEGIN.to_owned();
    page.push_str("## Reasons\n\n");
    let all = reasons().map(|reason| {
        let figures: Vec<_> = reason
            .figures
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let (code, meaning) = (code_name(reason.code), reason.meaning.to_owned());
        vec![reason.name.to_owned(), code, figures.join(", "), meaning]
    });
    table(&mut page, &["reason", "code", "figures", "meaning"], all);
    page.push_str("## Any call\n\n");
    let any = ANY_CALL.map(|(what, reason)| {
        vec![
            what.to_owned(),
            code_name(reason.code),
            reason.name.to_owned(),
        ]
    });
    table(&mut page, &["what", "code", "reason"], any.into_iter());

    let mut by_call: BTreeMap<_, Vec<Vec<String>>> = BTreeMap::new();
    for row in rows(wire, log_id).await {
        let Some(status) = row.check(wire).await.unwrap() else {
            continue;
        };
        let info = status.get_details_error_info().unwrap();
        let known = reasons().find(|reason| reason.name == info.reason);
        let known = known.unwrap_or_else(|| panic!("{} is in no table", info.reason));
        assert_eq!(
            (known.code, DOMAIN),
            (status.code(), info.domain.as_str()),
            "{status:?}"
        );
        for figure in info.metadata.keys() {
            assert!(
                known.figures.contains(&figure.as_str()),
                "{figure}: {status:?}"
            );
        }
        by_call.entry(row.call).or_default().push(vec![
            format!("`{}`", row.about),
            row.what.to_owned(),
            code_name(status.code()),
            info.reason,
            named(&status),
        ]);
    }
    for call in methods().into_keys() {
        writeln!(page, "## {call}\n").unwrap();
        match by_call.remove(call.as_str()) {
            Some(refused) => {
                let headings = ["argument", "what", "code", "reason", "names"];
                table(&mut page, &headings, refused.into_iter());
            }
            None => page.push_str("No argument can be wrong.\n\n"),
        }
    }
    assert!(page.ends_with("\n\n"));
    page.pop();
    page
}

#[tokio::test]
async fn the_page_of_errors_is_what_the_server_answers() {
    assert_eq!(
        wire_limits::REQUEST_BYTES_MAX,
        2 << 20,
        "the page states it"
    );
    let site = SmallSite::start(limits()).await;
    let wire = Wire::connect(&site).await;
    let log_id = site.log.log_status().await.unwrap().head.unwrap().log_id;
    let page = page(&wire, &log_id).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    if std::env::var_os("CLOUD_WRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = page
        .lines()
        .zip(committed.lines())
        .find(|(now, then)| now != then);
    assert!(
        page == committed,
        "docs/errors.md is out of date: run `make errors-page` and commit it. First: {differs:?}"
    );
    site.running.shutdown().await.unwrap();
}
