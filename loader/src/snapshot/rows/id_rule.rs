//! How ids of members are written in a dump.
//!
//! An id is a number from 1 on: digits without leading zeros. A dump that counts from 0 is read
//! with an offset, which is added to every id of a member in every file.

use crate::snapshot::rows::row_fault::{RowFault, excerpt};

/// The rule by which ids are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct IdRule {
    /// The number that is added to an id.
    pub(crate) offset: u64,
}

impl IdRule {
    /// Parses a field that is an id. `column` counts from 0.
    pub(crate) fn parse(self, field: &[u8], column: usize) -> Result<u64, RowFault> {
        let is_digits = field.iter().all(u8::is_ascii_digit);
        let number = str::from_utf8(field).ok().filter(|_| is_digits);
        let number = number.and_then(|field| field.parse().ok());
        let Some(number) = number else {
            return Err(RowFault::NotANumber {
                column: column + 1,
                found: excerpt(field),
            });
        };
        if field.len() > 1 && field.starts_with(b"0") {
            return Err(RowFault::LeadingZero {
                column: column + 1,
                found: excerpt(field),
            });
        }
        self.id_of(number, column)
    }

    /// Returns the id that a number of the dump stands for. `column` counts from 0.
    #[inline]
    pub(crate) fn id_of(self, number: u64, column: usize) -> Result<u64, RowFault> {
        match number.checked_add(self.offset) {
            Some(0) => Err(RowFault::IdZero { column: column + 1 }),
            Some(id) => Ok(id),
            None => Err(RowFault::IdTooLarge {
                column: column + 1,
                found: number.to_string(),
                offset: self.offset,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_from_1_on_without_leading_zeros() {
        let max = u64::MAX.to_string();
        for (offset, field, expected) in [
            (0, "1", Ok(1)),
            (0, max.as_str(), Ok(u64::MAX)),
            (1, "0", Ok(1)),
            (1, "9", Ok(10)),
            (1_000, "7", Ok(1_007)),
            (
                0,
                "0",
                Err("column 3: an id is never 0 (for ids from 0: --id-offset 1)"),
            ),
            (
                0,
                "007",
                Err("column 3: \"007\" begins with 0: an id has no leading zeros"),
            ),
            (
                1,
                "00",
                Err("column 3: \"00\" begins with 0: an id has no leading zeros"),
            ),
            (0, "", Err("column 3: \"\" is not a number of 64 bits")),
            (1, "", Err("column 3: \"\" is not a number of 64 bits")),
            (1, "-1", Err("column 3: \"-1\" is not a number of 64 bits")),
            (
                1,
                &max,
                Err(
                    "column 3: \"18446744073709551615\" with --id-offset 1 is more than 64 \
                     bits hold",
                ),
            ),
        ] {
            let found = IdRule { offset }.parse(field.as_bytes(), 2);
            let found = found.map_err(|fault| fault.to_string());
            assert_eq!(
                found.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|it| *it)
            );
        }
    }
}
