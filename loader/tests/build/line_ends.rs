//! A line ends at LF, at CR LF or at a CR alone: the same rows make the same snapshot.

use crate::dump::{Dump, profiles, rows};

const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\r"];

fn connections() -> [&'static str; 4] {
    [
        "member_id,other_id,connected_at",
        "1,2,2010-04-24T05:12:27Z",
        "2,3,2010-04-24T05:12:27Z",
        "3,4,",
    ]
}

#[test]
fn connections_are_the_same_with_every_line_end() {
    let expected = Dump::of_connections(connections().join("\n")).build();
    assert_eq!(expected.connection_rows, 3);
    for line_end in LINE_ENDS {
        let text = connections().join(line_end) + line_end;
        let copy = text
            .replace(",\r", ",\\N\r")
            .replace(",\n", ",\\N\n")
            .replace(',', "\t");
        let (header, body) = text.split_once(line_end).unwrap();
        let columns = "connections:member=1,other=2,time=3";
        for (name, dump) in [
            ("header", Dump::of_connections(&text)),
            ("cut", Dump::of_connections(text.trim_end())),
            (
                "quoted",
                Dump::of_connections(text.replace("2,3", "\"2\",\"3\"")),
            ),
            (
                "blank",
                Dump::of_connections(text.replace(line_end, &line_end.repeat(2))),
            ),
            (
                "comment",
                Dump::of_connections(format!("# \"{line_end}{text}#{line_end}")),
            ),
            ("copy", Dump::of_connections(&copy).copy(true)),
            (
                "end of copy",
                Dump::of_connections(format!("{copy}\\.{line_end}")).copy(true),
            ),
            (
                "no header",
                Dump::of_connections(body).without_header().map(columns),
            ),
            (
                "header in LF",
                Dump::of_connections(format!("{header}\n{body}")),
            ),
        ] {
            let summary = dump.build();
            assert_eq!(
                summary.manifest, expected.manifest,
                "{name} with {line_end:?}"
            );
            assert_eq!(summary.connection_rows, 3, "{name} with {line_end:?}");
        }
    }
}

#[test]
fn a_file_may_mix_line_ends() {
    let dump = Dump::new()
        .members(
            "m.csv",
            "member_id,given_name\r1,Ann\r2,\"B\rob\r\n\"\r\n3,Cy\n4,\r\r\n\n5,Ed",
        )
        .positions("p.csv", "member_id,title\r1,a\n\"2\",\"b\r\"\r\r3,c\r\n")
        .connections("c.csv", "member_id,other_id\r1,2\r\n\"2\",3\r3,4\n4,5\r");
    let summary = dump.build();
    let manifest = &summary.manifest;
    assert_eq!((manifest.members, manifest.connections), (5, 4));
    assert_eq!(summary.positions, 3);
    let names = profiles(&summary.snapshot)
        .into_iter()
        .map(|profile| profile.member.unwrap().given_name);
    // The rules of profiles trim what surrounds a text.
    assert_eq!(names.collect::<Vec<_>>(), ["Ann", "B\rob", "Cy", "", "Ed"]);
}

#[test]
fn many_blocks_of_lines_that_end_in_a_return() {
    let ring: String = (1..400_000)
        .map(|id| format!("{id},{}\r", id + 1))
        .collect();
    let dump = Dump::of_connections(format!("member_id,other_id\r{ring}"));
    let summary = dump.build();
    assert_eq!(summary.connection_rows, 399_999);
    assert_eq!(rows(&summary.snapshot).len(), 400_000);
    let error = Dump::of_connections(format!("member_id,other_id\r{ring}x,1\r")).error();
    assert_eq!(
        error,
        "connections.csv:400001: column 1: \"x\" is not a number of 64 bits"
    );
}

#[test]
fn lines_are_counted_with_every_line_end() {
    for line_end in LINE_ENDS {
        for quote in ["", "\""] {
            let text = ["member_id,other_id", "1,2", "", "#", "2,3", "4,x"].join(line_end);
            let text = text.replace("2,3", &format!("{quote}2{quote},3"));
            let dump = Dump::of_connections(text).skip();
            dump.build();
            assert_eq!(
                dump.rejects(),
                "file,line,reason,row\n\
                 connections.csv,6,\"column 2: \"\"x\"\" is not a number of 64 bits\",\"4,x\"\n"
            );
        }
    }
}
