//! The ways in which a dump can have the time of a connection. Each is converted to milliseconds
//! since 1970.
//!
//! Texts are read by [`time_from_text`], as those of published changes are. A text without an
//! offset needs a zone, which the map names. Rules of zones are those of the program's own copy of
//! the time zone database, so that a build does not depend on the machine.

use std::fmt;
use std::str::FromStr;

use cloud_profile::{TextTime, time_from_text};
use jiff::{
    Timestamp,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use crate::snapshot::rows::row_fault::{RowFault, excerpt};

/// The last millisecond of the year 9999, which is the last that RFC 3339 and protobuf timestamps
/// can express.
const TIME_MAX: i64 = 253_402_300_799_999;

/// The format of a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TimeUnit {
    /// Milliseconds since 1970.
    Milliseconds,
    /// Seconds since 1970.
    Seconds,
    /// A text such as `2010-04-24T05:12:27.947Z`. Digits below a millisecond are cut.
    #[default]
    Rfc3339,
    /// The same, or without an offset: then it is what clocks show in this zone. A time that occurs
    /// twice, as clocks go back, is the first of the two.
    Local(Zone),
}

/// A time zone of the time zone database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

/// Why a text is no time.
enum Fault {
    NoTime,
    NoZone,
    Skipped,
}

impl TimeUnit {
    /// Returns milliseconds since 1970; 0 (unknown) for an empty field. `column` is for the error.
    pub(crate) fn parse(&self, field: &[u8], column: usize) -> Result<u64, RowFault> {
        if field.is_empty() {
            return Ok(0);
        }
        let milliseconds = match self {
            Self::Milliseconds => integer(field).ok_or(Fault::NoTime),
            Self::Seconds => integer(field)
                .and_then(|seconds| seconds.checked_mul(1000))
                .ok_or(Fault::NoTime),
            Self::Rfc3339 => text(field, |_| Err(Fault::NoZone)),
            Self::Local(Zone(zone)) => text(field, |time| offset_in(zone, time)),
        };
        if let Ok(time @ 0..=TIME_MAX) = milliseconds {
            return Ok(time.unsigned_abs());
        }
        let (found, unit) = (excerpt(field), self.to_string());
        Err(match milliseconds {
            Ok(time) if time < 0 => RowFault::NegativeTime { column, found },
            Ok(_) => RowFault::TimeTooLate {
                column,
                found,
                unit,
            },
            Err(Fault::NoTime) => RowFault::BadTime {
                column,
                found,
                unit,
            },
            Err(Fault::NoZone) => RowFault::TimeWithoutZone { column, found },
            Err(Fault::Skipped) => RowFault::TimeSkipped {
                column,
                found,
                zone: unit,
            },
        })
    }
}

impl FromStr for TimeUnit {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Ok(match name {
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "rfc3339" => Self::Rfc3339,
            "utc" => Self::Local(Zone(TimeZone::UTC)),
            "" => return Err(()),
            name => Self::Local(Zone(TimeZone::get(name).map_err(drop)?)),
        })
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Milliseconds => formatter.write_str("ms"),
            Self::Seconds => formatter.write_str("s"),
            Self::Rfc3339 => formatter.write_str("rfc3339"),
            Self::Local(zone) => zone.fmt(formatter),
        }
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
    let value = digits.iter().try_fold(0, |value: i64, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + i64::from(digit))
    })?;
    Some(if negative { -value } else { value })
}

/// Parses a text. If it has no offset, `offset` finds the seconds that its clock is ahead of UTC.
fn text(field: &[u8], offset: impl Fn(TextTime) -> Result<i64, Fault>) -> Result<i64, Fault> {
    let time = time_from_text(field).ok_or(Fault::NoTime)?;
    let seconds = match time.utc_seconds() {
        Some(seconds) => seconds,
        None => time.clock_seconds - offset(time)?,
    };
    Ok(seconds * 1000 + i64::from(time.nanos / 1_000_000))
}

/// Returns the seconds that clocks of a zone are ahead of UTC when they show this time.
fn offset_in(zone: &TimeZone, time: TextTime) -> Result<i64, Fault> {
    let clock = Timestamp::from_second(time.clock_seconds).map_err(|_| Fault::NoTime)?;
    let offset = match zone
        .to_ambiguous_timestamp(Offset::UTC.to_datetime(clock))
        .offset()
    {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { .. } => return Err(Fault::Skipped),
    };
    Ok(i64::from(offset.seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: &str, field: &str, expected: Result<u64, &str>) {
        let parsed = unit
            .parse::<TimeUnit>()
            .unwrap()
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
        for (unit, field, expected) in [
            ("ms", "1271939457947", 1_271_939_457_947),
            ("ms", "", 0),
            ("s", "1271939457", 1_271_939_457_000),
            ("rfc3339", "1970-01-01T00:00:00Z", 0),
            ("rfc3339", "2010-04-22T12:30:57.947Z", 1_271_939_457_947),
            (
                "rfc3339",
                "2010-04-22t14:30:57.9479999+02:00",
                1_271_939_457_947,
            ),
            ("rfc3339", "2010-04-22 07:00:57.9-05:30", 1_271_939_457_900),
            ("rfc3339", "2010-04-22 05:30:57.9-07", 1_271_939_457_900),
            ("rfc3339", "2010-04-22T14:30:57.947+0200", 1_271_939_457_947),
            ("rfc3339", "2000-02-29T00:00:00Z", 951_782_400_000),
            ("rfc3339", "9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("utc", "2010-04-22 12:30:57.947", 1_271_939_457_947),
            ("utc", "2010-04-22 14:30:57.947+02", 1_271_939_457_947),
            ("UTC", "2010-04-22T12:30:57", 1_271_939_457_000),
            (
                "Europe/Vienna",
                "2010-04-22 14:30:57.947",
                1_271_939_457_947,
            ),
            ("Europe/Vienna", "2010-01-22 13:30:57", 1_264_163_457_000),
            ("Europe/Vienna", "2010-04-22 12:30:57Z", 1_271_939_457_000),
            (
                "America/Los_Angeles",
                "2010-04-22 05:30:57",
                1_271_939_457_000,
            ),
            ("Asia/Kolkata", "2010-04-22 18:00:57", 1_271_939_457_000),
            // Clocks go back from 3:00 to 2:00: the first half past two.
            ("Europe/Vienna", "2010-10-31 02:30:00", 1_288_485_000_000),
            ("Europe/Vienna", "2060-07-01 00:00:00", 2_855_858_400_000),
        ] {
            check(unit, field, Ok(expected));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (field, unit) in [
            ("2010", "rfc3339"),
            ("2010-04-24", "rfc3339"),
            ("2010-04-24", "UTC"),
            ("2010-02-29 00:00:00", "Europe/Vienna"),
            ("x", "rfc3339"),
            ("1.5", "ms"),
        ] {
            let reason = format!("\"{field}\" is not a time in {unit}");
            check(unit, field, Err(&reason));
        }
        check(
            "rfc3339",
            "2010-04-24 05:12:27.947",
            Err(
                "the time 2010-04-24 05:12:27.947 has no zone: --map with time=3:utc, or with a \
                 zone as in time=3:Europe/Vienna, reads it",
            ),
        );
        check(
            "Europe/Vienna",
            "2010-03-28 02:30:00",
            Err("the time 2010-03-28 02:30:00 does not exist in Europe/Vienna: clocks skip it"),
        );
        check(
            "rfc3339",
            "1969-12-31T23:59:59Z",
            Err("the time 1969-12-31T23:59:59Z is before 1970"),
        );
        check(
            "Europe/Vienna",
            "1970-01-01 00:30:00",
            Err("the time 1970-01-01 00:30:00 is before 1970"),
        );
        check("ms", "-5", Err("the time -5 is before 1970"));
        for (field, unit) in [("1271939457947000", "ms"), ("1271939457947", "s")] {
            let reason =
                format!("the time {field} is after the year 9999 (is its unit really {unit}?)");
            check(unit, field, Err(&reason));
        }
    }

    #[test]
    fn only_zones_of_the_database_are_units() {
        for name in ["us", "", "S", "Europe/Atlantis", "+02:00", "2010-04-24"] {
            assert_eq!(name.parse::<TimeUnit>(), Err(()), "{name}");
        }
    }
}
