//! Random dumps with faults of all kinds in random places, compared with Python's csv module.
//!
//! Each dump is built twice. A build that stops at the first bad row names its file, line and
//! reason, or the file and what is wrong with the whole of it. A build that skips bad rows has
//! every other row as Python reads it, and lists each bad row with the line on which Python begins
//! it. 20 dumps are made, 200 with `CLOUD_TEST_LONG`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use loader::{Error, Summary};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value as Json, json};

use crate::dump::{Dump, profiles, rows};

/// The shape of a dump's files.
struct Format {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    unit: &'static str,
    has_members: bool,
    line_ends: &'static [&'static str],
}

/// A file as it would be without its packing, and as it is.
struct Content {
    plain: Vec<u8>,
    packed: Vec<u8>,
}

struct Case {
    seed: u64,
    format: Format,
    dump: Dump,
    /// The unpacked files, for Python.
    plain: Vec<PathBuf>,
}

const UNITS: [&str; 5] = ["ms", "s", "rfc3339", "utc", "Europe/Vienna"];
const TEXTS: [&str; 12] = [
    "",
    "Ann",
    "Jos\u{e9}",
    "\u{5bf8}\u{5bf8}",
    "a, b; c\tx|y",
    "say \"hi\"",
    "it's",
    "\"",
    "two\nlines",
    "back\\slash",
    "x\r\ny\rz",
    "\u{1f600} \u{feff}",
];

fn random_format(random: &mut StdRng) -> Format {
    let (quote, escape) = *[
        (Some(b'"'), None),
        (Some(b'"'), None),
        (Some(b'\''), None),
        (None, None),
        (Some(b'"'), Some(b'\\')),
        (None, Some(b'\\')),
    ]
    .choose(random)
    .unwrap();
    Format {
        delimiter: *b",;\t|".choose(random).unwrap(),
        quote,
        escape,
        unit: UNITS.choose(random).unwrap(),
        has_members: random.random(),
        line_ends: [&["\n"][..], &["\r\n"], &["\r"], &["\n", "\r\n", "\r"]]
            .choose(random)
            .unwrap(),
    }
}

/// Writes a field by the rules of the format. A text that it cannot have is left out.
fn field(format: &Format, text: &str, random: &mut StdRng, line: &mut Vec<u8>) {
    let special = |byte: u8| {
        Some(byte) == format.quote || Some(byte) == format.escape || byte == format.delimiter
    };
    let breaks = text.contains(['\n', '\r']);
    let needs = breaks || text.bytes().any(special);
    match format.quote {
        Some(quote) if needs || random.random_ratio(1, 4) => {
            line.push(quote);
            for byte in text.bytes() {
                if byte == quote && (format.escape.is_none() || random.random()) {
                    line.push(quote);
                } else if Some(byte) == format.quote || Some(byte) == format.escape {
                    line.extend(format.escape);
                }
                line.push(byte);
            }
            line.push(quote);
        }
        _ if breaks || (needs && format.escape.is_none()) => {}
        _ => {
            for byte in text.bytes() {
                if special(byte) {
                    line.extend(format.escape);
                }
                line.push(byte);
            }
        }
    }
}

fn time(unit: &str, random: &mut StdRng) -> String {
    let (day, hour) = (random.random_range(1..29), random.random_range(10..20));
    let (minute, milli) = (random.random_range(10..60), random.random_range(0..1000));
    let date = format!("{}-05-{day:02}", random.random_range(1980..2026));
    match unit {
        _ if random.random_ratio(1, 5) => String::new(),
        "ms" => random
            .random_range(1_000_000_000_000u64..1_700_000_000_000)
            .to_string(),
        "s" => random
            .random_range(1_000_000_000..1_700_000_000)
            .to_string(),
        "rfc3339" if random.random() => format!("{date}T{hour}:{minute}:07.{milli:03}Z"),
        "rfc3339" => format!("{date} {hour}:{minute}:07+05:30"),
        _ => format!("{date} {hour}:{minute}:07.{milli:03}"),
    }
}

/// Writes a file of rows, with faults of fields: ids and times that are none, fields too many or
/// too few.
fn rows_of(format: &Format, rows: Vec<Vec<String>>, faults: usize, random: &mut StdRng) -> Vec<u8> {
    const BAD_IDS: [&str; 7] = ["0", "007", "-1", "", "1.5", "18446744073709551616", "x"];
    const BAD_TIMES: [&str; 6] = [
        "2010-04-24",
        "2010-04-24 05:12:27",
        "yesterday",
        "2010-02-30T00:00:00Z",
        "99999999999999999",
        "1969-01-01T00:00:00Z",
    ];
    let mut rows = rows;
    for _ in 0..faults {
        let at = random.random_range(1..rows.len());
        let row = &mut rows[at];
        match random.random_range(0..5) {
            0 => row[0] = (*BAD_IDS.choose(random).unwrap()).to_owned(),
            1 => row[1] = (*BAD_IDS.choose(random).unwrap()).to_owned(),
            2 if row.len() > 2 => row[2] = (*BAD_TIMES.choose(random).unwrap()).to_owned(),
            3 => {
                row.pop();
            }
            _ => row.push("more".to_owned()),
        }
        if row.len() < 2 {
            row.push("x".to_owned());
        }
    }
    let mut bytes = Vec::new();
    for row in rows {
        for (at, text) in row.iter().enumerate() {
            if at > 0 {
                bytes.push(format.delimiter);
            }
            field(format, text, random, &mut bytes);
        }
        bytes.extend(format.line_ends.choose(random).unwrap().bytes());
        if random.random_ratio(1, 20) {
            bytes.extend(format.line_ends.choose(random).unwrap().bytes());
        }
    }
    bytes
}

/// Changes bytes in random places: quotes, line ends, bytes of other encodings, cuts.
fn spoil(format: &Format, bytes: &mut Vec<u8>, random: &mut StdRng) {
    let at = random.random_range(0..bytes.len());
    let quote = format.quote.unwrap_or(b'"');
    let inserted: &[u8] = match random.random_range(0..14) {
        0..4 => &[quote],
        4 => b"\r",
        5 => b"\n",
        6 => b"\xe9",
        7 => b"\xc3",
        8 => b"\xef\xbb\xbf",
        9 => b"\\",
        10 => &[format.delimiter],
        11 => b" ",
        12 => {
            bytes.truncate(at.max(1));
            return;
        }
        _ => {
            if let Some(at) = bytes.iter().rposition(|byte| *byte == quote) {
                bytes.remove(at);
            }
            return;
        }
    };
    bytes.splice(at..at, inserted.iter().copied());
}

/// Gives the whole file another encoding or packing, sometimes a wrong one.
fn packed(plain: Vec<u8>, random: &mut StdRng) -> Content {
    let mut plain = plain;
    let wide = |bytes: &[u8], is_big: bool| -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let pairs = text.encode_utf16().map(|unit| match is_big {
            true => unit.to_be_bytes(),
            false => unit.to_le_bytes(),
        });
        pairs.flatten().collect()
    };
    match random.random_range(0..60) {
        0 => plain = wide(&plain, random.random()),
        1 => plain = [&b"\xff\xfe"[..], &wide(&plain, false)].concat(),
        2 => plain = [b"\xef\xbb\xbf\xef\xbb\xbf", &plain[..]].concat(),
        3..9 => plain = [b"\xef\xbb\xbf", &plain[..]].concat(),
        _ => {}
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
    let packed = match random.random_range(0..60) {
        6..12 => gzip,
        12..18 => zstd,
        18..22 => [gzip, vec![0; random.random_range(1..2000)]].concat(),
        22..26 => [zstd, vec![0; random.random_range(1..2000)]].concat(),
        0 => [gzip, b"GARBAGE".to_vec()].concat(),
        1 => [zstd, b"\n".to_vec()].concat(),
        2 | 3 => gzip[..random.random_range(2..gzip.len())].to_vec(),
        4 | 5 => zstd[..random.random_range(4..zstd.len())].to_vec(),
        _ => plain.clone(),
    };
    Content { plain, packed }
}

fn case(seed: u64) -> Case {
    let random = &mut StdRng::seed_from_u64(seed);
    let format = random_format(random);
    let count = random.random_range(3..40);
    let text = |random: &mut StdRng| (*TEXTS.choose(random).unwrap()).to_owned();
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let mut members = vec![words(&["member_id", "given_name", "headline", "note"])];
    members.extend((1..=count).map(|id| {
        let id = id.to_string();
        vec![id, text(random), text(random), text(random)]
    }));
    let mut edges = vec![words(&["member_id", "other_id", "connected_at", "note"])];
    edges.extend((0..2 * count).map(|_| {
        let id = |random: &mut StdRng| random.random_range(1..=count).to_string();
        vec![
            id(random),
            id(random),
            time(format.unit, random),
            text(random),
        ]
    }));
    // Most files have no fault in their rows, or one.
    let mut write = |rows: Vec<Vec<String>>| {
        let mut faults =
            |max| random.random_range(0..=max) * usize::from(random.random_ratio(2, 5));
        let (fields, bytes) = (faults(2), faults(3));
        let mut plain = rows_of(&format, rows, fields, random);
        for _ in 0..bytes {
            spoil(&format, &mut plain, random);
        }
        packed(plain, random)
    };
    let (mut dump, mut plain) = (Dump::new(), Vec::new());
    let mut keep = |dump: &Dump, name: &str, content: &Content| {
        let path = dump.path().join(format!("plain-{name}"));
        fs::write(&path, &content.plain).unwrap();
        plain.push(path);
    };
    if format.has_members {
        let content = write(members);
        keep(&dump, "members", &content);
        dump = dump
            .members("members", content.packed)
            .map("members:member_id=member_id,given_name=given_name,headline=headline");
    }
    let content = write(edges);
    keep(&dump, "connections", &content);
    let dump = dump
        .connections("connections", content.packed)
        .map(&format!(
            "connections:member=member_id,other=other_id,time=connected_at:{}",
            format.unit
        ))
        .delimiter(format.delimiter)
        .quote(format.quote);
    let dump = match format.escape {
        Some(escape) => dump.escape(escape),
        None => dump,
    };
    Case {
        seed,
        format,
        dump,
        plain,
    }
}

/// Returns the records of each file of each case, as Python reads them.
fn read_by_python(cases: &[Case]) -> Option<Vec<Vec<Json>>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = std::env::var_os("CLOUD_PYTHON")
        .map_or_else(|| workspace.join("target/python/bin/python"), PathBuf::from);
    if !python.exists() {
        let missing = format!("{} is missing", python.display());
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "{missing}");
        eprintln!("NOT TESTED: {missing}; `make test` installs it");
        return None;
    }
    let character = |byte: u8| char::from(byte).to_string();
    let files = cases.iter().flat_map(|Case { format, plain, .. }| {
        plain.iter().map(|path| {
            json!({
                "path": path,
                "delimiter": character(format.delimiter),
                "quote": format.quote.map(character),
                "escape": format.escape.map(character),
                "unit": format.unit,
            })
        })
    });
    let files = Json::Array(files.collect());
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/build/random_dumps/reference.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(files.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A row as Python reads it.
struct Record<'a> {
    line: u64,
    fields: Vec<&'a str>,
    milliseconds: Vec<Option<i64>>,
    is_text: bool,
}

fn records(file: &[Json]) -> Vec<Record<'_>> {
    let record = |json: &'_ Json| Record {
        line: json["line"].as_u64().unwrap(),
        fields: Vec::new(),
        milliseconds: json["milliseconds"]
            .as_array()
            .unwrap()
            .iter()
            .map(Json::as_i64)
            .collect(),
        is_text: json["is_text"].as_bool().unwrap(),
    };
    file.iter()
        .map(|json| Record {
            fields: json["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| field.as_str().unwrap())
                .collect(),
            ..record(json)
        })
        .collect()
}

/// The rows that the build listed: file and line.
type Listed = BTreeSet<(String, u64)>;

fn listed(dump: &Dump, summary: &Summary) -> Listed {
    let Some(rejected) = &summary.rejected else {
        return Listed::new();
    };
    let rejects = dump.rejects();
    let mut list = csv::Reader::from_reader(rejects.as_bytes());
    let rows = list.records().map(|row| row.unwrap());
    let listed: Vec<_> = rows
        .map(|row| {
            assert!(!row[2].is_empty(), "{row:?}");
            (row[0].to_owned(), row[1].parse().unwrap())
        })
        .collect();
    assert_eq!(listed.len() as u64, rejected.rows);
    let distinct: Listed = listed.iter().cloned().collect();
    assert_eq!(distinct.len(), listed.len(), "{listed:?}");
    distinct
}

/// Checks that the snapshot has what Python reads, without the listed rows, and nothing else.
fn check_snapshot(case: &Case, summary: &Summary, listed: &Listed, files: &[Vec<Json>]) -> u64 {
    let seed = case.seed;
    let mut kept = 0;
    let mut rows_of = |file: &str, records: &[Json]| -> Vec<(Vec<String>, Vec<Option<i64>>)> {
        let records = self::records(records);
        let lines: BTreeSet<u64> = records.iter().map(|record| record.line).collect();
        for (_, line) in listed.iter().filter(|(of, _)| of == file) {
            assert!(
                lines.contains(line),
                "seed {seed}: {file}:{line} is no row of Python's"
            );
        }
        let rows = records.into_iter().skip(1);
        let rows = rows.filter(|record| !listed.contains(&(file.to_owned(), record.line)));
        let rows: Vec<_> = rows
            .map(|record| {
                assert!(
                    record.is_text,
                    "seed {seed}: {file}:{} is no text",
                    record.line
                );
                let fields = record.fields.into_iter().map(str::to_owned).collect();
                (fields, record.milliseconds)
            })
            .collect();
        kept += rows.len() as u64;
        rows
    };
    let (edges, members) = match files {
        [members, edges] => (edges, Some(rows_of("members", members))),
        [edges] => (edges, None),
        _ => unreachable!("one or two files"),
    };
    let edges = rows_of("connections", edges);
    let id = |text: &str| {
        text.trim()
            .parse::<u64>()
            .unwrap_or_else(|_| panic!("seed {seed}: {text:?}"))
    };
    let mut expected: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    for (fields, _) in members.iter().flatten() {
        expected.entry(id(&fields[0])).or_default();
    }
    for (fields, milliseconds) in &edges {
        let (member, other) = (id(&fields[0]), id(&fields[1]));
        let time = milliseconds[2].unwrap_or_else(|| panic!("seed {seed}: {fields:?}"));
        let time = u64::try_from(time).unwrap();
        if member == other {
            continue;
        }
        for (from, to) in [(member, other), (other, member)] {
            let known = expected.entry(from).or_default().entry(to).or_insert(time);
            // The earliest known time is kept.
            if *known == 0 || (time > 0 && time < *known) {
                *known = time;
            }
        }
    }
    assert_eq!(rows(&summary.snapshot), expected, "seed {seed}");
    if let Some(members) = members {
        let mut expected: BTreeMap<u64, (String, String)> = BTreeMap::new();
        for (fields, _) in members {
            let text = |at: usize| fields[at].trim().to_owned();
            expected.insert(id(&fields[0]), (text(1), text(2)));
        }
        let found = profiles(&summary.snapshot).into_iter().map(|profile| {
            let member = profile.member.unwrap();
            (member.member_id, (member.given_name, member.headline))
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected, "seed {seed}");
    }
    kept
}

/// Checks that an error names a file and a line with a reason, or a file and what it is.
fn check_error(case: &Case, error: &Error) {
    let seed = case.seed;
    let reason = std::error::Error::source(error).map(ToString::to_string);
    let text = format!("{error} {}", reason.unwrap_or_default());
    let text = text.replace(&format!("{}/", case.dump.path().display()), "");
    let is_named = match error {
        Error::Row { line, .. } | Error::Header { line, .. } => *line > 0,
        Error::File { source, .. } => {
            ["is cut off or damaged (", "there are trailing bytes behind"]
                .iter()
                .any(|fault| source.to_string().contains(fault))
        }
        _ => false,
    };
    let names_file = ["members", "connections"]
        .iter()
        .any(|file| text.contains(file));
    assert!(is_named && names_file, "seed {seed}: {text}");
    assert!(!text.chars().any(char::is_control), "seed {seed}: {text:?}");
}

#[test]
fn every_row_is_read_as_python_reads_it_or_named() {
    let count = match std::env::var_os("CLOUD_TEST_LONG") {
        Some(_) => 200,
        None => 20,
    };
    let cases: Vec<_> = (0..count).map(case).collect();
    let Some(files) = read_by_python(&cases) else {
        return;
    };
    let mut files = files.into_iter();
    let (mut whole, mut stopped, mut refused, mut kept, mut set_aside) = (0, 0, 0, 0, 0);
    for mut case in cases {
        let of_case: Vec<_> = files.by_ref().take(case.plain.len()).collect();
        match case.dump.try_build() {
            Ok(summary) => {
                kept += check_snapshot(&case, &summary, &Listed::new(), &of_case);
                whole += 1;
            }
            Err(error) => {
                check_error(&case, &error);
                stopped += 1;
            }
        }
        case.dump.options.out = case.dump.path().join("skipping");
        let skipping = case.dump.skip();
        case.dump = skipping;
        match case.dump.try_build() {
            Ok(summary) => {
                let listed = listed(&case.dump, &summary);
                set_aside += listed.len();
                kept += check_snapshot(&case, &summary, &listed, &of_case);
            }
            Err(error) => {
                check_error(&case, &error);
                refused += 1;
            }
        }
    }
    println!(
        "{count} dumps: {whole} without a fault, {stopped} stopped at one, {refused} refused as a \
         whole; {kept} rows read as Python reads them, {set_aside} set aside"
    );
    // The seeds are fixed, so that these are no matter of luck.
    assert!(
        whole * 10 >= count && stopped * 3 >= count,
        "{whole} and {stopped} of {count}"
    );
    assert!(set_aside as u64 >= count / 2, "{set_aside} of {count}");
}
