//! The query language: text to a parse tree, in time linear in the text.
//!
//! ```text
//! query       = [ disjunction ]                          empty text: every member
//! disjunction = conjunction { "OR" conjunction }
//! conjunction = clause { [ "AND" ] clause }              side by side: all must match
//! clause      = { "NOT" | "-" | "+" } atom
//! atom        = "(" disjunction ")" | [ field ":" ] ( word | phrase )
//! ```
//!
//! A backslash makes the next character literal. A word that the tokenizer cuts into several tokens
//! (`jean-luc`, `山田`) is a phrase of them. A word without letter or digit (`&`, a dash between
//! spaces) is ignored.

use crate::{
    index::tokens::tokens,
    query::{
        parse_tree::Expression,
        syntax_error::{
            QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX, SyntaxError, SyntaxReason,
        },
    },
};
use cloud_profile::SearchField as Field;

/// Parses a query, in time linear in the text.
pub(crate) fn parse(text: &str) -> Result<Expression, SyntaxError> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(SyntaxError {
            position: QUERY_BYTES_MAX,
            reason: SyntaxReason::TooLong,
        });
    }
    let mut parser = Parser {
        text,
        position: 0,
        terms: 0,
        opened: Vec::new(),
    };
    parser.skip_space();
    if parser.peek().is_none() {
        return Ok(Expression::Everyone);
    }
    let expression = parser.disjunction()?.unwrap_or(Expression::Everyone);
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.error(SyntaxReason::StrayParenthesis)),
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    terms: usize,
    /// The byte positions of the open parentheses.
    opened: Vec<usize>,
}

/// The second meaning of a bare word.
#[derive(PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Not,
}

/// An expression, or `None` where the text has neither letter nor digit.
type Parsed = Result<Option<Expression>, SyntaxError>;

impl Parser<'_> {
    fn disjunction(&mut self) -> Parsed {
        let mut alternatives = Vec::new();
        alternatives.extend(self.conjunction()?);
        while self.peek_operator() == Some(Operator::Or) {
            self.skip_word();
            alternatives.extend(self.conjunction()?);
        }
        Ok(one_or(alternatives, Expression::Any))
    }

    fn conjunction(&mut self) -> Parsed {
        let mut clauses = Vec::new();
        clauses.extend(self.clause()?);
        loop {
            match (self.peek(), self.peek_operator()) {
                (None | Some(')'), _) | (_, Some(Operator::Or)) => break,
                (_, Some(Operator::And)) => self.skip_word(),
                _ => {}
            }
            clauses.extend(self.clause()?);
        }
        Ok(one_or(clauses, Expression::All))
    }

    fn clause(&mut self) -> Parsed {
        let mut negated = false;
        loop {
            let operator = self.peek_operator();
            match self.peek() {
                Some('-') if self.stands_before_an_atom() => {
                    negated = !negated;
                    self.position += 1;
                }
                Some('+') if self.stands_before_an_atom() => self.position += 1,
                _ if operator == Some(Operator::Not) => {
                    negated = !negated;
                    self.skip_word();
                }
                _ => break,
            }
        }
        let atom = self.atom()?;
        Ok(if negated {
            atom.map(|atom| Expression::Not(Box::new(atom)))
        } else {
            atom
        })
    }

    fn atom(&mut self) -> Parsed {
        let parsed = match self.peek() {
            None | Some(')') => return Err(self.error(SyntaxReason::OperandMissing)),
            Some(':') => return Err(self.error(SyntaxReason::StrayColon)),
            Some('(') => self.parenthesis()?,
            Some('"') => {
                let phrase = self.phrase()?;
                self.expression(&Field::DEFAULT, &phrase)?
            }
            Some(_) if self.peek_operator().is_some() => {
                return Err(self.error(SyntaxReason::OperandMissing));
            }
            Some(_) => self.word_or_field()?,
        };
        self.skip_space();
        Ok(parsed)
    }

    fn parenthesis(&mut self) -> Parsed {
        if self.opened.len() == QUERY_DEPTH_MAX {
            return Err(self.error(SyntaxReason::TooDeep));
        }
        self.opened.push(self.position);
        self.position += 1;
        self.skip_space();
        if self.peek().is_none() {
            return Err(self.unclosed());
        }
        let inner = self.disjunction()?;
        if self.peek() != Some(')') {
            return Err(self.unclosed());
        }
        self.opened.pop();
        self.position += 1;
        Ok(inner)
    }

    fn word_or_field(&mut self) -> Parsed {
        let start = self.position;
        let word = self.word()?;
        if self.peek() != Some(':') {
            return self.expression(&Field::DEFAULT, &word);
        }
        let Some(field) = Field::from_name(&word) else {
            return Err(SyntaxError {
                position: start,
                reason: SyntaxReason::UnknownField(word),
            });
        };
        self.position += 1;
        let value = match self.peek() {
            Some('"') => self.phrase()?,
            Some(character) if is_word(character) => self.word()?,
            _ => return Err(self.error(SyntaxReason::ValueMissing)),
        };
        if self.peek() == Some(':') {
            return Err(self.error(SyntaxReason::StrayColon));
        }
        self.expression(&[field], &value)
    }

    fn expression(&mut self, fields: &[Field], text: &str) -> Parsed {
        let words = tokens(text);
        self.terms += words.len();
        if self.terms > QUERY_TERMS_MAX {
            return Err(self.error(SyntaxReason::TooManyTerms));
        }
        Ok((!words.is_empty()).then(|| Expression::Phrase {
            fields: fields.to_vec(),
            words,
        }))
    }

    /// Reads the characters up to the next one that a word cannot contain, and removes backslashes.
    fn word(&mut self) -> Result<String, SyntaxError> {
        let mut word = String::new();
        while let Some(character) = self.peek().filter(|&character| is_word(character)) {
            word.push(self.escaped(character)?);
        }
        Ok(word)
    }

    fn phrase(&mut self) -> Result<String, SyntaxError> {
        let start = self.position;
        self.position += 1;
        let mut phrase = String::new();
        loop {
            match self.peek() {
                None => {
                    return Err(SyntaxError {
                        position: start,
                        reason: SyntaxReason::UnclosedPhrase,
                    });
                }
                Some('"') => break,
                Some(character) => phrase.push(self.escaped(character)?),
            }
        }
        self.position += 1;
        Ok(phrase)
    }

    /// Steps over a character, which may be a backslash and the character behind it.
    fn escaped(&mut self, character: char) -> Result<char, SyntaxError> {
        let start = self.position;
        self.position += character.len_utf8();
        if character != '\\' {
            return Ok(character);
        }
        let Some(protected) = self.peek() else {
            return Err(SyntaxError {
                position: start,
                reason: SyntaxReason::StrayBackslash,
            });
        };
        self.position += protected.len_utf8();
        Ok(protected)
    }

    fn rest(&self) -> &str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_operator(&self) -> Option<Operator> {
        let (word, operator) = [
            ("AND", Operator::And),
            ("OR", Operator::Or),
            ("NOT", Operator::Not),
        ]
        .into_iter()
        .find(|(word, _)| self.rest().starts_with(word))?;
        let next = self.rest().get(word.len()..)?.chars().next();
        next.is_none_or(|next| !is_word(next) && next != ':')
            .then_some(operator)
    }

    /// Returns whether the sign here belongs to what follows it, and is not a dash between spaces.
    fn stands_before_an_atom(&self) -> bool {
        let next = self.rest().chars().nth(1);
        next.is_some_and(|next| !next.is_whitespace() && next != ')')
    }

    /// Steps over an operator and the space behind it.
    fn skip_word(&mut self) {
        self.position += self
            .rest()
            .find(|character: char| !is_word(character))
            .unwrap_or(self.rest().len());
        self.skip_space();
    }

    fn skip_space(&mut self) {
        self.position += self.rest().len() - self.rest().trim_start().len();
    }

    fn error(&self, reason: SyntaxReason) -> SyntaxError {
        SyntaxError {
            position: self.position,
            reason,
        }
    }

    fn unclosed(&self) -> SyntaxError {
        let position = self.opened.last().copied().unwrap_or(self.position);
        SyntaxError {
            position,
            reason: SyntaxReason::UnclosedParenthesis,
        }
    }
}

fn is_word(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, '"' | '(' | ')' | ':')
}

fn one_or(
    mut parts: Vec<Expression>,
    many: fn(Vec<Expression>) -> Expression,
) -> Option<Expression> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(many(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, position: usize, reason: SyntaxReason) {
        assert_eq!(
            parse(text),
            Err(SyntaxError { position, reason }),
            "{text:?}"
        );
    }

    #[test]
    fn errors_say_where_and_why() {
        use SyntaxReason as Why;
        check("AND a", 0, Why::OperandMissing);
        check("a AND", 5, Why::OperandMissing);
        check("a OR ", 5, Why::OperandMissing);
        check("a OR OR b", 5, Why::OperandMissing);
        check("a AND OR b", 6, Why::OperandMissing);
        check("NOT", 3, Why::OperandMissing);
        check("é NOT ", 7, Why::OperandMissing);
        check("()", 1, Why::OperandMissing);
        check("a (b OR )", 8, Why::OperandMissing);
        check("-AND", 1, Why::OperandMissing);
        check("tittle:a", 0, Why::UnknownField("tittle".to_owned()));
        check("a http://x", 2, Why::UnknownField("http".to_owned()));
        check("title:", 6, Why::ValueMissing);
        check("title: a", 6, Why::ValueMissing);
        check("title:(a)", 6, Why::ValueMissing);
        check("title::a", 6, Why::ValueMissing);
        check(":a", 0, Why::StrayColon);
        check("title:a:b", 7, Why::StrayColon);
        check("\"a\":b", 3, Why::StrayColon);
        check("a \"b c", 2, Why::UnclosedPhrase);
        check("title:\"b\\\"", 6, Why::UnclosedPhrase);
        check("(a", 0, Why::UnclosedParenthesis);
        check("a (b (c)", 2, Why::UnclosedParenthesis);
        check("(", 0, Why::UnclosedParenthesis);
        check("a)", 1, Why::StrayParenthesis);
        check(")", 0, Why::OperandMissing);
        check("a\\", 1, Why::StrayBackslash);
        check(&"a".repeat(1_025), 1_024, Why::TooLong);
        check(&"a ".repeat(65), 129, Why::TooManyTerms);
        check(&"(".repeat(17), 16, Why::TooDeep);
    }

    #[test]
    fn operators_bind_as_written() {
        let word = |word: &str| Expression::Phrase {
            fields: vec![Field::Title],
            words: vec![word.to_owned()],
        };
        let not = |inner| Expression::Not(Box::new(inner));
        let check = |text: &str, expected: Expression| {
            let text = text.replace('~', "title:");
            assert_eq!(parse(&text), Ok(expected), "{text}");
        };
        let all = Expression::All;
        let any = Expression::Any;
        check("~a", word("a"));
        check("~a ~b", all(vec![word("a"), word("b")]));
        check("~a AND ~b", all(vec![word("a"), word("b")]));
        check(
            "~a ~b OR ~c",
            any(vec![all(vec![word("a"), word("b")]), word("c")]),
        );
        check(
            "~a OR ~b ~c",
            any(vec![word("a"), all(vec![word("b"), word("c")])]),
        );
        check(
            "~a (~b OR ~c)",
            all(vec![word("a"), any(vec![word("b"), word("c")])]),
        );
        check("-~a", not(word("a")));
        check("NOT NOT ~a", word("a"));
        check("NOT -+~a", word("a"));
        check("-(~a OR ~b)", not(any(vec![word("a"), word("b")])));
        check("~a & ~b", all(vec![word("a"), word("b")]));
        check("~AND", word("and"));
        check(
            "~a\\:b",
            Expression::Phrase {
                fields: vec![Field::Title],
                words: vec!["a".to_owned(), "b".to_owned()],
            },
        );
        check("(&)", Expression::Everyone);
        check(
            "ANDROID",
            Expression::Phrase {
                fields: Field::DEFAULT.to_vec(),
                words: vec!["android".to_owned()],
            },
        );
    }
}
