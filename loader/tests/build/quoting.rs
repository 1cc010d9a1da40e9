//! Quotes and escapes: text behind a closing quote and quotes that are never closed are refused, in
//! columns that are read and in others; files without quoting and with escapes are read as such.

use crate::dump::{Dump, profiles, rows};

const BEHIND: &str = "(a quote in quotes is doubled; else --quote none or --escape)";
const UNCLOSED: &str = "a quote is not closed before the end of the file \
                        (files without quoting: --quote none)";

fn members(rows: &str) -> Dump {
    Dump::new().members("m.csv", format!("member_id,given_name,headline\n{rows}"))
}

fn connections(rows: &str) -> Dump {
    Dump::new().connections(
        "c.csv",
        format!("member_id,other_id,connected_at,note\n{rows}"),
    )
}

#[test]
fn quotes_that_do_not_fit_are_refused() {
    let behind = |file: &str, line: u64, column: u64, below: &str| {
        format!("{file}:{line}: column {column}: text behind a closing quote{below} {BEHIND}")
    };
    let unclosed =
        |file: &str, line: u64, column: u64| format!("{file}:{line}: column {column}: {UNCLOSED}");
    for (dump, expected) in [
        (members("1,Ann,\"Best\" coder\n"), behind("m.csv", 2, 3, "")),
        (
            members("1,\"Jo\" Ann,x\n2,Bob,\n"),
            behind("m.csv", 2, 2, ""),
        ),
        (
            members("1,A,x\n2,Cy,\"unclosed\n3,Di,fine\n4,Ed,\"again\n5,Flo,ok\n"),
            behind("m.csv", 3, 3, ", 2 lines below"),
        ),
        (
            members("1,A,\"p/a soft\\\"\n2,B,\"says \\\"hi\\\" x\"\n"),
            behind("m.csv", 3, 3, ""),
        ),
        (
            members("1,Ann,\"Ruby\n2,Bob,plain\n"),
            unclosed("m.csv", 2, 3),
        ),
        (members("1,Ann,\"Ruby\"\"\n"), unclosed("m.csv", 2, 3)),
        (members("1,Ann,\""), unclosed("m.csv", 2, 3)),
        (
            connections("1,2,,\"hi\n2,3,,plain\n3,4,,\"yo\n4,5,,end\n"),
            behind("c.csv", 2, 4, ", 2 lines below"),
        ),
        (connections("1,2,,\"hi\" you\n"), behind("c.csv", 2, 4, "")),
        (
            connections("1,2,,x\n2,3,,\"plain\n3,4,,\n"),
            unclosed("c.csv", 3, 4),
        ),
        (
            connections("1,2,,\"a\"\n\"2\" ,3,,\n"),
            behind("c.csv", 3, 1, ""),
        ),
        (
            Dump::of_connections("member_id\tother_id\tnote\n1\t2\t\"Ruby\n2\t3\tx\n3\t4\t\"Go\n")
                .delimiter(b'\t'),
            behind("connections.csv", 2, 3, ", 2 lines below"),
        ),
    ] {
        assert_eq!(dump.error(), expected);
    }
}

/// A bad row takes the lines that it has for every reader of CSV: no text in quotes becomes a row,
/// and all of it is listed.
#[test]
fn rows_that_are_skipped_are_set_aside_whole() {
    let dump = connections(
        "1,2,,\"multi\n3,4,,line\" tail\n5,6,,\"a \"\"b\"\"\"\n7,8,,\"c\" d\n9,10,,x\n\
         11,12,,\"open\n13,14,,\n",
    );
    let dump = dump.skip();
    let summary = dump.build();
    let members: Vec<_> = rows(&summary.snapshot).into_keys().collect();
    assert_eq!(members, [5, 6, 9, 10]);
    assert_eq!(
        dump.rejects(),
        format!(
            "file,line,reason,row\n\
             c.csv,2,\"column 4: text behind a closing quote, on the next line {BEHIND}\",\
             \"1,2,,\"\"multi\n3,4,,line\"\" tail\"\n\
             c.csv,5,column 4: text behind a closing quote {BEHIND},\"7,8,,\"\"c\"\" d\"\n\
             c.csv,7,column 4: {UNCLOSED},\"11,12,,\"\"open\n13,14,,\"\n"
        )
    );
    let too_long = format!("1,2,,x\n2,3,,\"y\n{}", "3,4,,\n".repeat(1 << 18));
    assert_eq!(
        connections(&too_long).skip().error(),
        "c.csv:3: column 4: a quote that is not closed within 1 MiB \
         (files without quoting: --quote none)"
    );
}

#[test]
fn files_without_quoting_are_read_as_they_are() {
    let rows_of =
        "1,Ann,\"Best\" coder\n2,Bob,\"5\" disks\n3,\"Cy,\"unclosed\n4,Di,say \"\"hi\"\"\n";
    let dump = members(rows_of).quote(None);
    let summary = dump.build();
    let headlines = profiles(&summary.snapshot)
        .into_iter()
        .map(|profile| profile.member.unwrap().headline);
    assert_eq!(
        headlines.collect::<Vec<_>>(),
        [
            "\"Best\" coder",
            "\"5\" disks",
            "\"unclosed",
            "say \"\"hi\"\""
        ]
    );
    let summary = connections("1,2,,\"hi\n2,3,,plain\n3,4,,\"yo\n4,5,,end\n")
        .quote(None)
        .build();
    assert_eq!(summary.manifest.connections, 4);
    let summary = connections("'1',2,,'a,\nb'\n2,3,,\"yo\n")
        .quote(Some(b'\''))
        .build();
    assert_eq!(summary.manifest.connections, 2);
}

#[test]
fn files_with_escapes_are_read_as_they_are() {
    let dump =
        members("1,Ann,\"says \\\"hi\\\" x\"\n2,\\N,a\\,b\n3,\"C\\\ny\",\"\\\\\"\n").escape(b'\\');
    let summary = dump.build();
    let texts = profiles(&summary.snapshot).into_iter().map(|profile| {
        let member = profile.member.unwrap();
        (member.given_name, member.headline)
    });
    let texts: Vec<_> = texts.collect();
    let texts: Vec<_> = texts
        .iter()
        .map(|(name, headline)| (name.as_str(), headline.as_str()))
        .collect();
    assert_eq!(
        texts,
        [("Ann", "says \"hi\" x"), ("", "a,b"), ("C\ny", "\\")]
    );

    let summary = connections("1,2,\\N,a\\,b\n2,3,,\"\\\"\"\n3,4,,\\\"\n")
        .escape(b'\\')
        .build();
    assert_eq!(summary.manifest.connections, 3);

    for (dump, expected) in [
        (
            members("1,Ann,\"p/a soft\\\"\n2,Bob,\"says x\"\n"),
            format!("m.csv:2: column 3: text behind a closing quote, on the next line {BEHIND}"),
        ),
        (
            connections("1,2,,a\\nb\n"),
            "c.csv:2: column 4: an escape before \"n\" (only the delimiter, the quote, the escape \
             itself and line breaks in quotes are escaped)"
                .to_owned(),
        ),
        (
            connections("1,2,,a\\\n3,4,,\n"),
            "c.csv:2: a line that ends with a backslash or another escape".to_owned(),
        ),
    ] {
        assert_eq!(dump.escape(b'\\').error(), expected);
    }
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    for dump in [
        connections("1,2,,\n").escape(b','),
        connections("1,2,,\n").quote(Some(b',')),
        connections("1,2,,\n").quote(Some(b'1')),
        connections("1,2,,\n").quote(Some(b'\'')).escape(b'\''),
        connections("1,2,,\n").escape(b'#'),
    ] {
        let error = dump.error();
        assert!(
            error.starts_with("the delimiter, the quote and the escape are three different"),
            "{error}"
        );
    }
}
