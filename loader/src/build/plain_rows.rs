//! Connections in plain rows: three numbers a line, without quotes. A loop over bytes of our own, since a general CSV
//! reader takes three times as long, and a site has ten times more connections than everything else.

use std::str;

use memchr::{memchr, memchr_iter};

use super::layout::Layout;
use super::row_fault::{LINE_BYTES_MAX, RowFault, excerpt};
use super::time_unit::TimeUnit;

/// One connection as the dump states it; the time in milliseconds since 1970, 0 when unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) member: u64,
    pub(crate) other: u64,
    pub(crate) time: u64,
}

/// Which columns are read, in the order in which they stand in a row.
#[derive(Debug, Clone)]
pub(crate) struct EdgeColumns {
    wanted: Vec<(usize, Role)>,
    /// How many fields a row needs.
    needed: usize,
    delimiter: u8,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    Member,
    Other,
    Time(TimeUnit),
}

impl EdgeColumns {
    pub(crate) fn new(layout: &Layout, delimiter: u8) -> Self {
        let roles = [Role::Member, Role::Other, Role::Time(layout.time_unit)];
        let mut wanted: Vec<(usize, Role)> = layout
            .columns
            .iter()
            .zip(roles)
            .filter_map(|(column, role)| Some(((*column)?, role)))
            .collect();
        wanted.sort_by_key(|(column, _)| *column);
        let needed = wanted.last().map_or(0, |(column, _)| column + 1);
        Self {
            wanted,
            needed,
            delimiter,
        }
    }

    /// Whether a row says when the connection was made.
    pub(crate) fn timed(&self) -> bool {
        self.wanted
            .iter()
            .any(|(_, role)| matches!(role, Role::Time(_)))
    }

    /// Parses every line of a block and gives each connection to `sink`. At the first bad row, its offset and what is
    /// wrong with it.
    pub(crate) fn parse_lines(
        &self,
        block: &[u8],
        mut sink: impl FnMut(Edge) -> Result<(), RowFault>,
    ) -> Result<(), (usize, RowFault)> {
        let (valid, invalid_at) = valid_lines(block);
        let mut start = 0;
        while let Some(rest) = valid.get(start..).filter(|rest| !rest.is_empty()) {
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or(rest);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.len() > LINE_BYTES_MAX {
                return Err((start, RowFault::LineTooLong));
            }
            if !line.is_empty() {
                self.parse_line(line)
                    .and_then(&mut sink)
                    .map_err(|fault| (start, fault))?;
            }
            start += length + 1;
        }
        invalid_at.map_or(Ok(()), |offset| Err((offset, RowFault::InvalidUtf8)))
    }

    fn parse_line(&self, line: &[u8]) -> Result<Edge, RowFault> {
        let mut edge = Edge::default();
        let (mut rest, mut at) = (line, 0);
        for &(column, role) in &self.wanted {
            while at < column {
                let delimiter =
                    memchr(self.delimiter, rest).ok_or_else(|| self.too_few_fields(line))?;
                rest = rest.get(delimiter + 1..).unwrap_or_default();
                at += 1;
            }
            match role {
                Role::Member => (edge.member, rest) = self.id(rest, column)?,
                Role::Other => (edge.other, rest) = self.id(rest, column)?,
                Role::Time(unit) => {
                    let length = memchr(self.delimiter, rest).unwrap_or(rest.len());
                    let (time, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                    edge.time = unit.parse(time, column + 1)?;
                    rest = after;
                }
            }
        }
        Ok(edge)
    }

    /// Of the fields of a row that another reader has split.
    pub(crate) fn parse_fields<'f>(
        &self,
        found: usize,
        field: impl Fn(usize) -> Option<&'f [u8]>,
    ) -> Result<Edge, RowFault> {
        let mut edge = Edge::default();
        for &(column, role) in &self.wanted {
            let bytes = field(column).ok_or(RowFault::TooFewFields {
                found,
                needed: self.needed,
            })?;
            match role {
                Role::Member => edge.member = whole_id(bytes, column)?,
                Role::Other => edge.other = whole_id(bytes, column)?,
                Role::Time(unit) => edge.time = unit.parse(bytes, column + 1)?,
            }
        }
        Ok(edge)
    }

    /// The id at the front of `bytes`, and the bytes from the next delimiter on.
    #[inline]
    fn id<'b>(&self, bytes: &'b [u8], column: usize) -> Result<(u64, &'b [u8]), RowFault> {
        let mut value = 0u64;
        let mut rest = bytes;
        while let Some((byte, tail)) = rest.split_first() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            rest = tail;
        }
        let digits = bytes.len() - rest.len();
        let ended = rest.first().is_none_or(|&byte| byte == self.delimiter);
        // 19 digits fit 64 bits whatever they are.
        if value == 0 || !ended || digits > 19 {
            let length = memchr(self.delimiter, bytes).unwrap_or(bytes.len());
            value = whole_id(bytes.get(..length).unwrap_or(bytes), column)?;
        }
        Ok((value, rest))
    }

    fn too_few_fields(&self, line: &[u8]) -> RowFault {
        RowFault::TooFewFields {
            found: memchr_iter(self.delimiter, line).count() + 1,
            needed: self.needed,
        }
    }
}

/// A field that is an id. `column` from 0.
pub(crate) fn whole_id(field: &[u8], column: usize) -> Result<u64, RowFault> {
    match whole_number(field, column)? {
        0 => Err(RowFault::IdZero { column: column + 1 }),
        id => Ok(id),
    }
}

/// A field that is a number. `column` from 0.
pub(crate) fn whole_number(field: &[u8], column: usize) -> Result<u64, RowFault> {
    let is_digits = field.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(field)
        .ok()
        .filter(|_| is_digits)
        .and_then(|field| field.parse().ok());
    number.ok_or_else(|| RowFault::NotANumber {
        column: column + 1,
        found: excerpt(field),
    })
}

/// The lines before the first that is not UTF-8, and where that one begins.
fn valid_lines(block: &[u8]) -> (&[u8], Option<usize>) {
    let Err(error) = str::from_utf8(block) else {
        return (block, None);
    };
    let before = block.get(..error.valid_up_to()).unwrap_or_default();
    let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    (before.get(..start).unwrap_or_default(), Some(start))
}

#[cfg(test)]
mod tests {
    use super::super::column_map::ColumnMap;
    use super::super::layout::layout;
    use super::*;

    fn columns(map: &str, delimiter: u8) -> EdgeColumns {
        let map: ColumnMap = map.parse().unwrap();
        EdgeColumns::new(&layout(map.kind(), Some(&map), None).unwrap(), delimiter)
    }

    fn check(
        map: &str,
        delimiter: u8,
        block: &[u8],
        expected: &[(u64, u64, u64)],
        fault: Option<(usize, &str)>,
    ) {
        let mut found = Vec::new();
        let outcome = columns(map, delimiter).parse_lines(block, |edge| {
            found.push((edge.member, edge.other, edge.time));
            Ok(())
        });
        let text = String::from_utf8_lossy(block);
        assert_eq!(found, expected, "{text}");
        let outcome = outcome
            .err()
            .map(|(offset, fault)| (offset, fault.to_string()));
        assert_eq!(
            outcome,
            fault.map(|(offset, reason)| (offset, reason.to_owned())),
            "{text}"
        );
    }

    const PAIRS: &str = "connections:member=1,other=2";

    #[test]
    fn columns_stand_in_any_order() {
        check(
            PAIRS,
            b',',
            b"1,2\n3,4\r\n\n\r\n5,6",
            &[(1, 2, 0), (3, 4, 0), (5, 6, 0)],
            None,
        );
        check(
            PAIRS,
            b'\t',
            b"18446744073709551615\t00000000000000000000007\t\n",
            &[(u64::MAX, 7, 0)],
            None,
        );
        check(
            "connections:member=4,other=2,time=3:ms",
            b'|',
            "é|2|3|4|x\n|6||8".as_bytes(),
            &[(4, 2, 3), (8, 6, 0)],
            None,
        );
    }

    #[test]
    fn bad_rows_are_named() {
        for (row, reason) in [
            ("x,2", "column 1: \"x\" is not a number of 64 bits"),
            (",2", "column 1: \"\" is not a number of 64 bits"),
            ("1", "1 fields, 2 are needed"),
            ("1 ,2", "column 1: \"1 \" is not a number of 64 bits"),
            ("1,-2", "column 2: \"-2\" is not a number of 64 bits"),
            ("1,+2", "column 2: \"+2\" is not a number of 64 bits"),
            (
                "1,18446744073709551616",
                "column 2: \"18446744073709551616\" is not a number of 64 bits",
            ),
            ("1,0", "column 2: an id is never 0"),
            ("1,2\r3", "column 2: \"2\\r3\" is not a number of 64 bits"),
        ] {
            check(
                PAIRS,
                b',',
                format!("7,8\n{row}\n9,9\n").as_bytes(),
                &[(7, 8, 0)],
                Some((4, reason)),
            );
        }
        check(
            PAIRS,
            b',',
            b"7,8\n1,2,\xff\n",
            &[(7, 8, 0)],
            Some((4, "invalid UTF-8")),
        );
        check(
            PAIRS,
            b',',
            b"x,8\n1,2,\xff\n",
            &[],
            Some((0, "column 1: \"x\" is not a number of 64 bits")),
        );
        let mut long = b"7,8\n1,2,".to_vec();
        long.resize(LINE_BYTES_MAX + 5, b'x');
        check(
            PAIRS,
            b',',
            &long,
            &[(7, 8, 0)],
            Some((4, "a line of more than 1 MiB (is a quote not closed?)")),
        );
        check(
            PAIRS,
            b',',
            &long[..LINE_BYTES_MAX + 4],
            &[(7, 8, 0), (1, 2, 0)],
            None,
        );
        let times = "connections:member=1,other=2,time=3:ms";
        check(
            times,
            b',',
            b"1,2,-3\n",
            &[],
            Some((0, "column 3: the time -3 is before 1970")),
        );
        check(
            times,
            b',',
            b"1,2\n",
            &[],
            Some((0, "2 fields, 3 are needed")),
        );
    }

    #[test]
    fn split_fields_are_read_alike() {
        let columns = columns("connections:member=2,other=1,time=3:s", b',');
        let row: [&[u8]; 3] = [b"7", b"8", b"9"];
        let edge = columns.parse_fields(3, |column| row.get(column).copied());
        assert_eq!(
            edge,
            Ok(Edge {
                member: 8,
                other: 7,
                time: 9000
            })
        );
        let fault =
            columns.parse_fields(2, |column| row.get(column).copied().filter(|_| column < 2));
        assert_eq!(
            fault,
            Err(RowFault::TooFewFields {
                found: 2,
                needed: 3
            })
        );
    }
}
