//! The units in which a dump can have the time of a connection. Each is converted to milliseconds
//! since 1970.

use std::fmt;
use std::str::FromStr;

use crate::snapshot::rows::row_fault::{RowFault, excerpt};

/// The last millisecond of the year 9999, which is the last that RFC 3339 and protobuf timestamps
/// can express.
const TIME_MAX: u64 = 253_402_300_799_999;

/// The format of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeUnit {
    /// Milliseconds since 1970.
    Milliseconds,
    /// Seconds since 1970.
    Seconds,
    /// A text such as `2010-04-24T05:12:27.947Z`. Digits below a millisecond are cut.
    #[default]
    Rfc3339,
}

impl TimeUnit {
    /// Returns the name in `--map`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Rfc3339 => "rfc3339",
        }
    }

    /// Returns milliseconds since 1970; 0 (unknown) for an empty field. `column` is for the error.
    pub(crate) fn parse(self, field: &[u8], column: usize) -> Result<u64, RowFault> {
        if field.is_empty() {
            return Ok(0);
        }
        let milliseconds = match self {
            Self::Milliseconds => integer(field),
            Self::Seconds => integer(field).and_then(|seconds| seconds.checked_mul(1000)),
            Self::Rfc3339 => rfc3339(field),
        };
        let found = || excerpt(field);
        match milliseconds {
            None => Err(RowFault::BadTime {
                column,
                found: found(),
                unit: self.name(),
            }),
            Some(time) if time < 0 => Err(RowFault::NegativeTime {
                column,
                found: found(),
            }),
            Some(time) => match u64::try_from(time) {
                Ok(time) if time <= TIME_MAX => Ok(time),
                _ => Err(RowFault::TimeTooLate {
                    column,
                    found: found(),
                    unit: self.name(),
                }),
            },
        }
    }
}

impl FromStr for TimeUnit {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Milliseconds, Self::Seconds, Self::Rfc3339]
            .into_iter()
            .find(|unit| unit.name() == name)
            .ok_or(())
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Parses a decimal number of at most 18 digits, with or without a minus.
fn integer(field: &[u8]) -> Option<i64> {
    let (negative, digits) = match field.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, field),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let value = decimal(digits)?;
    Some(if negative { -value } else { value })
}

fn decimal(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value: i64, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + i64::from(digit))
    })
}

/// Parses `YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM)`. PostgreSQL's forms are accepted too: a
/// space for the T, and `+HH`. A leap second counts as the second after it.
fn rfc3339(field: &[u8]) -> Option<i64> {
    let (date_time, rest) = field.split_at_checked(19)?;
    let &[
        y0,
        y1,
        y2,
        y3,
        b'-',
        o0,
        o1,
        b'-',
        d0,
        d1,
        b'T' | b't' | b' ',
        h0,
        h1,
        b':',
        m0,
        m1,
        b':',
        s0,
        s1,
    ] = date_time
    else {
        return None;
    };
    let (year, month, day) = (
        decimal(&[y0, y1, y2, y3])?,
        decimal(&[o0, o1])?,
        decimal(&[d0, d1])?,
    );
    let (hour, minute, second) = (
        decimal(&[h0, h1])?,
        decimal(&[m0, m1])?,
        decimal(&[s0, s1])?,
    );
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = fraction(rest)?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
        - offset(zone)?;
    Some(seconds * 1000 + fraction)
}

/// Returns the milliseconds of a fraction, if there is one, and the bytes after it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = rest.split_first() else {
        return Some((0, rest));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = rest.split_at_checked(length)?;
    let mut milliseconds = 0;
    for place in 0..3 {
        let digit = digits.get(place).map_or(0, |byte| byte - b'0');
        milliseconds = milliseconds * 10 + i64::from(digit);
    }
    (length > 0).then_some((milliseconds, zone))
}

/// Returns the seconds that the zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        &[sign @ (b'+' | b'-'), h0, h1] => offset(&[sign, h0, h1, b':', b'0', b'0']),
        &[sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (decimal(&[h0, h1])?, decimal(&[m0, m1])?);
            let seconds = hours * 3600 + minutes * 60;
            (hours <= 23 && minutes <= 59).then_some(if sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Returns the days since 1970 by the algorithm "days from civil" of Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms". Its years begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: TimeUnit, field: &str, expected: Result<u64, &str>) {
        let parsed = unit
            .parse(field.as_bytes(), 3)
            .map_err(|fault| fault.to_string());
        assert_eq!(
            parsed,
            expected.map_err(|reason| format!("column 3: {reason}")),
            "{unit} {field}"
        );
    }

    #[test]
    fn each_unit_reads_into_milliseconds() {
        check(
            TimeUnit::Milliseconds,
            "1271939457947",
            Ok(1_271_939_457_947),
        );
        check(TimeUnit::Milliseconds, "", Ok(0));
        check(TimeUnit::Seconds, "1271939457", Ok(1_271_939_457_000));
        check(TimeUnit::Rfc3339, "1970-01-01T00:00:00Z", Ok(0));
        check(
            TimeUnit::Rfc3339,
            "2010-04-22T12:30:57.947Z",
            Ok(1_271_939_457_947),
        );
        check(
            TimeUnit::Rfc3339,
            "2010-04-22t14:30:57.9479999+02:00",
            Ok(1_271_939_457_947),
        );
        check(
            TimeUnit::Rfc3339,
            "2010-04-22 07:00:57.9-05:30",
            Ok(1_271_939_457_900),
        );
        check(
            TimeUnit::Rfc3339,
            "2010-04-22 05:30:57.9-07",
            Ok(1_271_939_457_900),
        );
        check(
            TimeUnit::Rfc3339,
            "2000-02-29T00:00:00Z",
            Ok(951_782_400_000),
        );
        check(TimeUnit::Rfc3339, "9999-12-31T23:59:59.999Z", Ok(TIME_MAX));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for field in [
            "2010",
            "2010-02-29T00:00:00Z",
            "2010-13-01T00:00:00Z",
            "2010-01-01T24:00:00Z",
            "x",
        ] {
            check(
                TimeUnit::Rfc3339,
                field,
                Err(&format!("\"{field}\" is not a time in rfc3339")),
            );
        }
        check(
            TimeUnit::Rfc3339,
            "1969-12-31T23:59:59Z",
            Err("the time 1969-12-31T23:59:59Z is before 1970"),
        );
        check(
            TimeUnit::Milliseconds,
            "-5",
            Err("the time -5 is before 1970"),
        );
        check(
            TimeUnit::Milliseconds,
            "1.5",
            Err("\"1.5\" is not a time in ms"),
        );
        let micros = "1271939457947000";
        let reason = format!("the time {micros} is after the year 9999 (is its unit really ms?)");
        check(TimeUnit::Milliseconds, micros, Err(&reason));
    }

    #[test]
    fn days_are_counted_across_leap_years() {
        let mut days = -135_140;
        for year in 1600..2400 {
            for month in 1..=12 {
                assert_eq!(days_since_1970(year, month, 1), days, "{year}-{month}");
                days += days_in_month(year, month);
            }
        }
    }
}
