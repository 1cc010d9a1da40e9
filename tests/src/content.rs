//! The content of a site: the rows that the loader exports, to be compared with what a site should
//! have.

use std::{collections::BTreeSet, path::Path};

/// The members, positions and connections of a site, each as the texts of its fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The members.
    pub members: BTreeSet<Vec<String>>,
    /// The positions.
    pub positions: BTreeSet<Vec<String>>,
    /// The connections: the smaller id, the larger id, and the time with three digits after the
    /// second.
    pub connections: BTreeSet<Vec<String>>,
}

impl Content {
    /// Returns the content of the newest snapshot in a folder, with these fields of members and of
    /// positions.
    pub fn of_snapshot(site: &Path, member: &[&str], position: &[&str]) -> Self {
        let out = tempfile::tempdir().expect("a temporary folder");
        loader::export::export(site, out.path()).expect("exported");
        let connection = ["member_id", "other_id", "connected_at"];
        let connections = rows(&out.path().join("connections.csv"), &connection);
        Self {
            members: rows(&out.path().join("members.csv"), member),
            positions: rows(&out.path().join("positions.csv"), position),
            connections: connections.into_iter().map(in_millis).collect(),
        }
    }

    /// Checks that this is what is expected. `context` is shown if it is not.
    pub fn check(&self, expected: &Self, context: impl Fn() -> String) {
        for (what, found, expected) in [
            ("members", &self.members, &expected.members),
            ("positions", &self.positions, &expected.positions),
            ("connections", &self.connections, &expected.connections),
        ] {
            assert!(!expected.is_empty(), "{what}: none is expected");
            let surplus: Vec<_> = found.difference(expected).take(5).collect();
            let missing: Vec<_> = expected.difference(found).take(5).collect();
            assert!(
                surplus.is_empty() && missing.is_empty(),
                "{what}: surplus {surplus:#?}, missing {missing:#?}\n{}",
                context()
            );
        }
    }
}

/// Reads these columns of a file; no file has no rows.
fn rows(path: &Path, columns: &[&str]) -> BTreeSet<Vec<String>> {
    if !path.exists() {
        return BTreeSet::new();
    }
    let mut reader = csv::Reader::from_path(path).expect("rows");
    let header = reader.headers().expect("a header").clone();
    let place = |column: &&str| {
        let place = header.iter().position(|name| name == *column);
        place.unwrap_or_else(|| panic!("no column {column} in {header:?}"))
    };
    let places: Vec<_> = columns.iter().map(place).collect();
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        places.iter().map(|&place| row[place].to_owned()).collect()
    });
    rows.collect()
}

/// Writes the time of a connection with three digits after the second.
fn in_millis(mut connection: Vec<String>) -> Vec<String> {
    if let Some(time) = connection[2].strip_suffix('Z') {
        let (second, part) = time.split_once('.').unwrap_or((time, ""));
        connection[2] = format!("{second}.{part:0<3}");
    }
    connection
}
