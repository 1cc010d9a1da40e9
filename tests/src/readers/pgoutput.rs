//! A message about a row, as PostgreSQL sends it.

use cloud_capture::stream::pgoutput;

use super::{Mutated, Reader, nothing_to_seal};

pub(super) const READER: Reader = Reader {
    name: "pgoutput",
    valid: || UPDATE.concat(),
    reseal: nothing_to_seal,
    read,
    mutated: Mutated::Any,
};

/// An update of a row of three columns, with the whole old row.
const UPDATE: [&[u8]; 3] = [
    b"U\0\0\0\x07O",
    b"\0\x03t\0\0\0\x02\x34\x32nt\0\0\0\x03abc",
    b"N\0\x03t\0\0\0\x02\x34\x32ut\0\0\0\x04defg",
];

fn read(bytes: &[u8]) -> Result<String, String> {
    let message = pgoutput::read(bytes).map_err(|error| error.to_string())?;
    Ok(format!("{message:?}"))
}
