//! Cuts text into tokens: one function for documents and queries alike.
//!
//! Text is folded first: compatibility decomposition, diacritics removed, lower case, and a few
//! letters that do not decompose. Then it is cut at the word boundaries of Unicode (UAX #29), and
//! at characters that are neither letter, digit nor mark. So `O'Neil` becomes `o` and `neil`.
//!
//! Each Chinese character or kana is a token, so that any part of a name is found as a phrase of
//! them. Words are not stemmed, since names are not inflected.

use std::ops::Range;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation as _;

/// The maximum number of characters in a token. The rest of a longer word is ignored, in documents
/// and queries.
pub const TOKEN_CHARACTERS_MAX: usize = 64;

/// Returns the tokens of a text, in order.
///
/// ```
/// assert_eq!(cloud_search::tokens("Zoë O'Neil, 山田"), ["zoe", "o", "neil", "山", "田"]);
/// ```
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let folded = fold(text);
    spans(&folded)
        .into_iter()
        .filter_map(|span| folded.get(span))
        .map(str::to_owned)
        .collect()
}

/// The tokenizer for tantivy, with the same tokens.
#[derive(Clone, Default)]
pub(crate) struct PeopleTokenizer;

impl PeopleTokenizer {
    /// The name under which every index registers it.
    pub(crate) const NAME: &'static str = "people";
}

impl Tokenizer for PeopleTokenizer {
    type TokenStream<'a> = PeopleTokens;

    fn token_stream(&mut self, text: &str) -> PeopleTokens {
        let folded = fold(text);
        let spans = spans(&folded).into_iter();
        PeopleTokens {
            folded,
            spans,
            token: Token::default(),
        }
    }
}

/// A cursor over the tokens of one text.
pub(crate) struct PeopleTokens {
    folded: String,
    spans: std::vec::IntoIter<Range<usize>>,
    token: Token,
}

impl TokenStream for PeopleTokens {
    fn advance(&mut self) -> bool {
        let Some(text) = self.spans.next().and_then(|span| self.folded.get(span)) else {
            return false;
        };
        self.token.text.clear();
        self.token.text.push_str(text);
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let folded = text
        .nfkd()
        .filter(|&character| !is_dropped(character))
        .flat_map(char::to_lowercase);
    let mut letters = String::with_capacity(text.len());
    for character in folded {
        match plain_letters(character) {
            Some(plain) => letters.push_str(plain),
            None => letters.push(character),
        }
    }
    // Recomposes: Hangul syllables and voiced kana are letters of their own, not letters with a
    // diacritic.
    letters.nfc().collect()
}

/// Returns the plain form of a letter that Unicode does not decompose, as typed on a keyboard that
/// lacks it.
fn plain_letters(character: char) -> Option<&'static str> {
    Some(match character {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŧ' => "t",
        'þ' => "th",
        'ς' => "σ",
        _ => return None,
    })
}

/// Returns whether folding removes a character: a diacritic, or an invisible character inside a
/// word. The vowel signs of Indic scripts stay, because they distinguish words; so does the voicing
/// of kana.
fn is_dropped(character: char) -> bool {
    matches!(character,
        '\u{0300}'..='\u{036F}'       // Latin, Greek, Cyrillic
        | '\u{0483}'..='\u{0487}'     // old Cyrillic
        | '\u{0591}'..='\u{05C7}'     // Hebrew points
        | '\u{0610}'..='\u{061A}' | '\u{064B}'..='\u{065F}' // Arabic
        | '\u{0670}' | '\u{06D6}'..='\u{06ED}' // Arabic
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20F0}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{00AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{FE00}'..='\u{FE0F}')
}

/// Returns whether a character is a token by itself: Chinese characters and kana, whose scripts
/// have no spaces between words.
fn stands_alone(character: char) -> bool {
    matches!(character,
        '\u{3005}' | '\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}')
}

/// Returns the byte ranges of the tokens of a folded text.
fn spans(folded: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for (word_start, word) in folded.unicode_word_indices() {
        let mut open: Option<(Range<usize>, usize)> = None;
        for (offset, character) in word.char_indices() {
            let start = word_start + offset;
            let end = start + character.len_utf8();
            let is_mark = is_combining_mark(character);
            match &mut open {
                Some((span, length)) if is_mark || joins(character) => {
                    if *length < TOKEN_CHARACTERS_MAX {
                        span.end = end;
                        *length += 1;
                    }
                }
                _ => {
                    spans.extend(open.take().map(|(span, _)| span));
                    if stands_alone(character) && character.is_alphanumeric() {
                        spans.push(start..end);
                    } else if joins(character) {
                        open = Some((start..end, 1));
                    }
                }
            }
        }
        spans.extend(open.map(|(span, _)| span));
    }
    spans
}

fn joins(character: char) -> bool {
    character.is_alphanumeric() && !stands_alone(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(tokens(text), expected, "{text:?}");
        let mut stream = PeopleTokenizer.token_stream(text);
        let mut streamed = Vec::new();
        let mut positions = Vec::new();
        while let Some(token) = stream.next() {
            streamed.push(token.text.clone());
            positions.push(token.position);
        }
        assert_eq!(streamed, expected, "{text:?}");
        assert_eq!(
            positions,
            (0..expected.len()).collect::<Vec<_>>(),
            "{text:?}"
        );
    }

    #[test]
    fn text_is_cut_into_folded_words() {
        check("", &[]);
        check(" ... !?", &[]);
        check("Senior Engineer", &["senior", "engineer"]);
        check("Jean-Luc O'Neil", &["jean", "luc", "o", "neil"]);
        check("acme.com 3.14 a_b", &["acme", "com", "3", "14", "a", "b"]);
        check(
            "Zoë Müller-Łukasz SØREN",
            &["zoe", "muller", "lukasz", "soren"],
        );
        check("Straße STRASSE", &["strasse", "strasse"]);
        check("Zoe\u{301} ﬁne Ⅳ", &["zoe", "fine", "iv"]);
        check("İstanbul ISTANBUL ısı", &["istanbul", "istanbul", "isi"]);
        check("Οδυσσεύς ΟΔΥΣΣΕΥΣ", &["οδυσσευσ", "οδυσσευσ"]);
        check("Андрей", &["андреи"]);
        check("山田太郎", &["山", "田", "太", "郎"]);
        check(
            "やまだ タロウ ｶﾞ",
            &["や", "ま", "だ", "タ", "ロ", "ウ", "ガ"],
        );
        check("김민수", &["김민수"]);
        check(
            "東京タワーABC社",
            &["東", "京", "タ", "ワ", "ー", "abc", "社"],
        );
        check("أحمد مُحَمَّد", &["احمد", "محمد"]);
        check("हिन्दी", &["हिन्दी"]);
        check("soft\u{AD}hyphen", &["softhyphen"]);
    }

    #[test]
    fn long_words_are_cut_and_still_meet() {
        let long = "ä".repeat(1000);
        assert_eq!(tokens(&long), ["a".repeat(TOKEN_CHARACTERS_MAX)]);
    }
}
