//! Files that are not UTF-8 are refused as what they are, with the way to convert them, and no byte
//! of a file is echoed as it is.

use std::process::Command;

use crate::dump::Dump;

const MEMBERS: &str = "member_id;given_name\n1;Ann\n2;Bob\n";
const LATIN: &str = "(Latin-1 or Windows-1252? iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW converts \
                     it)";

fn wide(text: &str, bytes: usize, is_big: bool) -> Vec<u8> {
    let units = text.encode_utf16().map(u32::from);
    let encoded = units.flat_map(|unit| match is_big {
        true => unit.to_be_bytes()[4 - bytes..].to_vec(),
        false => unit.to_le_bytes()[..bytes].to_vec(),
    });
    encoded.collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn wide_encodings_are_named_with_the_way_to_convert_them() {
    for (bytes, is_big, name) in [
        (2, false, "UTF-16LE"),
        (2, true, "UTF-16BE"),
        (4, false, "UTF-32LE"),
        (4, true, "UTF-32BE"),
    ] {
        let marked = wide(&format!("\u{feff}{MEMBERS}"), bytes, is_big);
        let name_with_mark = &name[..6];
        for (content, expected) in [
            (marked.clone(), format!("the file is {name_with_mark}")),
            (gzip(&marked), format!("the file is {name_with_mark}")),
            (
                wide(MEMBERS, bytes, is_big),
                format!("without a byte-order mark, the file seems to be {name}"),
            ),
            (
                wide("1,2\n3,4\n", bytes, is_big),
                format!("without a byte-order mark, the file seems to be {name}"),
            ),
        ] {
            let name = if expected.contains("seems") {
                name
            } else {
                name_with_mark
            };
            let expected = format!(
                "m.csv:1: {expected}, and a dump is UTF-8: iconv -f {name} -t UTF-8 FILE > NEW \
                 converts it"
            );
            for dump in [
                Dump::new().members("m.csv", &content).delimiter(b';'),
                Dump::new().members("m.csv", &content).skip(),
                Dump::new().connections("m.csv", &content).without_header(),
                Dump::new().members("m.csv", &content).copy(true),
            ] {
                assert_eq!(dump.error(), expected);
            }
        }
    }
}

#[test]
fn the_way_to_convert_works() {
    let dump = Dump::new();
    let (from, to) = (dump.path().join("FILE"), dump.path().join("NEW"));
    for (content, encoding) in [
        (wide(&format!("\u{feff}{MEMBERS}"), 2, false), "UTF-16"),
        (wide(&format!("\u{feff}{MEMBERS}"), 2, true), "UTF-16"),
        (wide(MEMBERS, 2, false), "UTF-16LE"),
        (
            b"member_id;given_name\n1;Jos\xe9\n2;x\n".to_vec(),
            "WINDOWS-1252",
        ),
    ] {
        std::fs::write(&from, content).unwrap();
        let output = Command::new("iconv")
            .args(["-f", encoding, "-t", "UTF-8"])
            .arg(&from)
            .output()
            .unwrap();
        std::fs::write(&to, output.stdout).unwrap();
        let converted = Dump::new().members("m.csv", std::fs::read(&to).unwrap());
        assert_eq!(converted.delimiter(b';').build().manifest.members, 2);
    }
}

#[test]
fn one_byte_encodings_are_guessed() {
    let expected = |place: &str, byte: &str| format!("{place}: invalid UTF-8: the byte {byte}");
    for (dump, place, byte) in [
        (
            Dump::new().members("m.csv", b"member_id,given_name\n1,Jos\xe9\n"),
            "m.csv:2",
            "0xE9",
        ),
        (
            Dump::of_connections(b"member_id,other_id,note\n1,2,\n1,3,\x80\n"),
            "connections.csv:3",
            "0x80",
        ),
        (
            Dump::of_connections(b"member_id,other_id,note\n1,2,\"x\"\n1,3,na\xefve\n"),
            "connections.csv:3",
            "0xEF",
        ),
        (
            Dump::of_connections(b"member_id,other_id,note\n1,2,\"\n\n\"\n1,3,\xff\n")
                .escape(b'\\'),
            "connections.csv:5",
            "0xFF",
        ),
        (
            Dump::new()
                .members("m", b"member_id\tgiven_name\n1\tJos\xe9\n")
                .copy(true),
            "m:2",
            "0xE9",
        ),
    ] {
        assert_eq!(dump.error(), format!("{} {LATIN}", expected(place, byte)));
    }
    let header = Dump::new().members("m.csv", b"member_id,pr\xe9nom\n1,x\n");
    assert_eq!(
        header.error(),
        format!("m.csv:1: the header row: invalid UTF-8: the byte 0xE9 {LATIN}")
    );
    // A text with other characters outside ASCII is damaged UTF-8.
    let damaged = Dump::new().members("m.csv", b"member_id,given_name\n1,Jos\xc3\xa9 \xc3\n");
    assert_eq!(damaged.error(), expected("m.csv:2", "0xC3"));
}

#[test]
fn a_second_byte_order_mark_is_named() {
    const FAULT: &str = "a byte-order mark (EF BB BF) before the row: a file has at most one, at \
                         its beginning (are there two, or were files joined?)";
    let text = "member_id,other_id\n1,2\n";
    let one = Dump::of_connections(format!("\u{feff}{text}")).build();
    assert_eq!(one.manifest.connections, 1);
    for (content, fault) in [
        (
            format!("\u{feff}\u{feff}{text}"),
            format!("connections.csv:1: the header row: {FAULT}"),
        ),
        (
            format!("\u{feff}{text}\u{feff}{text}"),
            format!("connections.csv:3: {FAULT}"),
        ),
        (
            format!("{text}\"1\",3\n\u{feff}3,4\n"),
            format!("connections.csv:4: {FAULT}"),
        ),
    ] {
        assert_eq!(Dump::of_connections(content).error(), fault);
    }
    let no_header = Dump::of_connections("\u{feff}\u{feff}1,2\n").without_header();
    assert_eq!(
        no_header.map("connections:member=1,other=2").error(),
        format!("connections.csv:1: {FAULT}")
    );
    // In a column that is not read, too.
    let joined = Dump::of_connections("note,member_id,other_id\nx,1,2\n\u{feff}y,2,3\n").skip();
    assert_eq!(joined.build().manifest.connections, 1);
    assert!(joined.rejects().contains(FAULT), "{}", joined.rejects());
}

/// Runs the program on a dump that it refuses, and returns its stderr.
fn stderr(kind: &str, content: &[u8]) -> String {
    let dump = Dump::new();
    let path = dump.path().join("rows");
    std::fs::write(&path, content).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_loader"))
        .args(["build", kind])
        .arg(&path)
        .arg("--out")
        .arg(&dump.options.out)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn no_error_echoes_raw_bytes_or_is_long() {
    let long = "\u{1b}[2J\u{7}x".repeat(1 << 15);
    let many = (0..2_000)
        .map(|at| format!("c\u{9b}{at}"))
        .collect::<Vec<_>>()
        .join(",");
    for (kind, content) in [
        ("--connections", format!("member_id,other_id\n{long},1\n")),
        ("--connections", format!("{long},other_id\n1,1\n")),
        ("--connections", format!("{many}\n1,1\n")),
        (
            "--connections",
            format!("member_id,other_id,connected_at\n1,2,{long}\n"),
        ),
        (
            "--connections",
            format!("member_id,other_id,connected_at\n1,2,\"{long}\"\n"),
        ),
        (
            "--connections",
            format!("member_id,other_id,member_id\n1,2,{long}\n"),
        ),
        ("--members", format!("member_id,given_name\n{long},x\n")),
        ("--members", format!("member_id,attributes\n1,{long}\n")),
        (
            "--members",
            format!("member_id,attributes\n1,\"{long}=1;{long}=2\"\n"),
        ),
        (
            "--members",
            format!("member_id,given_name\n1,\"x\"{long}\n"),
        ),
    ] {
        let stderr = stderr(kind, content.as_bytes());
        let errors: Vec<_> = stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{stderr:?}");
        assert!(
            errors[0].len() <= 1024,
            "{} bytes: {stderr:?}",
            errors[0].len()
        );
        let is_raw = |character: char| character.is_control() && character != '\n';
        assert!(!stderr.chars().any(is_raw), "{stderr:?}");
    }
}
