//! The tests of a mapping on the values of a row.

use crate::{mapping::Test, rows::datum::Datum};

/// Returns whether a test holds; `None` if the value is not known.
pub(super) fn holds(test: &Test, datum: Datum<'_>) -> Option<bool> {
    Some(match (test, datum) {
        (_, Datum::Unknown) => return None,
        (Test::IsNull, Datum::Null) | (Test::IsNotNull, Datum::Text(_)) => true,
        (Test::OneOf(texts), Datum::Text(text)) => texts.iter().any(|one| is_same(one, text)),
        _ => false,
    })
}

/// Returns whether a constant of the mapping is a value as the database prints it. It prints truth
/// values as `t` and `f`.
fn is_same(constant: &str, text: &str) -> bool {
    constant == text || matches!((constant, text), ("true", "t") | ("false", "f"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_holds_of_what_the_database_prints() {
        let one_of = |texts: &[&str]| Test::OneOf(texts.iter().map(|&text| text.into()).collect());
        for (test, datum, expected) in [
            (
                one_of(&["accepted", "close"]),
                Datum::Text("close"),
                Some(true),
            ),
            (one_of(&["accepted"]), Datum::Text("pending"), Some(false)),
            (one_of(&["accepted"]), Datum::Null, Some(false)),
            (one_of(&["true"]), Datum::Text("t"), Some(true)),
            (one_of(&["false"]), Datum::Text("f"), Some(true)),
            (one_of(&["false"]), Datum::Text("t"), Some(false)),
            (Test::IsNull, Datum::Null, Some(true)),
            (Test::IsNull, Datum::Text(""), Some(false)),
            (Test::IsNotNull, Datum::Text(""), Some(true)),
            (Test::IsNotNull, Datum::Null, Some(false)),
            (Test::IsNull, Datum::Unknown, None),
        ] {
            assert_eq!(holds(&test, datum), expected, "{test:?} {datum:?}");
        }
    }
}
