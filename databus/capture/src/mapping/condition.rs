//! A condition on a column, which decides whether a row counts.

use crate::rows::datum::Datum;

/// A test of one column. A row counts if all tests of its table hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// The test of its value.
    pub test: Test,
}

/// A test of a column's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is one of these texts, in the form in which the database prints it. Truth values are
    /// `true` and `false`. NULL is none of them.
    OneOf(Vec<String>),
    /// It is NULL.
    IsNull,
    /// It is not NULL.
    IsNotNull,
}

impl Test {
    /// Returns whether the test holds; `None` if the value is not known.
    pub(crate) fn holds(&self, datum: Datum<'_>) -> Option<bool> {
        Some(match (self, datum) {
            (_, Datum::Unknown) => return None,
            (Self::IsNull, Datum::Null) | (Self::IsNotNull, Datum::Text(_)) => true,
            (Self::OneOf(texts), Datum::Text(text)) => texts.iter().any(|one| is_same(one, text)),
            _ => false,
        })
    }
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
            assert_eq!(test.holds(datum), expected, "{test:?} {datum:?}");
        }
    }
}
