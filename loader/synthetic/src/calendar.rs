//! Formats times quickly: RFC 3339 in UTC with milliseconds.

use crate::times::{OPENED, TAKEN};

const MILLISECONDS_PER_DAY: u64 = 86_400_000;

/// Formats times between the site's opening and its dump. Each day is rendered once, not once a
/// row.
#[derive(Debug)]
pub(super) struct Calendar {
    /// The text of each day, such as `2012-01-01T`.
    days: Vec<String>,
}

impl Calendar {
    pub(super) fn new() -> Self {
        let days = (OPENED / MILLISECONDS_PER_DAY..=TAKEN / MILLISECONDS_PER_DAY)
            .map(|day| {
                let (year, month, day) = civil_from_days(day);
                format!("{year:04}-{month:02}-{day:02}T")
            })
            .collect();
        Calendar { days }
    }

    /// Appends the time, as `2019-06-30T23:59:59.007Z`.
    pub(super) fn write(&self, milliseconds: u64, text: &mut Vec<u8>) {
        let day = (milliseconds - OPENED) / MILLISECONDS_PER_DAY;
        let day = self
            .days
            .get(day as usize)
            .map(String::as_str)
            .unwrap_or_default();
        text.extend_from_slice(day.as_bytes());
        let of_day = milliseconds % MILLISECONDS_PER_DAY;
        let two = |value: u64| [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
        let [hour_tens, hour] = two(of_day / 3_600_000);
        let [minute_tens, minute] = two(of_day / 60_000 % 60);
        let [second_tens, second] = two(of_day / 1_000 % 60);
        let [tenths, hundredths] = two(of_day % 1_000 / 10);
        let thousandths = b'0' + (of_day % 10) as u8;
        text.extend_from_slice(&[
            hour_tens,
            hour,
            b':',
            minute_tens,
            minute,
            b':',
            second_tens,
            second,
            b'.',
            tenths,
            hundredths,
            thousandths,
            b'Z',
        ]);
    }
}

/// Returns year, month and day of a day counted from 1970-01-01, by Hinnant's `civil_from_days`.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let check = |milliseconds: u64, expected: &str| {
            let mut text = Vec::new();
            Calendar::new().write(milliseconds, &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        };
        check(OPENED, "2012-01-01T00:00:00.000Z");
        check(1_456_704_000_000 + 1, "2016-02-29T00:00:00.001Z");
        check(1_561_939_199_007, "2019-06-30T23:59:59.007Z");
        check(TAKEN - 1, "2025-12-31T23:59:59.999Z");
        check(TAKEN, "2026-01-01T00:00:00.000Z");
    }
}
