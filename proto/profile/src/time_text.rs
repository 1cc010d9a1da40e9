//! A point in time as text, as dumps and published changes write it.
//!
//! The form is that of RFC 3339: `2010-04-24T05:12:27.947Z`. PostgreSQL's forms are read too: a
//! space for the `T`, and an offset as `+02` or `+0200`. A leap second is the second after it. A
//! text without an offset has no meaning of its own: a reader needs the zone from elsewhere. A date
//! alone is no time.

use crate::invalid_value::{InvalidValue, excerpt};
use prost_types::Timestamp;

/// A time as a text states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextTime {
    /// The seconds since 1970 that a clock shows, wherever it stands.
    pub clock_seconds: i64,
    /// The part of a second.
    pub nanos: u32,
    /// The seconds that the clock is ahead of UTC, if the text states them.
    pub offset_seconds: Option<i64>,
}

impl TextTime {
    /// Returns the seconds since 1970, if the text states the offset of its clock.
    #[must_use]
    pub fn utc_seconds(&self) -> Option<i64> {
        Some(self.clock_seconds - self.offset_seconds?)
    }
}

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]`, followed by `Z`, `+HH:MM`, `+HHMM`, `+HH` or nothing.
/// Digits below a nanosecond are cut. Returns `None` for any other text.
#[must_use]
pub fn time_from_text(text: &[u8]) -> Option<TextTime> {
    let (date_time, rest) = text.split_at_checked(19)?;
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
    let (nanos, zone) = fraction(rest)?;
    let days = days_since_1970(year, month, day);
    Some(TextTime {
        clock_seconds: days * 86_400 + hour * 3600 + minute * 60 + second,
        nanos,
        offset_seconds: match zone {
            b"" => None,
            zone => Some(offset(zone)?),
        },
    })
}

/// Reads the time of a published change. It needs an offset: there is no zone to take it from.
///
/// # Errors
/// If the text is no time, or has no offset. The error carries the name of the field.
pub fn timestamp_from_text(field: &str, text: &str) -> Result<Timestamp, InvalidValue> {
    let wrong = |problem: &str| InvalidValue::new(field, format!("{} {problem}", excerpt(text)));
    let time = time_from_text(text.as_bytes())
        .ok_or_else(|| wrong("is not a time such as 2010-04-24T05:12:27Z"))?;
    let seconds = time
        .utc_seconds()
        .ok_or_else(|| wrong("has no zone: add Z for UTC, or an offset such as +02:00"))?;
    Ok(Timestamp {
        seconds,
        nanos: time.nanos as i32,
    })
}

/// Returns the nanoseconds of a fraction, if there is one, and the bytes after it.
fn fraction(rest: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.', rest)) = rest.split_first() else {
        return Some((0, rest));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = rest.split_at_checked(length)?;
    let mut nanos = 0;
    for place in 0..9 {
        let digit = digits.get(place).map_or(0, |byte| byte - b'0');
        nanos = nanos * 10 + u32::from(digit);
    }
    (length > 0).then_some((nanos, zone))
}

/// Returns the seconds that the zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match *zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h0, h1] => offset(&[sign, h0, h1, b':', b'0', b'0']),
        [sign @ (b'+' | b'-'), h0, h1, m0, m1] => offset(&[sign, h0, h1, b':', m0, m1]),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (decimal(&[h0, h1])?, decimal(&[m0, m1])?);
            let seconds = hours * 3600 + minutes * 60;
            (hours <= 23 && minutes <= 59).then_some(if sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

fn decimal(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value: i64, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + i64::from(digit))
    })
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

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        let clock_seconds = 1_272_085_947;
        for (rest, nanos, offset_seconds) in [
            ("", 0, None),
            (".947", 947_000_000, None),
            ("Z", 0, Some(0)),
            (".9z", 900_000_000, Some(0)),
            (".0000000019+02:00", 1, Some(7200)),
            ("+0530", 0, Some(19_800)),
            ("-07", 0, Some(-25_200)),
        ] {
            for separator in ["T", "t", " "] {
                let text = format!("2010-04-24{separator}05:12:27{rest}");
                let expected = TextTime {
                    clock_seconds,
                    nanos,
                    offset_seconds,
                };
                assert_eq!(time_from_text(text.as_bytes()), Some(expected), "{text}");
            }
        }
        // A leap second is the second after it.
        let leap = time_from_text(b"2010-04-24T05:12:60Z").unwrap();
        assert_eq!(leap.utc_seconds(), Some(clock_seconds + 33));
        let late = time_from_text(b"9999-12-31T23:59:59.999Z").unwrap();
        assert_eq!(late.utc_seconds(), Some(253_402_300_799));
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "2010",
            "2010-04-24",
            "2010-04-24T05:12",
            "2010-02-29T00:00:00Z",
            "2010-13-01T00:00:00Z",
            "2010-01-01T24:00:00Z",
            "2010-01-01T00:00:61Z",
            "2010-01-01T00:00:00.Z",
            "2010-01-01T00:00:00 Z",
            "2010-01-01T00:00:00+1",
            "2010-01-01T00:00:00+24:00",
            "2010-01-01T00:00:00+02:00:00",
            "2010-01-01 00:00:00 BC",
            "infinity",
        ] {
            assert_eq!(time_from_text(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_published_time_needs_an_offset() {
        let read = |text| {
            let time = timestamp_from_text("connected_at", text);
            time.map(|time| time.seconds).map_err(|it| it.to_string())
        };
        assert_eq!(read("2010-04-24T07:12:27+02:00"), Ok(1_272_085_947));
        assert_eq!(
            read("2010-04-24 05:12:27").unwrap_err(),
            "connected_at: \"2010-04-24 05:12:27\" has no zone: add Z for UTC, or an offset such \
             as +02:00"
        );
        assert_eq!(
            read("2010-04-24").unwrap_err(),
            "connected_at: \"2010-04-24\" is not a time such as 2010-04-24T05:12:27Z"
        );
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
