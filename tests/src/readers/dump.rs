//! Rows of a dump: the loader builds a snapshot of them, or says which row is wrong. The first byte says which kind of file the
//! others are.

use std::fs;

use loader::build::{Options, build};

use super::scratch::{empty_folder, named};
use super::{Mutated, Reader, nothing_to_seal};

pub(super) const READER: Reader = Reader {
    name: "dump",
    valid: || {
        b"\0member_id,other_id,connected_at\n3,1,2008-07-02T12:00:00Z\n1,2,\n2,1,2008-07-02T12:00:00Z\n".to_vec()
    },
    reseal: nothing_to_seal,
    read,
    mutated: Mutated::Any,
};

const MEMBERS: &str = "member_id,display_name,headline\n1,Ann,\"engineer, at Acme\"\n2,Ben,\n";

fn read(bytes: &[u8]) -> Result<String, String> {
    let Some((&kind, rows)) = bytes.split_first() else {
        return Err("nothing to read".to_owned());
    };
    let folder = empty_folder("dump");
    let path = folder.join("rows.csv");
    fs::write(&path, rows).expect("writes");
    let members = folder.join("members.csv");
    fs::write(&members, MEMBERS).expect("writes");
    let mut options = Options {
        out: folder.join("site"),
        ..Default::default()
    };
    match kind % 3 {
        0 => options.connections = vec![path.clone()],
        1 => options.members = vec![path.clone()],
        _ => (options.members, options.positions) = (vec![members], vec![path.clone()]),
    }
    let summary = build(&options).map_err(|error| named(error, &path))?;
    Ok(format!(
        "{} members, {} connections",
        summary.manifest.members, summary.manifest.connections
    ))
}
