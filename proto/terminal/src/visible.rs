//! Makes control characters visible: what members wrote must not steer a terminal.
//!
//! A name can hold an escape sequence that clears a screen or types a command, and characters that
//! turn the direction of the text around it. Each of them is written as in JSON, `\u001b`. Within a
//! JSON document they stand in strings only, so the document stays the same.
//!
//! Sources: ECMA-48 for C0, DEL and C1; Unicode Standard Annex #9 for the directional characters;
//! Unicode Technical Report #36, section 2.9, for tag characters.

use std::{borrow::Cow, fmt::Write as _};

/// Returns the text of one or more lines with its other control characters visible.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |character| {
        is_steering(character) && !matches!(character, '\n' | '\t')
    })
}

/// Returns the text with every control character visible, also line ends: for a value within a
/// line.
#[must_use]
pub fn visible_in_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_steering)
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' if is_escaped('\n') => visible += "\\n",
            '\t' if is_escaped('\t') => visible += "\\t",
            '\r' => visible += "\\r",
            _ if is_escaped(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // A string takes everything.
                    let _ = write!(visible, "\\u{unit:04x}");
                }
            }
            _ => visible.push(character),
        }
    }
    Cow::Owned(visible)
}

/// Returns whether a character acts on a terminal, or on the text around it, instead of being
/// shown. The joiners within words are none of these.
fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // The directional characters, and the separators of lines and paragraphs.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                // Deprecated format characters, interlinear annotations, a mark of byte order.
                | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{feff}'
                // Invisible copies of ASCII.
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        let check = |text, lines, line| {
            assert_eq!(visible(text), lines);
            assert_eq!(visible_in_line(text), line);
        };
        check(
            "Zoë, 髙橋, می\u{200c}خواهم 👩\u{200d}🔬",
            "Zoë, 髙橋, می\u{200c}خواهم 👩\u{200d}🔬",
            "Zoë, 髙橋, می\u{200c}خواهم 👩\u{200d}🔬",
        );
        check("a\nb\tc\r", "a\nb\tc\\r", "a\\nb\\tc\\r");
        check("\x1b]0;x\x07", "\\u001b]0;x\\u0007", "\\u001b]0;x\\u0007");
        check(
            "\u{9b}2J\x7f\0",
            "\\u009b2J\\u007f\\u0000",
            "\\u009b2J\\u007f\\u0000",
        );
        check("a\u{202e}b\u{2066}", "a\\u202eb\\u2066", "a\\u202eb\\u2066");
        check("\u{e0041}", "\\udb40\\udc41", "\\udb40\\udc41");
        assert!(matches!(visible("plain\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_json_document_stays_the_same() {
        let all: String = ('\0'..='\u{2100}')
            .chain('\u{e0000}'..='\u{e0100}')
            .collect();
        let document = serde_json::to_string(&[&all]).unwrap();
        let shown = visible(&document);
        assert!(!shown.chars().any(is_steering));
        let read: [String; 1] = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, [all]);
    }
}
