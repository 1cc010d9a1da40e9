//! Sizes and times as text: `256MiB`, `2s`. A bare number counts bytes or milliseconds, or what the
//! option says that it counts.

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
use std::time::Duration;

/// The names of units, and how many of the smallest unit each is.
type Units = [(&'static str, u64)];

const BYTES: &Units = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];
const MILLISECONDS: &Units = &[
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A number of bytes, for serde's `with` and for clap's `value_parser`.
pub mod bytes {
    /// Parses a text. The error says what the text should have been.
    pub fn parse(text: &str) -> Result<u64, String> {
        super::parse(text, super::BYTES)
    }

    /// Writes the value in the largest unit of which it is a whole multiple.
    pub fn serialize<S: serde::Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(*value, super::BYTES, serializer)
    }

    /// Reads a text with a unit, or a bare number.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        super::deserialize(super::BYTES, deserializer)
    }
}

/// A number of milliseconds, for serde's `with` and for clap's `value_parser`.
pub mod milliseconds {
    /// Parses a text. The error says what the text should have been.
    pub fn parse(text: &str) -> Result<u64, String> {
        super::parse(text, super::MILLISECONDS)
    }

    /// Writes the value in the largest unit of which it is a whole multiple.
    pub fn serialize<S: serde::Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(*value, super::MILLISECONDS, serializer)
    }

    /// Reads a text with a unit, or a bare number.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        super::deserialize(super::MILLISECONDS, deserializer)
    }
}

/// Parses a time, of which a bare number counts seconds, for clap's `value_parser`. The error says
/// what the text should have been.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let is_bare = text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if is_bare {
        format!("{text}s")
    } else {
        text.to_owned()
    };
    Ok(Duration::from_millis(milliseconds::parse(&text)?))
}

fn parse(text: &str, units: &Units) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let factor = match unit {
        "" => Some(1),
        _ => units
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, factor)| *factor),
    };
    let value = number
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor));
    value.ok_or_else(|| {
        let names: Vec<_> = units.iter().rev().map(|(name, _)| *name).collect();
        format!(
            "`{text}` should be a whole number, alone or with one of the units {}",
            names.join(", ")
        )
    })
}

/// Writes the value in the largest unit of which it is a whole multiple.
fn serialize<S: Serializer>(value: u64, units: &Units, serializer: S) -> Result<S::Ok, S::Error> {
    let fitting = |(_, factor): &&(&str, u64)| value != 0 && value.is_multiple_of(*factor);
    match units.iter().find(fitting) {
        Some((name, factor)) => serializer.collect_str(&format_args!("{}{name}", value / factor)),
        None => serializer.serialize_u64(value),
    }
}

fn deserialize<'de, D: Deserializer<'de>>(units: &Units, deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a whole number, or text such as \"256MiB\" or \"2s\""
    )]
    enum Written {
        Number(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(number) => Ok(number),
        Written::Text(text) => parse(&text, units).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_a_unit_or_none() {
        let check = |text, units, expected| assert_eq!(parse(text, units).ok(), expected, "{text}");
        check("0", BYTES, Some(0));
        check("1000", BYTES, Some(1000));
        check("256MiB", BYTES, Some(256 << 20));
        check("1 TiB", BYTES, Some(1 << 40));
        check("18446744073709551615", BYTES, Some(u64::MAX));
        check("500", MILLISECONDS, Some(500));
        check("500ms", MILLISECONDS, Some(500));
        check("2s", MILLISECONDS, Some(2_000));
        check("1h", MILLISECONDS, Some(3_600_000));
        check("7d", MILLISECONDS, Some(604_800_000));
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("1h"), Ok(Duration::from_secs(3_600)));
        assert!(seconds("").is_err() && seconds("-1s").is_err() && seconds("5 w").is_err());
        for text in [
            "",
            "MiB",
            "1.5MiB",
            "-1",
            "1MB",
            "1mib",
            "1s",
            "16777216TiB",
            "1 MiB ",
        ] {
            check(text, BYTES, None);
        }
    }
}
