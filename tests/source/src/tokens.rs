//! Splits a Rust file into tokens and comments: as much of the language as paths and prose need.

/// A word, a number, a mark or a string literal, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The text as in the file. A string literal keeps its quotes.
    pub text: String,
    /// The line, from 1.
    pub line: usize,
}

/// One line of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The text without the slashes.
    pub text: String,
    /// The line, from 1.
    pub line: usize,
    /// True if rustdoc renders it: `///` or `//!`.
    pub is_doc: bool,
}

/// The tokens and the comments of a file, in its order.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Everything except comments and blanks.
    pub tokens: Vec<Token>,
    /// Every line of every comment.
    pub comments: Vec<Comment>,
}

/// Splits a file into tokens and comments.
pub fn split(text: &str) -> Tokens {
    let bytes: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        text: &bytes,
        at: 0,
        line: 1,
        found: Tokens::default(),
    };
    while reader.at < bytes.len() {
        reader.next();
    }
    reader.found
}

struct Reader<'a> {
    text: &'a [char],
    at: usize,
    line: usize,
    found: Tokens,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> char {
        self.text.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn next(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.line_comment(),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(0),
            ('b' | 'c', '"') => self.string(1),
            ('r', '"' | '#') if self.raw_hashes(1).is_some() => self.raw_string(1),
            ('b' | 'c', 'r') if self.raw_hashes(2).is_some() => self.raw_string(2),
            ('\'', _) => self.quote(),
            (first, _) if first.is_alphanumeric() || first == '_' => {
                let length = self.count(|char| char.is_alphanumeric() || char == '_');
                self.token(length);
            }
            (':', ':') => self.token(2),
            ('\n', _) => {
                self.line += 1;
                self.at += 1;
            }
            (blank, _) if blank.is_whitespace() => self.at += 1,
            _ => self.token(1),
        }
    }

    fn count(&self, is_part: impl Fn(char) -> bool) -> usize {
        let rest = &self.text[self.at..];
        let end = rest.iter().position(|&char| !is_part(char));
        end.unwrap_or(rest.len())
    }

    /// Takes this many characters as one token.
    fn token(&mut self, length: usize) {
        let end = (self.at + length).min(self.text.len());
        let text: String = self.text[self.at..end].iter().collect();
        let line = self.line;
        self.line += text.matches('\n').count();
        self.at = end;
        self.found.tokens.push(Token { text, line });
    }

    fn line_comment(&mut self) {
        let length = self.count(|char| char != '\n');
        let text: String = self.text[self.at..self.at + length].iter().collect();
        let is_doc =
            (text.starts_with("///") && !text.starts_with("////")) || text.starts_with("//!");
        self.found.comments.push(Comment {
            text: text.trim_start_matches(['/', '!']).trim().to_owned(),
            line: self.line,
            is_doc,
        });
        self.at += length;
    }

    fn block_comment(&mut self) {
        let (mut depth, begun) = (0, self.at);
        loop {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => (depth, self.at) = (depth + 1, self.at + 2),
                ('*', '/') => (depth, self.at) = (depth - 1, self.at + 2),
                _ => self.at += 1,
            }
            if depth == 0 || self.at >= self.text.len() {
                break;
            }
        }
        let text: String = self.text[begun..self.at.min(self.text.len())]
            .iter()
            .collect();
        for line in text.lines() {
            self.found.comments.push(Comment {
                text: line.trim_matches(['/', '*', ' ']).to_owned(),
                line: self.line,
                is_doc: false,
            });
            self.line += 1;
        }
        self.line -= 1;
    }

    fn string(&mut self, prefix: usize) {
        let mut length = prefix + 1;
        loop {
            match self.peek(length) {
                '\\' => length += 2,
                '"' => break length += 1,
                _ if self.at + length >= self.text.len() => break,
                _ => length += 1,
            }
        }
        self.token(length);
    }

    /// Returns the number of hashes before the quote of a raw string; `None` if this is not one.
    fn raw_hashes(&self, prefix: usize) -> Option<usize> {
        let hashes = (0..)
            .take_while(|&number| self.peek(prefix + number) == '#')
            .count();
        (self.peek(prefix + hashes) == '"').then_some(hashes)
    }

    fn raw_string(&mut self, prefix: usize) {
        let hashes = self.raw_hashes(prefix).unwrap_or_default();
        let mut length = prefix + hashes + 1;
        while self.at + length < self.text.len() {
            length += 1;
            let is_closed = self.peek(length - 1) == '"'
                && (0..hashes).all(|number| self.peek(length + number) == '#');
            if is_closed {
                break;
            }
        }
        self.token(length + hashes);
    }

    /// Takes a character literal, or a lifetime.
    fn quote(&mut self) {
        if self.peek(1) == '\\' {
            let mut length = 3;
            while self.peek(length) != '\'' && self.at + length < self.text.len() {
                length += 1;
            }
            self.token(length + 1);
        } else if self.peek(2) == '\'' {
            self.token(3);
        } else {
            self.token(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_lifetimes_are_told_apart() {
        let found = split(
            "fn f<'a>(x: &'a str) { /* a /* b */ c */ \
             g(\"// no\", r#\"\"x\"#, '\"', '\\'') } // d\n/// e",
        );
        let words: Vec<&str> = found
            .tokens
            .iter()
            .map(|token| token.text.as_str())
            .collect();
        assert!(words.contains(&"\"// no\""), "{words:?}");
        assert!(words.contains(&"r#\"\"x\"#"), "{words:?}");
        assert!(
            words.contains(&"'\"'") && words.contains(&"'\\''"),
            "{words:?}"
        );
        let comments: Vec<(&str, bool)> = (found.comments.iter())
            .map(|comment| (comment.text.as_str(), comment.is_doc))
            .collect();
        assert_eq!(
            comments,
            [("a /* b */ c", false), ("d", false), ("e", true)]
        );
        assert_eq!(found.comments[2].line, 2);
    }
}
