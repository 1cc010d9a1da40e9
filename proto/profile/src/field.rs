//! A field of a member or a position, with its name, type, limits and search fields.

use crate::{
    invalid_value::{InvalidValue, excerpt},
    kind::Kind,
    search_field::SearchField,
};
use cloud_proto::databus::v1::YearMonth;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::json;
use std::collections::BTreeMap;

/// A message whose fields are listed in the table.
pub trait Fields: Clone + Default + Sized + 'static {
    /// The name of the message.
    const NAME: &'static str;
    /// The table: each field once, in the order in which fields are checked and printed.
    const FIELDS: &'static [Field<Self>];
}

/// A field of the message `M`.
pub struct Field<M: 'static> {
    /// The name of the field in masks, JSON, error messages and the header of a dump.
    pub name: &'static str,
    /// The type of the field, the access to its value, and its limits.
    pub value: Value<M>,
    /// The label of the value in a printed profile. Empty: the value is printed without a label.
    /// `None`: it is not printed.
    pub label: Option<&'static str>,
    /// The search fields in which the texts are found. They may depend on the message: an
    /// organisation is a company or a school.
    pub search: fn(&M) -> &'static [SearchField],
}

/// The type of a field, with access to its value.
pub enum Value<M: 'static> {
    /// A number that identifies something. Never 0.
    Id(Access<M, u64>),
    /// A text.
    Text {
        /// The access to the text.
        access: Access<M, String>,
        /// The length of the longest text, trimmed.
        bytes_max: usize,
    },
    /// A list of texts.
    Texts {
        /// The access to the list.
        access: Access<M, Vec<String>>,
        /// The number of entries at most, not counting empty ones.
        entries_max: usize,
        /// The length of the longest entry, trimmed.
        bytes_max: usize,
    },
    /// Texts by name: the site's own fields.
    NamedTexts {
        /// The access to the texts.
        access: Access<M, BTreeMap<String, String>>,
        /// The number of names at most.
        entries_max: usize,
        /// The length of the longest name.
        name_bytes_max: usize,
        /// The length of the longest text, trimmed.
        bytes_max: usize,
    },
    /// The kind of a position, a [`Kind`].
    Kind(Access<M, i32>),
    /// A year, or a month of a year.
    YearMonth(Access<M, Option<YearMonth>>),
    /// True or false.
    Truth(Access<M, bool>),
}

/// The access to the value of a field.
pub struct Access<M: 'static, V: 'static> {
    /// Returns the value.
    pub get: fn(&M) -> &V,
    /// Returns the value for writing.
    pub get_mut: fn(&mut M) -> &mut V,
}

/// The separator of the entries of a list that is one text, as in a dump.
const ENTRY_SEPARATOR: char = ';';
/// The separator of a name and its text in such a list.
const NAME_SEPARATOR: char = '=';

impl<M> Field<M> {
    /// Makes the row of the table for a field that is neither printed nor searched.
    pub(crate) const fn new(name: &'static str, value: Value<M>) -> Self {
        Self {
            name,
            value,
            label: None,
            search: |_| &[],
        }
    }

    /// Adds the label with which profiles are printed.
    pub(crate) const fn printed(self, label: &'static str) -> Self {
        Self {
            label: Some(label),
            ..self
        }
    }

    /// Adds the search fields.
    pub(crate) const fn found_in(self, search: fn(&M) -> &'static [SearchField]) -> Self {
        Self { search, ..self }
    }

    /// Moves the field's value from one message to another.
    pub(crate) fn move_value(&self, from: &mut M, to: &mut M) {
        use std::mem::take;
        match &self.value {
            Value::Id(access) => *(access.get_mut)(to) = take((access.get_mut)(from)),
            Value::Text { access, .. } => *(access.get_mut)(to) = take((access.get_mut)(from)),
            Value::Texts { access, .. } => *(access.get_mut)(to) = take((access.get_mut)(from)),
            Value::NamedTexts { access, .. } => {
                *(access.get_mut)(to) = take((access.get_mut)(from));
            }
            Value::Kind(access) => *(access.get_mut)(to) = take((access.get_mut)(from)),
            Value::YearMonth(access) => *(access.get_mut)(to) = take((access.get_mut)(from)),
            Value::Truth(access) => *(access.get_mut)(to) = take((access.get_mut)(from)),
        }
    }

    /// Calls `each` with every text of the field that is not empty. A field of another type has no
    /// texts.
    pub fn for_each_text<'m>(&self, message: &'m M, mut each: impl FnMut(&'m str)) {
        let mut each = |text: &'m String| {
            if !text.is_empty() {
                each(text);
            }
        };
        match &self.value {
            Value::Text { access, .. } => each((access.get)(message)),
            Value::Texts { access, .. } => (access.get)(message).iter().for_each(each),
            Value::NamedTexts { access, .. } => (access.get)(message).values().for_each(each),
            Value::Id(_) | Value::Kind(_) | Value::YearMonth(_) | Value::Truth(_) => {}
        }
    }

    /// Sets the field from a text of a dump. An empty text is the absent value. White space around
    /// the text and the case of words do not matter. The rules check the value later.
    ///
    /// The formats are: numbers in digits; `work` or `education`; `YYYY`, `YYYY-MM` or `YYYY-MM-DD`
    /// (the day is not kept); `true` or `false`; the entries of a list between semicolons; named
    /// texts as a list of `name=text`. A list may also be an array of texts in JSON, and named
    /// texts an object of texts: so they may hold semicolons.
    ///
    /// # Errors
    /// If the text cannot be read as a value of the field's type.
    pub fn set_from_text(&self, message: &mut M, text: &str) -> Result<(), InvalidValue> {
        let text = text.trim();
        let unreadable =
            |problem: &str| InvalidValue::new(self.name, format!("{} {problem}", excerpt(text)));
        match &self.value {
            Value::Id(access) => *(access.get_mut)(message) = id_from_text(self.name, text)?,
            Value::Text { access, .. } => text.clone_into((access.get_mut)(message)),
            Value::Texts { access, .. } => {
                let entries = text
                    .split(ENTRY_SEPARATOR)
                    .map(|entry| entry.trim().to_owned());
                *(access.get_mut)(message) = match json_in(text, '[') {
                    Some(entries) => entries,
                    None => entries.collect(),
                };
            }
            Value::NamedTexts { access, .. } => {
                if let Some(OnceEach(texts)) = json_in(text, '{') {
                    *(access.get_mut)(message) = texts;
                    return Ok(());
                }
                let mut texts = BTreeMap::new();
                for entry in text
                    .split(ENTRY_SEPARATOR)
                    .filter(|entry| !entry.trim().is_empty())
                {
                    let (name, text) = entry
                        .split_once(NAME_SEPARATOR)
                        .ok_or_else(|| unreadable("is not a list of name=text"))?;
                    let (name, text) = (name.trim().to_owned(), text.trim().to_owned());
                    if texts.insert(name, text).is_some() {
                        return Err(unreadable("has a name twice"));
                    }
                }
                *(access.get_mut)(message) = texts;
            }
            Value::Kind(access) => {
                let kind = Kind::from_word(text);
                *(access.get_mut)(message) = kind
                    .ok_or_else(|| unreadable("is none of work, education"))?
                    .into();
            }
            Value::YearMonth(access) => {
                *(access.get_mut)(message) = year_month(text)
                    .map_err(|()| unreadable("is not YYYY, YYYY-MM or YYYY-MM-DD"))?;
            }
            Value::Truth(access) => {
                *(access.get_mut)(message) =
                    truth(text).ok_or_else(|| unreadable("is none of true, false"))?;
            }
        }
        Ok(())
    }
}

impl<M> Field<M> {
    /// Returns the value as a text of a dump, which [`set_from_text`](Self::set_from_text) reads
    /// back. Lists are in JSON if separators could not tell their entries apart.
    pub fn to_text(&self, message: &M) -> String {
        match &self.value {
            Value::Id(access) => match (access.get)(message) {
                0 => String::new(),
                id => id.to_string(),
            },
            Value::Text { access, .. } => (access.get)(message).clone(),
            Value::Texts { access, .. } => {
                let texts = (access.get)(message);
                let plain = texts.join(&ENTRY_SEPARATOR.to_string());
                let is_plain = !plain.starts_with('[')
                    && texts.iter().all(|text| !text.contains(ENTRY_SEPARATOR));
                if is_plain {
                    plain
                } else {
                    json!(texts).to_string()
                }
            }
            Value::NamedTexts { access, .. } => {
                let texts = (access.get)(message);
                let has = |text: &str| text.contains(ENTRY_SEPARATOR);
                let is_plain = texts
                    .iter()
                    .all(|(name, text)| !has(name) && !has(text) && !name.contains(NAME_SEPARATOR));
                let entries = texts
                    .iter()
                    .map(|(name, text)| format!("{name}{NAME_SEPARATOR}{text}"));
                let plain = entries
                    .collect::<Vec<_>>()
                    .join(&ENTRY_SEPARATOR.to_string());
                if is_plain && !plain.starts_with('{') {
                    plain
                } else {
                    json!(texts).to_string()
                }
            }
            Value::Kind(access) => {
                let kind = Kind::from(*(access.get)(message));
                kind.word().unwrap_or_default().to_owned()
            }
            Value::YearMonth(access) => match (access.get)(message) {
                None => String::new(),
                Some(YearMonth { year, month: 0 }) => format!("{year:04}"),
                Some(YearMonth { year, month }) => format!("{year:04}-{month:02}"),
            },
            Value::Truth(access) => (access.get)(message).to_string(),
        }
    }
}

/// Texts by name, of an object of JSON in which no name occurs twice.
struct OnceEach(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for OnceEach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = OnceEach;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<OnceEach, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((name, text)) = object.next_entry()? {
                    if texts.insert(name, text).is_some() {
                        return Err(A::Error::custom("a name twice"));
                    }
                }
                Ok(OnceEach(texts))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

/// Reads a text that begins as a list of JSON does. `None` if it is none.
fn json_in<T: DeserializeOwned>(text: &str, begin: char) -> Option<T> {
    let is_begun = text.starts_with(begin);
    is_begun.then(|| serde_json::from_str(text).ok()).flatten()
}

/// Reads an id: digits without leading zeros, with white space around them. An empty text is 0.
///
/// `007` is no id: a site that writes it may tell it from `7`, and a change in JSON cannot have it.
///
/// # Errors
/// If it is any other text. The error carries the name of the field.
pub fn id_from_text(field: &str, text: &str) -> Result<u64, InvalidValue> {
    let text = text.trim();
    let id = if text.is_empty() {
        Some(0)
    } else {
        number(text)
    };
    let problem = match id {
        Some(id) if text.len() < 2 || !text.starts_with('0') => return Ok(id),
        Some(_) => "begins with 0: an id has no leading zeros",
        None => "is not a number of 64 bits",
    };
    Err(InvalidValue::new(
        field,
        format!("{} {problem}", excerpt(text)),
    ))
}

/// Reads a number that consists of digits only, without a sign.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn truth(text: &str) -> Option<bool> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match text {
        "" => Some(false),
        _ if is_one_of(&["true", "t", "1"]) => Some(true),
        _ if is_one_of(&["false", "f", "0"]) => Some(false),
        _ => None,
    }
}

/// Reads a year of four digits, a month and a day of two. The rules check the year and the month.
fn year_month(text: &str) -> Result<Option<YearMonth>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let part = |part: Option<&str>, digits: usize| match part {
        Some(part) if part.len() == digits => number(part).map(Some).ok_or(()),
        Some(_) => Err(()),
        None => Ok(None),
    };
    let mut parts = text.splitn(3, '-');
    let year = part(parts.next(), 4)?.ok_or(())?;
    let month = part(parts.next(), 2)?.unwrap_or(0);
    if part(parts.next(), 2)?.is_some_and(|day| day > 31) {
        return Err(());
    }
    Ok(Some(YearMonth {
        year: i32::try_from(year).map_err(drop)?,
        month: u32::try_from(month).map_err(drop)?,
    }))
}

impl<M> std::fmt::Debug for Field<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;
    use crate::rules::{check_id, complete_position};
    use cloud_proto::databus::v1::{Member, Position};

    /// Sets one field from a text, applies the rules, and compares the resulting value or error.
    fn check(name: &str, text: &str, expected: &str) {
        let field = Position::FIELDS
            .iter()
            .find(|field| field.name == name)
            .unwrap();
        let mut position = Position::default();
        let set = field
            .set_from_text(&mut position, text)
            .and_then(|()| {
                check_id(
                    name,
                    position.position_id.max(u64::from(name != "position_id")),
                )
            })
            .and_then(|()| complete_position(&mut position, Mask::all()));
        let found = match set {
            Err(invalid) => invalid.to_string(),
            Ok(()) => match &field.value {
                Value::Id(access) => (access.get)(&position).to_string(),
                Value::Text { access, .. } => (access.get)(&position).clone(),
                Value::Texts { access, .. } => (access.get)(&position).join("|"),
                Value::NamedTexts { access, .. } => format!("{:?}", (access.get)(&position)),
                Value::Kind(access) => format!("{:?}", Kind::from(*(access.get)(&position))),
                Value::YearMonth(access) => (access.get)(&position)
                    .map_or("none".to_owned(), |date| {
                        format!("{}/{}", date.year, date.month)
                    }),
                Value::Truth(access) => (access.get)(&position).to_string(),
            },
        };
        assert_eq!(found, expected, "{name} from {text:?}");
    }

    #[test]
    fn texts_of_fields_are_read_back() {
        let attributes = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            pairs.collect::<BTreeMap<_, _>>()
        };
        let skills = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        for (skills, attributes, expected) in [
            (skills(&[]), attributes(&[]), ["", ""]),
            (
                skills(&["rust", "a, b"]),
                attributes(&[("a", "x=y"), ("b", "")]),
                ["rust;a, b", "a=x=y;b="],
            ),
            (
                skills(&["a;b", "\"c\""]),
                attributes(&[("a", "x;y"), ("b=c", "z")]),
                [r#"["a;b","\"c\""]"#, r#"{"a":"x;y","b=c":"z"}"#],
            ),
            (
                skills(&["[\"x\"]"]),
                attributes(&[("{", "}")]),
                [r#"["[\"x\"]"]"#, r#"{"{":"}"}"#],
            ),
        ] {
            let member = Member {
                member_id: 7,
                skills,
                attributes,
                ..Member::default()
            };
            let mut again = Member::default();
            let mut texts = Vec::new();
            for field in Member::FIELDS {
                let text = field.to_text(&member);
                field.set_from_text(&mut again, &text).unwrap();
                if ["skills", "attributes"].contains(&field.name) {
                    texts.push(text);
                }
            }
            again.skills.retain(|text| !text.is_empty());
            assert_eq!(again, member);
            assert_eq!(texts, expected);
        }
        // A text that is no JSON is a list as ever.
        let field = Member::FIELDS.iter().find(|field| field.name == "skills");
        let mut member = Member::default();
        field
            .unwrap()
            .set_from_text(&mut member, "[rust];go")
            .unwrap();
        assert_eq!(member.skills, ["[rust]", "go"]);
    }

    #[test]
    fn a_text_of_a_dump_becomes_a_value_or_an_error() {
        check(
            "position_id",
            "18446744073709551615",
            "18446744073709551615",
        );
        for text in ["0", ""] {
            check("position_id", text, "position_id: is 0");
        }
        for text in ["+5", "-5", "x", "18446744073709551616"] {
            let expected = format!("position_id: {text:?} is not a number of 64 bits");
            check("position_id", text, &expected);
        }
        for (text, kind) in [("", "Work"), ("Work", "Work"), (" EDUCATION ", "Education")] {
            check("kind", text, kind);
        }
        check("kind", "job", "kind: \"job\" is none of work, education");
        for (text, date) in [
            ("", "none"),
            ("2001", "2001/0"),
            ("2001-05", "2001/5"),
            ("1899-12", "1899/12"),
            ("2001-05-17", "2001/5"),
            ("2001-00-00", "2001/0"),
            ("2001-13", "from.month: 13 is not in 0 to 12"),
            ("0000", "from.year: 0 is not in 1 to 9999"),
        ] {
            check("from", text, date);
        }
        for text in [
            "20",
            "2001-1",
            "2001-05-32",
            "2001-05-17T00:00:00Z",
            "-001",
            "2001-",
            "éé",
        ] {
            let expected = format!("from: {text:?} is not YYYY, YYYY-MM or YYYY-MM-DD");
            check("from", text, &expected);
        }
        for (text, truth) in [
            ("", "false"),
            ("True", "true"),
            ("t", "true"),
            ("0", "false"),
        ] {
            check("current", text, truth);
        }
        check("current", "yes", "current: \"yes\" is none of true, false");
        check("title", " \u{a0}Boss\t", "Boss");
        let long = "x\n".repeat(40);
        let cut = "x\\n".repeat(20);
        check(
            "kind",
            &format!("{long}x"),
            &format!("kind: \"{cut}\"… is none of work, education"),
        );
    }
}
