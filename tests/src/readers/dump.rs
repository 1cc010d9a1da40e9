//! Rows of a dump: the loader builds a snapshot of them, or says which row is wrong.
//!
//! The first byte says which kind of file the others are, how their rows are written, and whether
//! bad rows are skipped.

use std::fs;

use loader::{OnError, Options, RowFormat, RowSyntax, Summary, build};

use super::scratch::{empty_folder, named};
use super::{Mutated, Reader, nothing_to_seal};

pub(super) const READER: Reader = Reader {
    name: "dump",
    valid: || {
        b"\0member_id,other_id,connected_at\n\
          3,1,2008-07-02T12:00:00Z\n1,2,\n2,1,2008-07-02T12:00:00Z\n"
            .to_vec()
    },
    reseal: nothing_to_seal,
    read,
    mutated: Mutated::Any,
};

/// The members who have the positions, in each form in which rows are written.
const MEMBERS: [(RowSyntax, bool, &str); 4] = [
    (
        RowSyntax::Csv,
        true,
        "member_id,display_name,headline\n1,Ann,\"engineer, at Acme\"\n2,Ben,\n",
    ),
    (
        RowSyntax::Csv,
        false,
        "1,Ann,\"engineer, at Acme\"\n2,Ben,\n",
    ),
    (
        RowSyntax::Copy,
        false,
        "1\tAnn\tengineer\\tat Acme\n2\tBen\t\\N\n",
    ),
    (
        RowSyntax::Copy,
        true,
        "member_id\tdisplay_name\theadline\n1\tAnn\t\\N\n2\tBen\t\\N\n",
    ),
];

/// The columns by number, for files without a header.
const CONNECTION_COLUMNS: &str = "connections:member=1,other=2,time=3";
const MEMBER_COLUMNS: &str = "members:member_id=1,display_name=2,headline=3";
const POSITION_COLUMNS: &str =
    "positions:member_id=1,position_id=2,kind=3,title=4,from=5,to=6,current=7";

/// Reads the rows. The first byte has two bits for the kind of file, two for the form of the rows,
/// one for skipping bad rows, and one each for CSV without quotes and with escapes.
fn read(bytes: &[u8]) -> Result<String, String> {
    let Some((&first, rows)) = bytes.split_first() else {
        return Err("nothing to read".to_owned());
    };
    let (syntax, has_header, whose) = MEMBERS[usize::from(first >> 2) % MEMBERS.len()];
    let folder = empty_folder("dump");
    let path = folder.join("rows.csv");
    fs::write(&path, rows).expect("writes");
    let members = folder.join("members.csv");
    let is_quoted = first >> 5 & 1 == 0;
    let whose = if is_quoted {
        whose.to_owned()
    } else {
        whose.replace("\"engineer, at Acme\"", "engineer")
    };
    fs::write(&members, whose).expect("writes");
    let mut options = Options {
        out: folder.join("site"),
        format: RowFormat {
            syntax,
            delimiter: syntax.usual_delimiter(),
            quote: is_quoted.then_some(b'"'),
            escape: (first >> 6 & 1 == 1).then_some(b'\\'),
            has_header,
        },
        on_error: match first >> 4 & 1 {
            0 => OnError::Stop,
            _ => OnError::Skip,
        },
        ..Default::default()
    };
    let columns: &[&str] = match first & 3 {
        0 | 3 => {
            options.connections = vec![path.clone()];
            &[CONNECTION_COLUMNS]
        }
        1 => {
            options.members = vec![path.clone()];
            &[MEMBER_COLUMNS]
        }
        _ => {
            (options.members, options.positions) = (vec![members], vec![path.clone()]);
            &[MEMBER_COLUMNS, POSITION_COLUMNS]
        }
    };
    if !has_header {
        let maps = columns.iter().map(|map| map.parse().expect("a map"));
        options.maps = maps.collect();
    }
    let summary = build(&options).map_err(|error| named(error, &path))?;
    check_rejects(&summary);
    Ok(format!(
        "{} members, {} connections",
        summary.manifest.members, summary.manifest.connections
    ))
}

/// Checks that all rejected rows are listed.
fn check_rejects(summary: &Summary) {
    let Some(rejected) = &summary.rejected else {
        return;
    };
    let mut list = csv::Reader::from_path(&rejected.list).expect("a list");
    let records = list.byte_records().map(|record| record.expect("a record"));
    assert_eq!(records.count() as u64, rejected.rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_is_read_in_every_way() {
        const SKIP: u8 = 1 << 4;
        for (first, rows, expected) in [
            (
                0,
                "member_id,other_id\n1,2\n",
                Ok("2 members, 1 connections"),
            ),
            (1, "member_id\n1\n2\n", Ok("2 members, 0 connections")),
            (
                2,
                "member_id,kind\n2,work\n",
                Ok("2 members, 0 connections"),
            ),
            (1 << 2, "1,2,\n2,3,\n", Ok("3 members, 2 connections")),
            (2 | 1 << 2, "2,1,work,,,,\n", Ok("2 members, 0 connections")),
            (2 << 2, "1\t2\t\\N\n", Ok("2 members, 1 connections")),
            (1 | 2 << 2, "1\tAnn\t\\N\n", Ok("1 members, 0 connections")),
            (
                2 | 3 << 2,
                "member_id\tkind\n1\twork\n",
                Ok("2 members, 0 connections"),
            ),
            (0, "member_id,other_id\n1,2\nx,\"\n", Err(":3: ")),
            (
                SKIP,
                "member_id,other_id\n1,2\nx,\"\n\"3\n",
                Ok("2 members, 1 connections"),
            ),
            (
                1 << 5,
                "member_id,other_id,\"\n1,2,\"\n3,4,\n",
                Ok("4 members, 2 connections"),
            ),
            (
                1 << 6,
                "member_id,other_id,x\n1,2,\"\\\"\"\n3,4,\\,\n",
                Ok("4 members, 2 connections"),
            ),
            (
                SKIP | 2 << 2,
                "1\t2\t\\N\n\\x\n",
                Ok("2 members, 1 connections"),
            ),
            (
                SKIP | 2 | 3 << 2,
                "member_id\tkind\n9\t\n",
                Ok("2 members, 0 connections"),
            ),
        ] {
            let found = read(&[&[first], rows.as_bytes()].concat());
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{rows:?}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                _ => panic!("{found:?}, {expected:?} of {rows:?}"),
            }
        }
    }
}
