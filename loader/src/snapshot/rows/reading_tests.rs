//! Feeds random bytes to every reader. No reader panics, and blocks, streams, compressed files and
//! a slow reader find the same rows.

use std::fs;
use std::io::{Read, Write as _};
use std::str;

use proptest::prelude::*;
use proptest::sample::select;

use crate::snapshot::rows::{
    block_reader::{BlockReader, Taken},
    column_map::ColumnMap,
    id_rule::IdRule,
    input::{Input, WindowMax},
    layout::layout,
    plain_rows::{Edge, EdgeColumns},
    row_fault::RowFault,
    row_format::{RowFormat, RowSyntax},
    row_reader::RowReader,
};

/// The rows with their offsets.
type Found = Vec<(u64, Result<Edge, RowFault>)>;

const LINE_BYTES: usize = 20;

fn columns(format: RowFormat) -> EdgeColumns {
    let map: ColumnMap = "connections:member=1,other=3,time=2:ms".parse().unwrap();
    EdgeColumns::new(
        &layout(map.kind(), Some(&map), None, IdRule::default()).unwrap(),
        format,
    )
}

fn from_stream(format: RowFormat, input: impl Read, offset: u64, found: &mut Found) {
    let mut rows = RowReader::new(input, offset, format, true);
    while let Some(row) = rows.next().unwrap() {
        let row =
            row.and_then(|row| columns(format).parse_fields(row.len(), |column| row.get(column)));
        found.push((rows.offset(), row));
    }
}

fn from_blocks(format: RowFormat, text: &[u8], block_bytes: usize) -> Found {
    let mut reader = BlockReader::with_block_bytes(text, 0, format, block_bytes);
    let (mut found, mut buffer) = (Found::new(), Vec::new());
    loop {
        match reader.take(&mut buffer).unwrap() {
            Taken::Lines { offset } => {
                let outcome = columns(format).parse_lines(&buffer, |at, row| {
                    found.push((offset + at as u64, row));
                    Ok::<(), ()>(())
                });
                assert_eq!(outcome, Ok(()));
            }
            Taken::Rest { offset, rest } => from_stream(format, rest, offset, &mut found),
            Taken::End => return found,
        }
    }
}

fn from_file(format: RowFormat, file: &[u8]) -> Found {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows");
    fs::write(&path, file).unwrap();
    let mut found = Found::new();
    from_stream(
        format,
        Input::open(&path, None, WindowMax::default()).unwrap(),
        0,
        &mut found,
    );
    found
}

/// Returns the valid rows of a text without quotes and backslashes.
fn slowly(format: RowFormat, text: &[u8]) -> Vec<Edge> {
    let number = |field: Option<&&str>| -> Option<u64> {
        let field = field.filter(|field| field.bytes().all(|byte| byte.is_ascii_digit()))?;
        field.parse().ok()
    };
    let mut edges = Vec::new();
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let Ok(line) = str::from_utf8(line) else {
            continue;
        };
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(char::from(format.delimiter)).collect();
        let time = match fields.get(1) {
            Some(&"") => Some(0),
            // A number has at most 18 digits, and a minus is allowed only before 0.
            Some(field) => match field.strip_prefix('-') {
                Some(field) => number(Some(&field)).filter(|&time| time == 0 && field.len() <= 18),
                None => number(Some(field))
                    .filter(|&time| time <= 253_402_300_799_999 && field.len() <= 18),
            },
            None => None,
        };
        let id = |field: Option<&&str>| number(field.filter(|field| !field.starts_with('0')));
        if let (Some(member), Some(other), Some(time)) =
            (id(fields.first()), id(fields.get(2)), time)
        {
            edges.push(Edge {
                member,
                other,
                time,
            });
        }
    }
    edges
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        6 => select(b"0123456789".as_slice()),
        6 => Just(b','),
        2 => select(b"\"\\\r#.N\tx-".as_slice()),
        1 => any::<u8>(),
    ];
    let random = prop::collection::vec(byte, 0..LINE_BYTES);
    let right = (any::<u8>(), prop::option::of(any::<u8>()), any::<u8>()).prop_map(
        |(member, time, other)| {
            let time = time.map_or(String::new(), |time| time.to_string());
            format!("{member},{time},{other}").into_bytes()
        },
    );
    let quoted = select(vec![
        "\"1\",,2",
        "3,\"4\",5\r",
        "6,\"\n7\",8",
        "6,\"\r7\",8\r9,,10",
        "6,\"7\"x,8",
        "9,\"",
        "\\N,1\\,2",
        "\\.",
        "1,\\N,2",
        "1,\\\\,2",
    ])
    .prop_map(|line| line.as_bytes().to_vec());
    let line = prop_oneof![4 => random, 8 => right, 1 => quoted];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join(&b'\n'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn all_readers_see_the_same_rows(
        text in text(),
        syntax in select(vec![RowSyntax::Csv, RowSyntax::Copy]),
        quote in select(vec![Some(b'"'), None]),
        escape in select(vec![None, Some(b'\\')]),
        block_bytes in LINE_BYTES + 1..200,
    ) {
        let format = RowFormat {
            syntax,
            delimiter: b',',
            has_header: false,
            quote,
            escape,
        };
        let mut expected = Found::new();
        from_stream(format, text.as_slice(), 0, &mut expected);
        prop_assert_eq!(&from_blocks(format, &text, block_bytes), &expected);

        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        prop_assert_eq!(&from_file(format, &gzip.finish().unwrap()), &expected);
        let zstd = zstd::encode_all(text.as_slice(), 1).unwrap();
        prop_assert_eq!(&from_file(format, &zstd), &expected);

        let specials = match syntax {
            RowSyntax::Csv => [quote, escape],
            RowSyntax::Copy => [Some(b'\\'), None],
        };
        if !text.iter().any(|byte| specials.contains(&Some(*byte))) {
            let right: Vec<Edge> = expected.into_iter().filter_map(|(_, row)| row.ok()).collect();
            prop_assert_eq!(right, slowly(format, &text));
        }
    }

    /// A row with mutated bytes is at most one row or fault, and the lines around it are not
    /// affected.
    #[test]
    fn a_mutated_line_of_digits_costs_no_other_line(
        mutated in prop::collection::vec(
            any::<u8>().prop_filter("a line", |byte| !matches!(byte, b'"' | b'\n' | b'\r' | b'\\')),
            0..LINE_BYTES,
        ),
        before in 0usize..5,
        after in 0usize..5,
        block_bytes in LINE_BYTES + 1..60,
    ) {
        let right = |count: usize| "1,2,3\n".repeat(count).into_bytes();
        let text = [right(before), mutated, b"\n".to_vec(), right(after)].concat();
        for syntax in [RowSyntax::Csv, RowSyntax::Copy] {
            let format = RowFormat {
                syntax,
                has_header: false,
                ..RowFormat::default()
            };
            let found = from_blocks(format, &text, block_bytes);
            let edge = Edge { member: 1, other: 3, time: 2 };
            let is_right = |row: &(u64, Result<Edge, RowFault>)| row.1 == Ok(edge);
            prop_assert!(found.len() >= before + after && found.len() <= before + after + 1);
            prop_assert!(found.iter().take(before).all(is_right));
            prop_assert!(found.iter().rev().take(after).all(is_right));
        }
    }
}
