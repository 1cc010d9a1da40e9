//! Ids of members: from 1 on, without leading zeros, with an offset for dumps that count from 0;
//! and members who are connected with themselves alone.

use crate::dump::{Dump, members_by_node, rows};

const ZERO: &str = "an id is never 0 (for ids from 0: --id-offset 1)";

fn edges(text: &str) -> Dump {
    Dump::of_connections(text)
        .delimiter(b'\t')
        .without_header()
        .map("connections:member=1,other=2")
}

#[test]
fn ids_from_0_have_a_way_in() {
    let text = "# Directed graph: x\n# FromNodeId\tToNodeId\n0\t1\n1\t2\n\"2\"\t3\n";
    assert_eq!(
        edges(text).error(),
        format!("connections.csv:3: column 1: {ZERO}")
    );
    let mut dump = edges(text);
    dump.options.id_offset = 1;
    let summary = dump.build();
    assert_eq!(members_by_node(&summary.snapshot), [1, 2, 3, 4]);
    assert_eq!(summary.manifest.connections, 3);

    let site = || {
        Dump::new()
            .members("m.csv", "member_id,given_name\n0,Ann\n1,Bob\n7,Cy\n")
            .positions("p.csv", "member_id,position_id,title\n0,1,x\n7,,y\n")
            .connections("c.csv", "member_id,other_id\n0,7\n1,0\n")
    };
    assert_eq!(site().error(), format!("m.csv:2: column 1: {ZERO}"));
    for offset in [1, 1_000, u64::MAX - 7] {
        let mut dump = site();
        dump.options.id_offset = offset;
        let summary = dump.build();
        let ids = [0, 1, 7].map(|id| id + offset);
        let connections: Vec<_> = rows(&summary.snapshot)
            .into_iter()
            .map(|(id, row)| (id, row.into_keys().collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            connections,
            [
                (ids[0], vec![ids[1], ids[2]]),
                (ids[1], vec![ids[0]]),
                (ids[2], vec![ids[0]])
            ]
        );
        assert_eq!(summary.positions, 2);
    }
    let mut dump = site();
    dump.options.id_offset = u64::MAX - 6;
    assert_eq!(
        dump.error(),
        "m.csv:4: column 1: \"7\" with --id-offset 18446744073709551609 is more than 64 bits hold"
    );
    // A row of data that would be lost if it were read as a header.
    let mut dump = Dump::of_connections("0,1\n1,2\n").map("connections:member=1,other=2");
    dump.options.id_offset = 1;
    assert_eq!(
        dump.error(),
        "connections.csv:1: the header row holds ids in the mapped columns: if it is data, use \
         --no-header; if not, delete it"
    );
}

#[test]
fn an_id_has_no_leading_zeros() {
    let zeros = |place: &str, found: &str| {
        format!("{place}\"{found}\" begins with 0: an id has no leading zeros")
    };
    for (dump, expected) in [
        (
            Dump::of_connections("member_id,other_id\n007,2\n7,8\n"),
            zeros("connections.csv:2: column 1: ", "007"),
        ),
        (
            Dump::of_connections("member_id,other_id\n7,8\n\"7\",\"08\"\n"),
            zeros("connections.csv:3: column 2: ", "08"),
        ),
        (
            Dump::of_connections("member_id\tother_id\n7\t8\n7\t00\n").copy(true),
            zeros("connections.csv:3: column 2: ", "00"),
        ),
        (
            Dump::new().members("m.csv", "member_id\n7\n007\n"),
            zeros("m.csv:3: column 1: member_id: ", "007"),
        ),
        (
            Dump::new()
                .members("m.csv", "member_id\n7\n")
                .positions("p.csv", "member_id,position_id\n7,01\n"),
            zeros("p.csv:2: column 2: position_id: ", "01"),
        ),
    ] {
        assert_eq!(dump.error(), expected);
    }
}

/// A connection of a member with itself is no connection, and makes no member.
#[test]
fn members_who_are_connected_with_themselves_alone_are_counted() {
    let dump = Dump::of_connections("member_id,other_id\n5,5\n7,8\n6,6\n8,8\n5,5\n");
    let summary = dump.build();
    assert_eq!(members_by_node(&summary.snapshot), [7, 8]);
    assert_eq!(summary.dropped.connections_with_themselves, 4);
    assert_eq!(
        (
            summary.dropped.members.count,
            summary.dropped.members.is_least
        ),
        (2, false)
    );
    let printed = summary.to_string();
    for line in [
        "dropped      4 connections of a member with itself\n",
        "dropped      2 members who are connected with themselves alone\n",
    ] {
        assert!(printed.contains(line), "{printed}");
    }

    let none = Dump::of_connections("member_id,other_id\n5,5\n").build();
    assert_eq!((none.manifest.members, none.dropped.members.count), (0, 1));

    // With members files, such a member exists because of its row, and a stranger is refused.
    let site = |loops: &str| {
        Dump::new()
            .members("m.csv", "member_id\n5\n7\n")
            .connections("c.csv", format!("member_id,other_id\n{loops}"))
    };
    let summary = site("5,5\n").build();
    assert_eq!(
        (summary.manifest.members, summary.dropped.members.count),
        (2, 0)
    );
    assert_eq!(
        site("7,7\n6,6\n").error(),
        "c.csv:3: member 6 is not in the members files"
    );

    let many: String = (1..=1_500_000).map(|id| format!("{id},{id}\n")).collect();
    let summary = Dump::of_connections(format!("member_id,other_id\n{many}1,2\n")).build();
    let members = summary.dropped.members;
    assert!(
        members.count > 500_000 && members.count < 1_500_000,
        "{members:?}"
    );
    assert_eq!(summary.dropped.connections_with_themselves, 1_500_000);
    assert!(
        summary.to_string().contains("dropped      at least "),
        "{summary}"
    );
}
