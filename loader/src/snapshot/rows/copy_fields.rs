//! Reads the fields of a row in the text format of PostgreSQL's `COPY`.
//!
//! A field `\N` is NULL, which is read as an empty field.

use std::str;

use cloud_capture::rows::unescape;
use csv::ByteRecord;
use memchr::{memchr, memchr2};

use crate::snapshot::rows::row_fault::RowFault;

/// The line that ends the rows.
pub(crate) const END_OF_ROWS: &[u8] = b"\\.";

/// Splits a line without its line end into `record`. Every field is UTF-8.
pub(crate) fn split_copy_row(
    line: &[u8],
    delimiter: u8,
    record: &mut ByteRecord,
) -> Result<(), RowFault> {
    record.clear();
    if str::from_utf8(line).is_err() {
        return Err(RowFault::invalid_utf8(line));
    }
    let (mut rest, mut unescaped) = (line, Vec::new());
    loop {
        let length = field_length(rest, delimiter)?;
        let (field, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        if field == b"\\N" {
            record.push_field(b"");
        } else if memchr(b'\\', field).is_none() {
            record.push_field(field);
        } else {
            unescaped.clear();
            unescape(field, &mut unescaped);
            record.push_field(&unescaped);
        }
        match after.split_first() {
            Some((_, next)) => rest = next,
            None => break,
        }
    }
    match record.iter().find(|field| str::from_utf8(field).is_err()) {
        None => Ok(()),
        Some(field) => Err(RowFault::invalid_utf8(field)),
    }
}

/// Returns the length up to the first delimiter without a backslash.
fn field_length(bytes: &[u8], delimiter: u8) -> Result<usize, RowFault> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(found) = memchr2(delimiter, b'\\', rest) else {
            return Ok(bytes.len());
        };
        if rest.get(found) == Some(&delimiter) {
            return Ok(at + found);
        }
        if rest.get(found + 1).is_none() {
            return Err(RowFault::LineContinued);
        }
        at += found + 2;
    }
    Ok(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[u8], expected: Result<&[&str], RowFault>) {
        let mut record = ByteRecord::new();
        let outcome = split_copy_row(line, b'\t', &mut record);
        let fields: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        let fields: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
        let line = String::from_utf8_lossy(line);
        assert_eq!(outcome.map(|()| fields.as_slice()), expected, "{line}");
    }

    #[test]
    fn escapes_are_read_as_postgresql_reads_them() {
        check(b"1\ta b\t", Ok(&["1", "a b", ""]));
        check(b"\\N\t\\\\N\ta\\N", Ok(&["", "\\N", "aN"]));
        check(
            b"\\b\\f\\n\\r\\t\\v\t\\\\\t\\\"\\z",
            Ok(&["\x08\x0c\n\r\t\x0b", "\\", "\"z"]),
        );
        check(b"a\\\tb\tc", Ok(&["a\tb", "c"]));
        check(b"\\101\\60\\0609\\8\\x41\\x4g\\xg", Ok(&["A0098A\x04gxg"]));
        check(b"\\xc3\\251", Ok(&["é"]));
        check(b"", Ok(&[""]));
    }

    #[test]
    fn what_is_no_row_is_refused() {
        check(b"1\ta\\", Err(RowFault::LineContinued));
        for line in [&b"1\t\\xff"[..], b"1\t\xff"] {
            check(line, Err(RowFault::invalid_utf8(b"\xff")));
        }
    }
}
