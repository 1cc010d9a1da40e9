//! Units of figures, and the text of a number in each.

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, shown in a suitable unit.
    Seconds,
    /// Bytes, shown in a suitable unit (decimal: 1 kB is 1,000 bytes).
    Bytes,
    /// Events per second.
    PerSecond,
    /// A ratio of two figures of one run.
    Times,
    /// Bits.
    Bits,
    /// A count of events or things.
    Count,
}

impl Unit {
    /// Returns the name for machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::PerSecond => "per second",
            Self::Times => "ratio",
            Self::Bits => "bits",
            Self::Count => "count",
        }
    }

    /// Returns the unit of this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Seconds,
            Self::Bytes,
            Self::PerSecond,
            Self::Times,
            Self::Bits,
            Self::Count,
        ];
        all.into_iter().find(|unit| unit.name() == name)
    }

    /// Formats a number of this unit with about three digits.
    pub fn show(self, number: f64) -> String {
        match self {
            Self::Seconds => scaled(
                number,
                &[(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")],
            ),
            Self::Bytes => scaled(
                number,
                &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes")],
            ),
            Self::PerSecond => format!("{}/s", rounded(number)),
            Self::Times => format!("{} x", rounded(number)),
            Self::Bits => format!("{} bits", rounded(number)),
            Self::Count => rounded(number),
        }
    }
}

/// Formats a count: 2000000 is `2,000,000`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number in the first scale that it reaches, or in the last.
fn scaled(number: f64, scales: &[(f64, &str)]) -> String {
    let fits = |(scale, _): &&(f64, &str)| number.abs() >= *scale;
    match scales.iter().find(fits).or(scales.last()) {
        Some((scale, name)) => format!("{} {name}", rounded(number / scale)),
        None => rounded(number),
    }
}

fn rounded(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 && number >= 0.0 => grouped(number.round() as u64),
        size if size >= 10.0 && number.fract() != 0.0 => format!("{number:.1}"),
        _ if number.fract() == 0.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.0}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_a_reader_needs() {
        for (unit, number, text) in [
            (Unit::Seconds, 12.0, "12 s"),
            (Unit::Seconds, 0.25e-3, "250 us"),
            (Unit::Seconds, 1.5e-3, "1.50 ms"),
            (Unit::Seconds, -3e-3, "-3 ms"),
            (Unit::Bytes, 1.35e9, "1.35 GB"),
            (Unit::Bytes, 56.0, "56 bytes"),
            (Unit::PerSecond, 1_234_567.8, "1,234,568/s"),
            (Unit::Times, 0.7, "0.70 x"),
            (Unit::Times, 0.0, "0 x"),
            (Unit::Bits, 15.5, "15.5 bits"),
        ] {
            assert_eq!(unit.show(number), text);
        }
    }
}
