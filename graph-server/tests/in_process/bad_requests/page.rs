//! The rows that all reads share: `at_least`, page sizes, page tokens.

use super::row::{Outcome, Row, row};
use cloud_proto::databus::v1::{AsOf, AtLeast, SourceOffset, at_least::Point};
use prost::Message;
use tonic::Code;

/// Returns the rows about `at_least` of a call; `request` returns a valid request with it.
pub(super) fn at_least<M: Message>(
    call: &'static str,
    log_id: &str,
    request: impl Fn(Option<AtLeast>) -> M,
) -> Vec<Row> {
    let as_of = |log_id: &str, scn| {
        Some(Point::AsOf(AsOf {
            history: 0,
            log_id: log_id.to_owned(),
            scn,
        }))
    };
    let source = |source_id: &str, offset| {
        Some(Point::Source(SourceOffset {
            source_id: source_id.to_owned(),
            offset,
        }))
    };
    let other_log = |asked: &str| {
        Outcome::Reason(
            Code::FailedPrecondition,
            "OTHER_LOG",
            "asked",
            asked.to_owned(),
        )
    };
    let not_reached = || Outcome::Reason(Code::Unavailable, "NOT_REACHED", "scn", "0".to_owned());
    let foreign = "0123456789abcdef0123456789abcdef";
    [
        (
            "an SCN that is reached",
            as_of(log_id, 0),
            Outcome::Answered,
        ),
        ("no point", None, Outcome::Field("at_least")),
        ("another log", as_of(foreign, 0), other_log(foreign)),
        ("no log", as_of("", 0), other_log("")),
        ("no name of a log", as_of("\u{0}x", 0), other_log("\u{0}x")),
        (
            "a megabyte",
            as_of(&"a".repeat(1 << 20), 0),
            other_log(&"a".repeat(64)),
        ),
        ("the next SCN", as_of(log_id, 1), not_reached()),
        (
            "the last SCN there is",
            as_of(log_id, u64::MAX),
            not_reached(),
        ),
        ("an unknown source", source("nobody", 1), not_reached()),
        ("the source without a name", source("", 1), not_reached()),
    ]
    .into_iter()
    .map(|(what, point, outcome)| {
        row(
            call,
            "at_least",
            what,
            &request(Some(AtLeast { point })),
            outcome,
        )
    })
    .collect()
}

/// Returns the rows about the page size. One above the limit counts as the limit.
pub(super) fn sizes<M: Message>(
    call: &'static str,
    limit: u32,
    request: impl Fn(u32) -> M,
) -> Vec<Row> {
    [
        ("the default", 0),
        ("the limit", limit),
        ("above the limit", limit + 1),
        ("the largest number", u32::MAX),
    ]
    .into_iter()
    .map(|(what, size)| row(call, "page_size", what, &request(size), Outcome::Answered))
    .collect()
}

/// Returns the rows about a number with a limit.
pub(super) fn bounded<M: Message>(
    call: &'static str,
    field: &'static str,
    limit: u32,
    request: impl Fn(u32) -> M,
) -> Vec<Row> {
    let too_large = |asked: u32| Outcome::TooLarge {
        field,
        asked: asked.into(),
        limit: limit.into(),
    };
    [
        ("the default", 0, Outcome::Answered),
        ("the limit", limit, Outcome::Answered),
        ("above the limit", limit + 1, too_large(limit + 1)),
        ("the largest number", u32::MAX, too_large(u32::MAX)),
    ]
    .into_iter()
    .map(|(what, asked, outcome)| row(call, field, what, &request(asked), outcome))
    .collect()
}

/// Returns the rows about the page token. `own` is a token that the call returned for this request;
/// `foreign` are tokens of other calls and parameters.
pub(super) fn tokens<M: Message>(
    call: &'static str,
    own: &str,
    foreign: &[(&'static str, &str)],
    request: impl Fn(String) -> M,
) -> Vec<Row> {
    assert!(
        !own.is_empty(),
        "{call}: the first page must not be the last"
    );
    let refused = || Outcome::Field("page_token");
    let mut later_version = own.to_owned();
    later_version.replace_range(0..2, "03");
    let (start, last) = own.split_at(own.len() - 1);
    let other_last_digit = format!("{start}{}", if last == "0" { "1" } else { "0" });
    let broken = [
        ("no digits", "next".to_owned()),
        ("no text", "\u{0}\u{7f}\u{e9}".to_owned()),
        ("half a byte", own[..own.len() - 1].to_owned()),
        ("a version and nothing else", "02".to_owned()),
        ("in capitals", own.to_uppercase()),
        ("with another last digit", other_last_digit),
        ("cut within the digest", own[..10].to_owned()),
        ("cut before the key", own[..18].to_owned()),
        ("cut within the key", own[..own.len() - 2].to_owned()),
        ("a byte too many", format!("{own}00")),
        ("of a later version", later_version),
        ("zeros", "00".repeat(own.len() / 2)),
        ("longer than any", "0".repeat(258)),
        ("a megabyte", "0".repeat(1 << 20)),
    ];
    let mut rows = vec![row(
        call,
        "page_token",
        "its own",
        &request(own.to_owned()),
        Outcome::Answered,
    )];
    rows.extend(
        broken
            .into_iter()
            .map(|(what, token)| row(call, "page_token", what, &request(token), refused())),
    );
    rows.extend(foreign.iter().map(|(what, token)| {
        assert!(!token.is_empty(), "{call}: {what}: no token to send");
        row(
            call,
            "page_token",
            what,
            &request((*token).to_owned()),
            refused(),
        )
    }));
    rows
}
