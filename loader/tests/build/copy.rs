//! Loads text written by PostgreSQL's `COPY ... TO`, and edge lists with comments.

use cloud_proto::databus::v1::PositionKind;

use crate::dump::{Dump, profiles, rows};

#[test]
fn a_dump_of_postgresql_loads() {
    let dump = Dump::new()
        .copy(true)
        .members(
            "members",
            "member_id\tgiven_name\theadline\tskills\n\
             1\tA\\tda\t\"x\" \\\\ y\\nz\trust;go\n\
             2\t\\N\t#\t\\N\n\
             \\.\n",
        )
        .positions(
            "positions",
            "member_id\tkind\ttitle\tfrom\tcurrent\n\
             1\twork\t\\N\t2001\tt\n\
             2\teducation\tx\t\\N\tf\n",
        )
        .connections(
            "connections",
            "member_id\tother_id\tconnected_at\n\
             1\t2\t2010-04-22 14:30:57.947+02\n\
             2\t1\t\\N\n\
             \\.\n\n",
        );
    let snapshot = dump.build().snapshot;
    assert_eq!(rows(&snapshot)[&1][&2], 1_271_939_457_947);
    let profiles = profiles(&snapshot);
    let member = profiles[0].member.as_ref().unwrap();
    assert_eq!(member.given_name, "A\tda");
    assert_eq!(member.headline, "\"x\" \\ y\nz");
    assert_eq!(member.skills, ["rust", "go"]);
    assert_eq!(profiles[1].member.as_ref().unwrap().headline, "#");
    assert!(profiles[0].positions[0].current);
    assert_eq!(profiles[1].positions[0].kind(), PositionKind::Education);
}

#[test]
fn columns_of_a_dump_without_a_header_are_mapped_by_number() {
    let dump = Dump::of_connections("x\\\\\t1\t2\n\ty\t3\n").copy(false);
    assert_eq!(
        dump.error(),
        "connections.csv:1: without a header row columns are mapped by number, \
         as in --map connections:member=1"
    );
    let map = "connections:member=2,other=3";
    assert_eq!(
        dump.map(map).error(),
        "connections.csv:2: column 2: \"y\" is not a number of 64 bits"
    );
    let dump = Dump::of_connections("1\t2\n\\.\n\n3\t4\n").copy(false);
    assert_eq!(
        dump.skip().map("connections:member=1,other=2").error(),
        "connections.csv:4: rows after the end of rows (\\.)"
    );
}

#[test]
fn edge_lists_may_have_comments() {
    let edges = "# Undirected graph: \"x\"\n# FromNodeId\tToNodeId\n1\t2\n# \"\n2\t3\n";
    let dump = Dump::of_connections(edges)
        .delimiter(b'\t')
        .without_header()
        .map("connections:member=1,other=2");
    assert_eq!(rows(&dump.build().snapshot).len(), 3);
    let dump = Dump::of_connections("#\n\n# x\nmember_id,other_id\n1,2\n#1,3\n1,x\n");
    assert_eq!(
        dump.error(),
        "connections.csv:7: column 2: \"x\" is not a number of 64 bits"
    );
    let dump = Dump::of_connections("#\nmember,other_id\n");
    assert_eq!(
        dump.error(),
        "connections.csv:2: no column \"member_id\" for member; the header has member, other_id"
    );
}
