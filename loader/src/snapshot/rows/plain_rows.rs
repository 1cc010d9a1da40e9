//! Reads connections from plain rows: three numbers per line, without quotes.
//!
//! This is a loop over bytes, because a general CSV reader takes three times as long. A site has
//! ten times more connections than all other rows.

use std::str;

use csv::ByteRecord;
use memchr::{memchr, memchr_iter};

use crate::snapshot::rows::{
    copy_fields::split_copy_row,
    encoding::BYTE_ORDER_MARK,
    id_rule::IdRule,
    layout::Layout,
    line_end::line_length,
    row_fault::{LINE_BYTES_MAX, RowFault},
    row_format::{RowFormat, RowSyntax},
    time_unit::TimeUnit,
};

/// One connection as in the dump. The time is in milliseconds since 1970; 0 if unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) member: u64,
    pub(crate) other: u64,
    pub(crate) time: u64,
}

/// The columns that are read, in their order in a row.
#[derive(Debug, Clone)]
pub(crate) struct EdgeColumns {
    wanted: Vec<(usize, Role)>,
    /// The number of fields that a row needs.
    needed: usize,
    format: RowFormat,
    delimiter: u8,
    ids: IdRule,
}

#[derive(Debug, Clone)]
enum Role {
    Member,
    Other,
    Time(TimeUnit),
}

impl EdgeColumns {
    pub(crate) fn new(layout: &Layout, format: RowFormat) -> Self {
        let roles = [
            Role::Member,
            Role::Other,
            Role::Time(layout.time_unit.clone()),
        ];
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
            format,
            delimiter: format.delimiter,
            ids: layout.ids,
        }
    }

    /// Returns whether rows have the time of the connection.
    pub(crate) fn timed(&self) -> bool {
        self.wanted
            .iter()
            .any(|(_, role)| matches!(role, Role::Time(_)))
    }

    /// Parses every line of a block, and passes each row to `take` with its offset in the block: a
    /// connection, or the row's fault. Stops when `take` fails.
    pub(crate) fn parse_lines<E>(
        &self,
        block: &[u8],
        mut take: impl FnMut(usize, Result<Edge, RowFault>) -> Result<(), E>,
    ) -> Result<(), E> {
        let has_escapes = self.format.syntax == RowSyntax::Copy && memchr(b'\\', block).is_some();
        let mut record = ByteRecord::new();
        let (mut start, mut valid_to) = (0, valid_up_to(block));
        while let Some(rest) = block.get(start..).filter(|rest| !rest.is_empty()) {
            let length = line_length(rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or(rest);
            let end = start + length + 1;
            if end > valid_to {
                valid_to = start + valid_up_to(rest);
            }
            if !line.is_empty() && line.first() != Some(&b'#') {
                take(
                    start,
                    if line.len() > LINE_BYTES_MAX {
                        Err(RowFault::LineTooLong)
                    } else if start + line.len() > valid_to {
                        Err(RowFault::invalid_utf8(line))
                    } else if line.starts_with(BYTE_ORDER_MARK) {
                        Err(RowFault::ByteOrderMark)
                    } else if has_escapes {
                        self.parse_copy_line(line, &mut record)
                    } else {
                        self.parse_line(line)
                    },
                )?;
            }
            start = end;
        }
        Ok(())
    }

    fn parse_copy_line(&self, line: &[u8], record: &mut ByteRecord) -> Result<Edge, RowFault> {
        split_copy_row(line, self.delimiter, record)?;
        self.parse_fields(record.len(), |column| record.get(column))
    }

    fn parse_line(&self, line: &[u8]) -> Result<Edge, RowFault> {
        let mut edge = Edge::default();
        let (mut rest, mut at) = (line, 0);
        for (column, role) in &self.wanted {
            let column = *column;
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

    /// Parses the fields of a row that another reader has split.
    pub(crate) fn parse_fields<'f>(
        &self,
        found: usize,
        field: impl Fn(usize) -> Option<&'f [u8]>,
    ) -> Result<Edge, RowFault> {
        let mut edge = Edge::default();
        for (column, role) in &self.wanted {
            let column = *column;
            let bytes = field(column).ok_or(RowFault::TooFewFields {
                found,
                needed: self.needed,
            })?;
            match role {
                Role::Member => edge.member = self.ids.parse(bytes, column)?,
                Role::Other => edge.other = self.ids.parse(bytes, column)?,
                Role::Time(unit) => edge.time = unit.parse(bytes, column + 1)?,
            }
        }
        Ok(edge)
    }

    /// Returns the id at the front of `bytes`, and the bytes from the next delimiter on.
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
        // Any 19 digits fit 64 bits.
        if !ended || digits == 0 || digits > 19 || bytes.first() == Some(&b'0') {
            let length = memchr(self.delimiter, bytes).unwrap_or(bytes.len());
            let field = bytes.get(..length).unwrap_or(bytes);
            return Ok((self.ids.parse(field, column)?, rest));
        }
        Ok((self.ids.id_of(value, column)?, rest))
    }

    fn too_few_fields(&self, line: &[u8]) -> RowFault {
        RowFault::TooFewFields {
            found: memchr_iter(self.delimiter, line).count() + 1,
            needed: self.needed,
        }
    }
}

/// Returns how many bytes at the front are UTF-8.
fn valid_up_to(bytes: &[u8]) -> usize {
    str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::rows::{column_map::ColumnMap, layout::layout};

    fn columns(map: &str, syntax: RowSyntax, delimiter: u8) -> EdgeColumns {
        let map: ColumnMap = map.parse().unwrap();
        let layout = layout(map.kind(), Some(&map), None, IdRule::default()).unwrap();
        let format = RowFormat {
            syntax,
            delimiter,
            has_header: false,
            ..RowFormat::default()
        };
        EdgeColumns::new(&layout, format)
    }

    /// A row of a block, with its offset.
    type Found<'a> = (usize, Result<(u64, u64, u64), &'a str>);

    fn check_syntax(
        syntax: RowSyntax,
        map: &str,
        delimiter: u8,
        block: &[u8],
        expected: &[Found<'_>],
    ) {
        let mut found = Vec::new();
        let outcome = columns(map, syntax, delimiter).parse_lines(block, |at, row| {
            let row = row.map(|edge| (edge.member, edge.other, edge.time));
            found.push((at, row.map_err(|fault| fault.to_string())));
            Ok::<(), ()>(())
        });
        assert_eq!(outcome, Ok(()));
        let found: Vec<_> = found
            .iter()
            .map(|(at, row)| (*at, row.as_ref().map_err(String::as_str).copied()))
            .collect();
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(block));
    }

    fn check(map: &str, delimiter: u8, block: &[u8], expected: &[Found<'_>]) {
        check_syntax(RowSyntax::Csv, map, delimiter, block, expected);
    }

    const PAIRS: &str = "connections:member=1,other=2";

    #[test]
    fn columns_stand_in_any_order() {
        check(
            PAIRS,
            b',',
            b"1,2\n3,4\r\n\n\r\n5,6",
            &[(0, Ok((1, 2, 0))), (4, Ok((3, 4, 0))), (12, Ok((5, 6, 0)))],
        );
        check(
            PAIRS,
            b'\t',
            b"18446744073709551615\t7\t\n",
            &[(0, Ok((u64::MAX, 7, 0)))],
        );
        check(
            "connections:member=4,other=2,time=3:ms",
            b'|',
            "é|2|3|4|x\n|6||8".as_bytes(),
            &[(0, Ok((4, 2, 3))), (11, Ok((8, 6, 0)))],
        );
    }

    #[test]
    fn a_line_may_end_in_a_return() {
        check(
            PAIRS,
            b',',
            b"1,2\r3,4\r\n\r#x\r5,6,\n7,8\r9",
            &[
                (0, Ok((1, 2, 0))),
                (4, Ok((3, 4, 0))),
                (13, Ok((5, 6, 0))),
                (18, Ok((7, 8, 0))),
                (22, Err("1 fields, 2 are needed")),
            ],
        );
    }

    #[test]
    fn lines_that_begin_with_a_hash_are_comments() {
        check(
            PAIRS,
            b'\t',
            b"# a\tb\n1\t2\n#\xff\n#3\t4\n5\t#6\n #\n#",
            &[
                (6, Ok((1, 2, 0))),
                (18, Err("column 2: \"#6\" is not a number of 64 bits")),
                (23, Err("column 1: \" #\" is not a number of 64 bits")),
            ],
        );
    }

    #[test]
    fn bad_rows_are_named_and_passed_over() {
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
            (
                "1,0",
                "column 2: an id is never 0 (for ids from 0: --id-offset 1)",
            ),
            (
                "007,1",
                "column 1: \"007\" begins with 0: an id has no leading zeros",
            ),
            (
                "1,00000000000000000000007",
                "column 2: \"00000000000000000000007\" begins with 0: an id has no leading zeros",
            ),
            (
                "1,\u{7f}",
                "column 2: \"\\u{7f}\" is not a number of 64 bits",
            ),
        ] {
            check(
                PAIRS,
                b',',
                format!("7,8\n{row}\n9,9\n").as_bytes(),
                &[
                    (0, Ok((7, 8, 0))),
                    (4, Err(reason)),
                    (5 + row.len(), Ok((9, 9, 0))),
                ],
            );
        }
        let times = "connections:member=1,other=2,time=3:ms";
        check(
            times,
            b',',
            b"1,2,-3\n1,2\n",
            &[
                (0, Err("column 3: the time -3 is before 1970")),
                (7, Err("2 fields, 3 are needed")),
            ],
        );
    }

    #[test]
    fn lines_that_are_no_text_or_too_long_are_passed_over() {
        let latin = |byte: &str| {
            format!(
                "invalid UTF-8: the byte {byte} (Latin-1 or Windows-1252? \
                 iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW converts it)"
            )
        };
        check(
            PAIRS,
            b',',
            b"7,8\n1,2,\xff\nx,8,\xc3\xa9\n\xc3\n1,2,\xc3\xa9\n\xef\xbb\xbf1,2\n1,\xc3\xa9\xe9",
            &[
                (0, Ok((7, 8, 0))),
                (4, Err(&latin("0xFF"))),
                (10, Err("column 1: \"x\" is not a number of 64 bits")),
                (17, Err(&latin("0xC3"))),
                (19, Ok((1, 2, 0))),
                (
                    26,
                    Err(
                        "a byte-order mark (EF BB BF) before the row: a file has at most one, \
                         at its beginning (are there two, or were files joined?)",
                    ),
                ),
                (33, Err("invalid UTF-8: the byte 0xE9")),
            ],
        );
        let mut long = b"1,2,".to_vec();
        long.resize(LINE_BYTES_MAX, b'x');
        let block = [b"7,8\n", long.as_slice(), b"\r\n", &long, b"x\n5,6"].concat();
        check(
            PAIRS,
            b',',
            &block,
            &[
                (0, Ok((7, 8, 0))),
                (4, Ok((1, 2, 0))),
                (LINE_BYTES_MAX + 6, Err("a line of more than 1 MiB")),
                (2 * LINE_BYTES_MAX + 8, Ok((5, 6, 0))),
            ],
        );
    }

    #[test]
    fn rows_of_copy_may_have_escapes() {
        check_syntax(
            RowSyntax::Copy,
            "connections:member=1,other=3,time=4:ms",
            b'\t',
            b"1\ta\\\tb\t2\t\\N\n3\t\"\t4\t5\n6\t\t\\N\t7\n",
            &[
                (0, Ok((1, 2, 0))),
                (12, Ok((3, 4, 5))),
                (20, Err("column 3: \"\" is not a number of 64 bits")),
            ],
        );
    }

    #[test]
    fn split_fields_are_read_alike() {
        let columns = columns(
            "connections:member=2,other=1,time=3:s",
            RowSyntax::Csv,
            b',',
        );
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
