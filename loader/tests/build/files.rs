//! Tests which files and columns are read, and which options contradict each other.

use std::collections::BTreeMap;

use cloud_engine::{Manifest, StandsAt};
use cloud_model::{LogId, Scn};

use crate::dump::{Dump, Rows, rows};

fn expected(edges: &[(u64, u64, u64)]) -> Rows {
    let mut rows = Rows::new();
    for &(one, other, time) in edges {
        rows.entry(one).or_default().insert(other, time);
        rows.entry(other).or_default().insert(one, time);
    }
    rows
}

fn check(dump: Dump, edges: &[(u64, u64, u64)]) {
    assert_eq!(rows(&dump.build().snapshot), expected(edges));
}

#[test]
fn columns_are_mapped_by_name_and_by_number() {
    let edges = [(7, 9, 1_271_939_457_947), (9, 4_000_000_000_000, 5)];
    check(
        Dump::of_connections(
            "other_id,connected_at,x,member_id\n\
             9,2010-04-22T12:30:57.947Z,é,7\n\
             9,1970-01-01T00:00:00.005Z,,4000000000000\n",
        ),
        &edges,
    );
    check(
        Dump::of_connections("P.id|P.id|made\n7|9|1271939457947\n4000000000000|9|5\n")
            .delimiter(b'|')
            .map("connections:member=1,other=2,time=made:ms"),
        &edges,
    );
    check(
        Dump::of_connections("7\t9\n9\t4000000000000")
            .delimiter(b'\t')
            .without_header()
            .map("connections:member=1,other=2"),
        &edges.map(|(one, other, _)| (one, other, 0)),
    );
    check(
        Dump::of_connections("\u{feff}member_id,other_id\n1,2\n"),
        &[(1, 2, 0)],
    );
    check(
        Dump::of_connections("\u{feff}1,2\n")
            .without_header()
            .map("connections:member=1,other=2"),
        &[(1, 2, 0)],
    );
}

#[test]
fn headers_that_do_not_fit_are_named() {
    let ambiguous = Dump::of_connections("P.id|P.id\n1|2\n")
        .delimiter(b'|')
        .map("connections:member=P.id,other=2");
    assert_eq!(
        ambiguous.error(),
        "connections.csv:1: columns 1 and 2 are both called \"P.id\": map member by number, \
         as in --map connections:member=1"
    );
    assert_eq!(
        Dump::of_connections("").error(),
        "connections.csv:1: the file is empty, a header row is expected"
    );
    let wrong = Dump::of_connections("member_id;other_id\n1;2\n").error();
    assert_eq!(
        wrong,
        "connections.csv:1: no column \"member_id\" for member; the header has member_id;other_id"
    );
    let unused = Dump::new()
        .members("members.csv", "member_id,headlin,x\n1,a,b\n")
        .build()
        .unused_columns;
    assert_eq!(unused.len(), 1);
    assert_eq!(unused[0].1, ["headlin", "x"]);
}

#[test]
fn a_first_row_of_ids_is_not_lost_as_a_header() {
    let map = "connections:member=1,other=2";
    for (rows, line) in [("1,2\n2,3\n", 1), ("# from,to\n#\n1,2\n2,3\n", 3)] {
        assert_eq!(
            Dump::of_connections(rows).map(map).error(),
            format!(
                "connections.csv:{line}: the header row holds ids in the mapped columns: \
                 if it is data, use --no-header; if not, delete it"
            )
        );
        check(
            Dump::of_connections(rows).map(map).without_header(),
            &[(1, 2, 0), (2, 3, 0)],
        );
    }
    check(
        Dump::of_connections("# comment\nfrom,to\n1,2\n").map(map),
        &[(1, 2, 0)],
    );
    let members = Dump::new()
        .members("members.csv", "7,Ada\n8,Eve\n")
        .map("members:given_name=2,member_id=1");
    assert_eq!(
        members.error(),
        "members.csv:1: the header row holds ids in the mapped columns: \
         if it is data, use --no-header; if not, delete it"
    );
}

#[test]
fn options_that_contradict_are_refused() {
    assert_eq!(
        Dump::new().error(),
        "neither members nor connections: there is nothing to build from"
    );
    let dump =
        Dump::of_connections("member_id,other_id\n").positions("positions.csv", "member_id\n");
    assert_eq!(
        dump.error(),
        "positions without members: the files of members are needed too"
    );
    let dump = Dump::of_connections("member_id,other_id\n")
        .map("connections:member=1,other=2")
        .map("connections:member=1,other=2");
    assert_eq!(
        dump.error(),
        "two --map of connections: merge them into one"
    );
    for (map, kind) in [
        ("members:member_id=1", "members"),
        ("positions:member_id=1", "positions"),
    ] {
        let dump = Dump::of_connections("member_id,other_id\n").map(map);
        let expected = format!("--map {kind}: there are no files of {kind}");
        assert_eq!(dump.error(), expected);
    }
    let mut dump = Dump::of_connections("member_id,other_id\n");
    dump.options.format.delimiter = b'"';
    assert!(
        dump.error().starts_with("the delimiter, the quote"),
        "{}",
        dump.error()
    );
    let mut dump = Dump::new();
    dump.options.connections.push(dump.path().join("none.csv"));
    assert_eq!(dump.error(), "cannot open none.csv");
}

#[test]
fn quoted_and_plain_connections_are_read_alike() {
    let edges = [(1, 2, 5), (2, 3, 6), (3, 4, 7), (4, 5, 8)];
    let map = "connections:member=1,other=2,time=4:ms";
    check(
        Dump::of_connections("a,b,c,d\n1,2,x,5\n2,3,x,6\n3,4,x,7\n4,5,x,8\n").map(map),
        &edges,
    );
    check(
        Dump::of_connections("a,b,c,d\n1,2,x,5\n2,3,\"x\n,\",6\n3,\"4\",x,7\n4,5,x,8\n").map(map),
        &edges,
    );
    check(
        Dump::of_connections(
            "\"a\",\"b\",\"c\",\"d\"\r\n\"1\",\"2\",\"x\",\"5\"\r\n2,3,x,6\r\n3,4,x,7\r\n4,5,x,8",
        )
        .map(map),
        &edges,
    );
}

#[test]
fn what_is_there_twice_is_dropped_and_counted() {
    let dump = Dump::of_connections(
        "member_id,other_id,connected_at\n\
         1,2,2020-01-01T00:00:00Z\n2,1,1970-01-01T00:00:01Z\n1,2,\n1,2,2020-01-01T00:00:00Z\n\
         3,3,\n2,3,\n3,2,1970-01-01T00:00:02Z\n4,2,\n",
    );
    let summary = dump.build();
    assert_eq!(
        rows(&summary.snapshot),
        expected(&[(1, 2, 1000), (2, 3, 2000), (2, 4, 0)])
    );
    assert_eq!(summary.connection_rows, 8);
    assert_eq!(summary.dropped.connections_with_themselves, 1);
    assert_eq!(summary.dropped.repeated_connections, 4);
    assert_eq!(
        (summary.manifest.members, summary.manifest.connections),
        (4, 3)
    );
    let text = summary.to_string();
    for line in [
        "members      4",
        "connections  3 of 8 rows",
        "degrees      p50 1, p90 3, p99 3, max 3",
        "components   1, 4 members in the largest",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line:?} in\n{text}"
        );
    }
}

#[test]
fn a_snapshot_says_where_it_stands() {
    let beginning = Dump::of_connections("member_id,other_id\n1,2\n").build();
    assert_eq!(beginning.manifest.stands_at, StandsAt::Beginning {});
    assert!(beginning.snapshot.ends_with("00000000000000000000"));

    let mut dump = Dump::of_connections("member_id,other_id\n1,2\n");
    let log_id = LogId::new(0xabc);
    dump.options.stands_at = Some((log_id, Scn::new(42)));
    let later = dump.build();
    assert_eq!(
        later.manifest.stands_at,
        StandsAt::AtScn {
            log_id,
            scn: Scn::new(42),
            history: None,
        }
    );
    assert!(later.snapshot.ends_with("00000000000000000042"));
    assert_eq!(Manifest::read(&later.snapshot).unwrap(), later.manifest);
    assert_eq!(later.lineage_id(), beginning.lineage_id());
}

#[test]
fn members_without_connections_are_members() {
    let dump = Dump::new()
        .members("members.csv", "member_id\n5\n18446744073709551615\n1\n")
        .connections("connections.csv", "member_id,other_id\n5,1\n");
    let mut all = expected(&[(1, 5, 0)]);
    all.insert(u64::MAX, BTreeMap::new());
    assert_eq!(rows(&dump.build().snapshot), all);
    check(Dump::of_connections("member_id,other_id\n3,3\n"), &[]);
}
