//! Each kind of bad row stops the build with its file, line and reason, and leaves no snapshot.

use std::fs;

use crate::dump::Dump;

fn check(dump: Dump, expected: &str) {
    assert_eq!(dump.error(), expected);
    let left: Vec<_> = fs::read_dir(&dump.options.out)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "LOCK")
        .collect();
    assert!(left.is_empty(), "{left:?} is left of {expected}");
}

fn connections(rows: impl AsRef<[u8]>) -> Dump {
    Dump::of_connections([b"member_id,other_id,connected_at\n", rows.as_ref()].concat())
}

fn members(rows: impl AsRef<[u8]>) -> Dump {
    Dump::new().members(
        "members.csv",
        [b"member_id,given_name,skills\n", rows.as_ref()].concat(),
    )
}

fn positions(rows: &str) -> Dump {
    members("1,,\n2,,\n").positions(
        "positions.csv",
        format!("member_id,position_id,kind,from,current\n{rows}"),
    )
}

#[test]
fn bad_connections() {
    const T: &str = "2020-01-01T00:00:00Z";
    let long = format!("1,2,{T}\n3,4,{}\n", "x".repeat(1 << 20));
    let endless = format!("1,2,{T}\n\"3,4,{}\n", "x\n".repeat(1 << 20));
    for (rows, expected) in [
        (
            format!("1,2,{T}\nx,2,{T}\n"),
            "connections.csv:3: column 1: \"x\" is not a number of 64 bits",
        ),
        (
            format!("1,2,{T}\n\n\n1,,{T}\n"),
            "connections.csv:5: column 2: \"\" is not a number of 64 bits",
        ),
        (
            format!("1,2,{T}\n1,2\n"),
            "connections.csv:3: 2 fields, 3 are needed",
        ),
        (
            format!("1,2,{T}\r\n0,2,{T}\r\n"),
            "connections.csv:3: column 1: an id is never 0 (for ids from 0: --id-offset 1)",
        ),
        (
            format!("1,0,{T}"),
            "connections.csv:2: column 2: an id is never 0 (for ids from 0: --id-offset 1)",
        ),
        (
            "1,2,1969-12-31T23:00:00Z".into(),
            "connections.csv:2: column 3: the time 1969-12-31T23:00:00Z is before 1970",
        ),
        (
            "1,2,yesterday".into(),
            "connections.csv:2: column 3: \"yesterday\" is not a time in rfc3339",
        ),
        (
            format!("\"1\",2,{T}\n\n1,\"y\",{T}\n"),
            "connections.csv:4: column 2: \"y\" is not a number of 64 bits",
        ),
        (
            format!("1,2,{T}\n\"1\",\"2\"\n"),
            "connections.csv:3: 2 fields, 3 are needed",
        ),
        (
            format!("1,2,{T}\n\"3\",4,\"{T}\n5,6,{T}\n"),
            "connections.csv:3: column 3: a quote is not closed before the end of the file \
             (files without quoting: --quote none)",
        ),
        (long, "connections.csv:3: a line of more than 1 MiB"),
        (
            endless,
            "connections.csv:3: column 1: a quote that is not closed within 1 MiB \
             (files without quoting: --quote none)",
        ),
    ] {
        check(connections(rows), expected);
    }
    check(
        connections("1,2,-7\n").map("connections:member=1,other=2,time=3:ms"),
        "connections.csv:2: column 3: the time -7 is before 1970",
    );
    check(
        connections("1,2,\n").connections("more.csv", "member_id,other_id\n1,2\n3,x\n"),
        "more.csv:3: column 2: \"x\" is not a number of 64 bits",
    );
}

#[test]
fn bad_members() {
    check(
        members("1,,\n\nx,,\n"),
        "members.csv:4: column 1: member_id: \"x\" is not a number of 64 bits",
    );
    check(
        members("0,,\n"),
        "members.csv:2: column 1: an id is never 0 (for ids from 0: --id-offset 1)",
    );
    check(
        members("1,,\n2,\n"),
        "members.csv:3: 2 fields, 3 are expected (is a delimiter in a field not quoted?)",
    );
    check(
        members("1,,\n2,,,\n"),
        "members.csv:3: 4 fields, 3 are expected (is a delimiter in a field not quoted?)",
    );
    check(
        members("1,,\n2,\"Ada,\n3,Eve,\n"),
        "members.csv:3: column 2: a quote is not closed before the end of the file \
         (files without quoting: --quote none)",
    );
    check(
        members("1,,\n2,,\"a\n3,Eve,b\n"),
        "members.csv:3: column 3: a quote is not closed before the end of the file \
         (files without quoting: --quote none)",
    );
    check(
        members(format!("1,,\n2,{},\n", "x".repeat(1 << 20))),
        "members.csv:3: a line of more than 1 MiB",
    );
    let differs = members("2,Eve,\n1,Ada,\n")
        .members("more.csv", "member_id,given_name\n3,Eva\n1,Ada\n2,Eva\n");
    check(
        differs,
        "more.csv:4: member 2 has other content at members.csv:2",
    );
}

#[test]
fn bad_positions() {
    check(
        positions("1,1,,,\n2,0,,,\n"),
        "positions.csv:3: column 2: position_id: is 0",
    );
    check(
        positions("1,1,,,\n2,,play,,\n"),
        "positions.csv:3: column 3: kind: \"play\" is none of work, education",
    );
    check(
        positions("1,1,,98,\n"),
        "positions.csv:2: column 4: from: \"98\" is not YYYY, YYYY-MM or YYYY-MM-DD",
    );
    check(
        positions("1,1,,,no\n"),
        "positions.csv:2: column 5: current: \"no\" is none of true, false",
    );
    check(
        positions("1,1,,2001,\n1,2,,,\n1,1,,2002,\n"),
        "positions.csv:4: position 1 of member 1 has other content at positions.csv:2",
    );
}

#[test]
fn texts_have_the_limits_of_the_log() {
    check(
        members(format!("1,,\n2,{},\n", "x".repeat(1025))),
        "members.csv:3: column 2: given_name: is 1025 bytes, more than 1024",
    );
    let rows = format!("member_id,title\n1,{}\n", "é".repeat(513));
    check(
        members("1,,\n").positions("positions.csv", rows),
        "positions.csv:2: column 2: title: is 1026 bytes, more than 1024",
    );
}

#[test]
fn strangers_are_named() {
    for stranger in [1, 5, 99] {
        let rows = format!("member_id,other_id\n2,6\n6,{stranger}\n");
        check(
            Dump::new()
                .members("members.csv", "member_id\n2\n6\n")
                .connections("connections.csv", rows),
            &format!("connections.csv:3: member {stranger} is not in the members files"),
        );
        check(
            Dump::new()
                .members("members.csv", "member_id\n2\n6\n")
                .positions(
                    "positions.csv",
                    format!("member_id,title\n2,\n{stranger},\n"),
                ),
            &format!("positions.csv:3: member {stranger} is not in the members files"),
        );
    }
}

/// Bad rows in several of many blocks, read by two workers: the error names the first.
#[test]
fn the_first_of_several_bad_rows_is_named() {
    let mut rows = String::from("member_id,other_id\n");
    let mut bad = Vec::new();
    for line in 2..2_000_000 {
        if line % 400_000 == 7 {
            bad.push(line);
            rows.push_str("1,x\n");
        } else {
            rows.push_str("123456,1234567\n");
        }
    }
    for _ in 0..3 {
        check(
            Dump::of_connections(&rows),
            &format!(
                "connections.csv:{}: column 2: \"x\" is not a number of 64 bits",
                bad[0]
            ),
        );
    }
}
