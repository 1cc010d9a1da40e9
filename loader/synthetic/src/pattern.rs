//! Sentences with gaps, such as `{title} at {company}`.

/// Fills the gaps of a pattern. `fill` appends the text of a gap; the rest is copied.
pub(super) fn fill_pattern(pattern: &str, mut fill: impl FnMut(&str, &mut String)) -> String {
    let mut text = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((gap, after)) = after.split_once('}') else {
            break;
        };
        text.push_str(before);
        fill(gap, &mut text);
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_and_the_rest_is_copied() {
        let check = |pattern: &str, expected: &str| {
            let filled = fill_pattern(pattern, |gap, text| text.push_str(&gap.to_uppercase()));
            assert_eq!(filled, expected);
        };
        check("{title} at {company}", "TITLE at COMPANY");
        check("no gap", "no gap");
        check("{a}{b}", "AB");
        check("open {gap", "open {gap");
    }
}
