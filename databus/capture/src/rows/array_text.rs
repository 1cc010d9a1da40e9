//! The text format of one-dimensional arrays:
//! <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>.

/// Reads an array: `{a,"b c",NULL}`. NULL elements are left out. Returns `None` if the text is no
/// array of one dimension.
pub(super) fn array_from_text(text: &str) -> Option<Vec<String>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut entries = Vec::new();
    let mut rest = inner.chars().peekable();
    if rest.peek().is_none() {
        return Some(entries);
    }
    loop {
        let mut entry = String::new();
        let is_quoted = rest.next_if_eq(&'"').is_some();
        loop {
            match rest.next() {
                Some('\\') => entry.push(rest.next()?),
                Some('"') if is_quoted => break,
                None if is_quoted => return None,
                Some('{' | '}' | '"') if !is_quoted => return None,
                Some(character) => entry.push(character),
                None => break,
            }
            if !is_quoted && matches!(rest.peek(), None | Some(',')) {
                break;
            }
        }
        if is_quoted || !entry.eq_ignore_ascii_case("NULL") {
            entries.push(entry);
        }
        match rest.next() {
            None => return Some(entries),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_as_the_database_prints_them() {
        for (text, expected) in [
            ("{}", Some(&[][..])),
            ("{a}", Some(&["a"])),
            ("{a,b c,NULL,\"NULL\"}", Some(&["a", "b c", "NULL"])),
            (
                r#"{"a,b","say \"hi\"","back\\slash",""}"#,
                Some(&["a,b", "say \"hi\"", "back\\slash", ""]),
            ),
            ("{{a},{b}}", None),
            ("{\"a}", None),
            ("{\"a\"b}", None),
            ("a", None),
        ] {
            let found = array_from_text(text);
            let found = found
                .as_ref()
                .map(|entries| entries.iter().map(|entry| &**entry).collect());
            assert_eq!(found, expected.map(<[&str]>::to_vec), "{text}");
        }
    }
}
