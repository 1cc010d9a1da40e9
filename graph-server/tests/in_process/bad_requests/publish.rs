//! The rows of databus.v1.Publisher: streams of parts, and the changes in them.

use super::row::{Outcome, Row, row, rows_of};
use cloud_proto::databus::v1::change::Event;
use cloud_proto::databus::v1::*;
use prost::Message as _;
use prost_types::{FieldMask, Timestamp};

const PUBLISH: &str = "databus.v1.Publisher/Publish";
/// The limit of a name or a text of a member.
const TEXT_BYTES_MAX: usize = 1_024;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = parts();
    rows.extend(streams());
    rows.extend(connections());
    rows.extend(members());
    rows.extend(positions());
    rows.extend(sources());
    rows
}

fn sources() -> Vec<Row> {
    let source = |what, source_id: &str, outcome| {
        let source_id = source_id.to_owned();
        let call = "databus.v1.Publisher/GetSource";
        row(
            call,
            "source_id",
            what,
            &GetSourceRequest { source_id },
            outcome,
        )
    };
    vec![
        source("of no window", "none", Outcome::Answered),
        source("empty", "", Outcome::Field("source_id")),
        source("too long", &"s".repeat(129), Outcome::Field("source_id")),
    ]
}

fn request(part: WindowPart) -> PublishRequest {
    PublishRequest { part: Some(part) }
}

fn whole(changes: Vec<Change>) -> WindowPart {
    WindowPart {
        last: true,
        changes,
        ..Default::default()
    }
}

/// Returns a row that sends a good change and this one, which is refused because of this field.
fn refused(what: &'static str, event: Event, field: &'static str) -> Row {
    let good = Event::ConnectionRemoved(ConnectionRemoved {
        member_id: 7,
        other_id: 8,
    });
    let change = |event| Change {
        skippable: false,
        event: Some(event),
    };
    let part = whole(vec![change(good), change(event)]);
    row(PUBLISH, "part", what, &request(part), Outcome::Field(field))
}

fn accepted(what: &'static str, event: Event) -> Row {
    let part = whole(vec![Change {
        skippable: false,
        event: Some(event),
    }]);
    row(PUBLISH, "part", what, &request(part), Outcome::Answered)
}

fn parts() -> Vec<Row> {
    let part =
        |what, part, field| row(PUBLISH, "part", what, &request(part), Outcome::Field(field));
    let commit_time = |seconds, nanos| WindowPart {
        commit_time: Some(Timestamp { seconds, nanos }),
        ..whole(vec![])
    };
    let sourced = |source_id: String, source_offset| WindowPart {
        source_id,
        source_offset,
        ..whole(vec![])
    };
    vec![
        row(
            PUBLISH,
            "part",
            "missing",
            &PublishRequest { part: None },
            Outcome::Field("part"),
        ),
        row(
            PUBLISH,
            "part",
            "a window without changes",
            &request(whole(vec![])),
            Outcome::Answered,
        ),
        part(
            "an SCN, which only the log gives",
            WindowPart {
                scn: 1,
                ..whole(vec![])
            },
            "part.scn",
        ),
        part(
            "an offset without a source",
            sourced(String::new(), 3),
            "part.source_offset",
        ),
        row(
            PUBLISH,
            "part",
            "the longest name of a source",
            &request(sourced("s".repeat(128), 1)),
            Outcome::Answered,
        ),
        part(
            "a longer name",
            sourced("s".repeat(129), 1),
            "part.source_id",
        ),
        part(
            "committed before 1970",
            commit_time(-1, 0),
            "part.commit_time",
        ),
        part(
            "committed in the year 10000",
            commit_time(253_402_300_800, 0),
            "part.commit_time",
        ),
        part(
            "more nanoseconds than a second has",
            commit_time(1, 1_000_000_000),
            "part.commit_time",
        ),
        part(
            "a change of no kind",
            whole(vec![Change {
                skippable: false,
                event: None,
            }]),
            "part.changes[0].event",
        ),
    ]
}

fn streams() -> Vec<Row> {
    let numbered = |part, last| {
        request(WindowPart {
            part,
            last,
            ..Default::default()
        })
    };
    let stream = |what, requests: Vec<PublishRequest>, field| {
        let messages = requests.iter().map(PublishRequest::encode_to_vec).collect();
        rows_of(PUBLISH, "part", what, messages, Outcome::Field(field))
    };
    let of_source = |part, source_id: &str| {
        request(WindowPart {
            part,
            last: part == 1,
            source_id: source_id.to_owned(),
            source_offset: 5,
            ..Default::default()
        })
    };
    let large = request(whole(vec![Change {
        skippable: false,
        event: Some(Event::MemberUpserted(MemberUpserted {
            existing_only: false,
            member: Some(Member {
                member_id: 1,
                summary: "x".repeat((1 << 20) + 1),
                ..Default::default()
            }),
            fields: None,
        })),
    }]));
    vec![
        stream(
            "the first part is missing",
            vec![numbered(1, true)],
            "part.part",
        ),
        stream(
            "a part is missing",
            vec![numbered(0, false), numbered(2, true)],
            "part.part",
        ),
        stream(
            "a part comes twice",
            vec![numbered(0, false), numbered(0, true)],
            "part.part",
        ),
        stream("it ends within a window", vec![numbered(0, false)], "part"),
        stream(
            "the second part is another source's",
            vec![of_source(0, "core"), of_source(1, "other")],
            "part.source_id",
        ),
        stream("a part of more than 1 MiB", vec![large], "part"),
    ]
}

fn connections() -> Vec<Row> {
    let added = |member_id, other_id, time: Option<(i64, i32)>| {
        Event::ConnectionAdded(ConnectionAdded {
            existing_only: false,
            member_id,
            other_id,
            connected_at: time.map(|(seconds, nanos)| Timestamp { seconds, nanos }),
        })
    };
    let removed = |member_id, other_id| {
        Event::ConnectionRemoved(ConnectionRemoved {
            member_id,
            other_id,
        })
    };
    let member = "part.changes[1].connection_added.member_id";
    let other = "part.changes[1].connection_added.other_id";
    let time = "part.changes[1].connection_added.connected_at";
    vec![
        accepted("connected in 1970", added(7, 8, Some((0, 0)))),
        refused("0 is connected", added(0, 8, None), member),
        refused("to 0", added(7, 0, None), other),
        refused("to itself", added(7, 7, None), other),
        refused("before 1970", added(7, 8, Some((-1, 0))), time),
        refused("in the year 10000", added(7, 8, Some((i64::MAX, 0))), time),
        refused("negative nanoseconds", added(7, 8, Some((1, -1))), time),
        refused(
            "0 is disconnected",
            removed(0, 8),
            "part.changes[1].connection_removed.member_id",
        ),
        refused(
            "from itself",
            removed(7, 7),
            "part.changes[1].connection_removed.other_id",
        ),
    ]
}

fn members() -> Vec<Row> {
    let upserted = |member, fields: Option<Vec<&str>>| {
        Event::MemberUpserted(MemberUpserted {
            existing_only: false,
            member,
            fields: fields.map(|paths| FieldMask {
                paths: paths.into_iter().map(str::to_owned).collect(),
            }),
        })
    };
    let seven = || Member {
        member_id: 7,
        ..Default::default()
    };
    let whole = |member| upserted(Some(member), None);
    let text = |bytes| "x".repeat(bytes);
    let fields = "part.changes[1].member_upserted.fields";
    vec![
        refused(
            "no member",
            upserted(None, None),
            "part.changes[1].member_upserted.member",
        ),
        refused(
            "member 0",
            whole(Member::default()),
            "part.changes[1].member_upserted.member.member_id",
        ),
        refused(
            "a field that is none",
            upserted(Some(seven()), Some(vec!["age"])),
            fields,
        ),
        refused(
            "more paths than fields",
            upserted(Some(seven()), Some(vec!["place"; 65])),
            fields,
        ),
        accepted(
            "the longest headline",
            whole(Member {
                headline: text(TEXT_BYTES_MAX),
                ..seven()
            }),
        ),
        refused(
            "a longer headline",
            whole(Member {
                headline: text(TEXT_BYTES_MAX + 1),
                ..seven()
            }),
            "part.changes[1].member_upserted.member.headline",
        ),
        refused(
            "a longer summary than the longest",
            whole(Member {
                summary: text(65_537),
                ..seven()
            }),
            "part.changes[1].member_upserted.member.summary",
        ),
        refused(
            "a skill too many",
            whole(Member {
                skills: vec![text(1); 1_001],
                ..seven()
            }),
            "part.changes[1].member_upserted.member.skills",
        ),
        refused(
            "a longer skill",
            whole(Member {
                skills: vec![text(1), text(TEXT_BYTES_MAX + 1)],
                ..seven()
            }),
            "part.changes[1].member_upserted.member.skills[1]",
        ),
        refused(
            "removes member 0",
            Event::MemberRemoved(MemberRemoved { member_id: 0 }),
            "part.changes[1].member_removed.member_id",
        ),
        accepted(
            "removes an unknown member",
            Event::MemberRemoved(MemberRemoved { member_id: 99 }),
        ),
    ]
}

fn positions() -> Vec<Row> {
    let upserted = |member_id, position| {
        Event::PositionUpserted(PositionUpserted {
            existing_only: false,
            member_id,
            position,
            fields: None,
        })
    };
    let good = || Position {
        position_id: 1,
        kind: PositionKind::Work.into(),
        ..Default::default()
    };
    let of_seven = |position| upserted(7, Some(position));
    let from = |year, month| Position {
        from: Some(YearMonth { year, month }),
        ..good()
    };
    let removed = |member_id, position_id| {
        Event::PositionRemoved(PositionRemoved {
            member_id,
            position_id,
        })
    };
    let of_kind = |kind| of_seven(Position { kind, ..good() });
    let kind = "part.changes[1].position_upserted.position.kind";
    vec![
        refused(
            "of member 0",
            upserted(0, Some(good())),
            "part.changes[1].position_upserted.member_id",
        ),
        refused(
            "none",
            upserted(7, None),
            "part.changes[1].position_upserted.position",
        ),
        refused(
            "position 0",
            of_seven(Position {
                position_id: 0,
                ..good()
            }),
            "part.changes[1].position_upserted.position.position_id",
        ),
        accepted("of no kind, which is work", of_kind(0)),
        refused("of a kind above the last", of_kind(3), kind),
        refused(
            "a longer title",
            of_seven(Position {
                title: "x".repeat(TEXT_BYTES_MAX + 1),
                ..good()
            }),
            "part.changes[1].position_upserted.position.title",
        ),
        accepted("from the year 9999", of_seven(from(9999, 12))),
        refused(
            "from the year 0",
            of_seven(from(0, 0)),
            "part.changes[1].position_upserted.position.from.year",
        ),
        refused(
            "from a 13th month",
            of_seven(from(2000, 13)),
            "part.changes[1].position_upserted.position.from.month",
        ),
        refused(
            "removed from member 0",
            removed(0, 1),
            "part.changes[1].position_removed.member_id",
        ),
        refused(
            "position 0 removed",
            removed(7, 0),
            "part.changes[1].position_removed.position_id",
        ),
    ]
}
