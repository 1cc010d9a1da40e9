//! With `--on-error skip` a build skips bad rows and lists them beside the snapshot.

use std::fs;
use std::path::Path;
use std::process::Command;

use loader::NodeOrder;

use crate::dump::{Dump, rows};

fn names(site: &Path) -> Vec<String> {
    let entries = fs::read_dir(site).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn bad_rows_of_every_kind_are_listed_in_order() {
    let long = format!("5,{}", "x".repeat(1 << 20));
    let dump = Dump::new()
        .skip()
        .members(
            "members.csv",
            [
                b"member_id,given_name\n1,Ada\nx,Eve\n2,\xff\n3,\"E\nva\"\n4\n4,Joe\n0,\"a\nb\"\n",
                long.as_bytes(),
            ]
            .concat(),
        )
        .positions("positions.csv", "member_id,kind\n9,\n3,work\n2,\n3,play\n")
        .connections("a.csv", "member_id,other_id\n1,3\n1,9\n\n4,x\n3,4\n")
        .connections("b.csv", "member_id,other_id\n\"1\",\"4\"\n\"8\",1\n1\n");
    let summary = dump.build();
    assert_eq!((summary.manifest.members, summary.positions), (3, 1));
    let connections: Vec<_> = rows(&summary.snapshot)
        .into_iter()
        .map(|(id, row)| (id, row.into_keys().collect::<Vec<_>>()))
        .collect();
    assert_eq!(
        connections,
        [(1, vec![3, 4]), (3, vec![1, 4]), (4, vec![1, 3])]
    );
    assert_eq!(summary.connection_rows, 7);
    let rejected = summary.rejected.as_ref().unwrap();
    assert_eq!(rejected.list, dump.options.out.join("rejects.csv"));
    assert!(
        summary
            .to_string()
            .contains("rejected     12 rows, listed in "),
        "{summary}"
    );
    let cut = &long[..1 << 20];
    let latin = "invalid UTF-8: the byte 0xFF (Latin-1 or Windows-1252? \
                 iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW converts it)";
    let expected = format!(
        "file,line,reason,row\n\
         members.csv,3,\"column 1: member_id: \"\"x\"\" is not a number of 64 bits\",\"x,Eve\"\n\
         members.csv,4,{latin},\"2,\u{fffd}\"\n\
         members.csv,7,\"1 fields, 2 are expected (is a delimiter in a field not quoted?)\",4\n\
         members.csv,9,column 1: an id is never 0 (for ids from 0: --id-offset 1),\
         \"0,\"\"a\nb\"\"\"\n\
         members.csv,11,a line of more than 1 MiB,\"{cut}\"\n\
         positions.csv,2,member 9 is not in the members files,\"9,\"\n\
         positions.csv,4,member 2 is not in the members files,\"2,\"\n\
         positions.csv,5,\"column 2: kind: \"\"play\"\" is none of work, education\",\"3,play\"\n\
         a.csv,3,member 9 is not in the members files,\"1,9\"\n\
         a.csv,5,\"column 2: \"\"x\"\" is not a number of 64 bits\",\"4,x\"\n\
         b.csv,3,member 8 is not in the members files,\"\"\"8\"\",1\"\n\
         b.csv,4,\"1 fields, 2 are needed\",1\n"
    );
    assert!(
        dump.rejects() == expected,
        "{}",
        dump.rejects().replace(cut, "…")
    );
    assert_eq!(rejected.rows, 12);
}

/// Profiles are read more than once, and in an order of nodes that is not that of the member ids.
#[test]
fn a_position_of_a_stranger_is_listed_once() {
    for order in [NodeOrder::Id, NodeOrder::Community] {
        let dump = Dump::new()
            .skip()
            .order(order)
            .members("members.csv", "member_id\n2\n4\n6\n8\n")
            .connections("connections.csv", "member_id,other_id\n2,8\n8,6\n")
            .positions("positions.csv", "member_id,title\n9,\n1,\n4,x\n5,\n9,\n");
        let summary = dump.build();
        assert_eq!((summary.positions, summary.manifest.members), (1, 4));
        let expected = [(2, 9), (3, 1), (5, 5), (6, 9)].map(|(line, member)| {
            format!(
                "positions.csv,{line},member {member} is not in the members files,\"{member},\"\n"
            )
        });
        let expected = format!("file,line,reason,row\n{}", expected.concat());
        assert_eq!(dump.rejects(), expected, "{order:?}");
    }
}

/// The limit is exceeded by bytes, by rows and by positions. The snapshot is the same for any order
/// of the rows.
#[test]
fn positions_that_are_too_many_for_a_profile_are_left_out() {
    let long = "x".repeat(1024);
    let of_1: Vec<String> = (1..=16_400).map(|id| format!("1,{id},{long}\n")).collect();
    let of_3: Vec<String> = (0..=100_000).map(|_| "3,,\n".to_owned()).collect();
    let of_4: Vec<String> = (1..=1_001).map(|id| format!("4,{id},x\n")).collect();
    for (rows, first_too_many) in [(&of_1, 16_010), (&of_3, 100_002), (&of_4, 1_002)] {
        let dump = |rows: &mut dyn Iterator<Item = &String>| {
            let rows: String = rows.map(String::as_str).collect();
            Dump::new()
                .members("members.csv", "member_id\n1\n2\n3\n4\n")
                .positions(
                    "positions.csv",
                    format!("member_id,position_id,title\n{rows}2,7,kept\n"),
                )
        };
        let member = &rows[0][..1];
        let reason = format!(
            "the positions of member {member} are more than 1000, \
             or 100000 rows with repeats, or 2097152 bytes with the member's own"
        );
        let error = dump(&mut rows.iter()).error();
        assert_eq!(error, format!("positions.csv:{first_too_many}: {reason}"));
        for order in [NodeOrder::Id, NodeOrder::Community] {
            let forward = dump(&mut rows.iter()).skip().order(order);
            let backward = dump(&mut rows.iter().rev()).skip().order(order);
            let (one, other) = (forward.build(), backward.build());
            assert_eq!(one.positions, 1);
            assert_eq!(one.lineage_id(), other.lineage_id());
            for (dump, summary) in [(&forward, &one), (&backward, &other)] {
                let rejected = summary.rejected.as_ref().map(|rejected| rejected.rows);
                assert_eq!(rejected, Some(rows.len() as u64));
                assert_eq!(dump.rejects().matches(&reason).count(), rows.len());
            }
        }
    }
}

/// There are many blocks, and one worker or several.
#[test]
fn the_list_does_not_depend_on_the_threads() {
    let mut text = String::from("member_id,other_id\n");
    let mut expected = String::from("file,line,reason,row\n");
    for line in 2..1_500_000 {
        if line % 100_003 == 7 {
            text.push_str("1,x\n");
            expected += &format!(
                "connections.csv,{line},\
                 \"column 2: \"\"x\"\" is not a number of 64 bits\",\"1,x\"\n"
            );
        } else {
            text.push_str("123456,1234567\n");
        }
    }
    for threads in ["1", "2", "5"] {
        let dump = Dump::of_connections(&text);
        let output = Command::new(env!("CARGO_BIN_EXE_loader"))
            .env("RAYON_NUM_THREADS", threads)
            .args(["build", "--on-error", "skip", "--connections"])
            .args(&dump.options.connections)
            .arg("--out")
            .arg(&dump.options.out)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let summary = String::from_utf8(output.stdout).unwrap();
        assert!(
            summary.contains("rejected     15 rows, listed in "),
            "{summary}"
        );
        assert_eq!(dump.rejects(), expected, "{threads} threads");
    }
}

#[test]
fn contradictions_stop_a_build_all_the_same() {
    let dump = Dump::new()
        .skip()
        .members("members.csv", "member_id,given_name\n1,Ada\nx,\n1,Eve\n");
    assert_eq!(
        dump.error(),
        "members.csv:4: member 1 has other content at members.csv:2"
    );
    assert_eq!(names(&dump.options.out), ["LOCK"]);
}

#[test]
fn a_list_belongs_to_the_last_build() {
    let dump = Dump::of_connections("member_id,other_id\n1,2\n1,x\n").skip();
    let snapshot = dump.build().snapshot;
    assert_eq!(
        names(&dump.options.out),
        ["00000000000000000000", "LOCK", "rejects.csv"]
    );
    fs::remove_dir_all(snapshot).unwrap();
    fs::write(&dump.options.connections[0], "member_id,other_id\n1,2\n").unwrap();
    assert_eq!(dump.build().rejected, None);
    assert_eq!(names(&dump.options.out), ["00000000000000000000", "LOCK"]);
}
