//! Counts where comments, error texts and line lengths of each crate break the rules of writing.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use crate::tokens::{Comment, Token, split};
use crate::workspace::{Crate, crates};

/// The columns of a line, for code and comments alike.
const COLUMNS_MAX: usize = 100;

/// The words with which a doc comment must not begin. It begins with the noun or verb it documents.
const OPENINGS: [&str; 6] = ["of", "as", "so", "none", "what", "that"];

/// The words that describe components as persons.
const WORDS: [&str; 8] = [
    "somebody", "nobody", "whoever", "told", "heard", "asked", "hope", "patience",
];
const PHRASES: [&[&str]; 3] = [&["anew"], &["let", "go", "of"], &["lets", "go", "of"]];

/// The names of the rules, in the order of the table's columns.
pub const RULES: [&str; 4] = ["openings", "words", "long-lines", "see-the-module"];

/// One place where a rule is broken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The index of the rule in [`RULES`].
    pub rule: usize,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The line, or the relevant part of it.
    pub text: String,
}

/// The file, the line, the rule, and the text.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, rule) = (self.file.display(), RULES[self.rule]);
        write!(formatter, "{file}:{}: {rule}: {}", self.line, self.text)
    }
}

/// Returns the findings of each crate of the workspace in this folder, by the crate's name.
pub fn findings(root: &Path) -> Vec<(String, Vec<Finding>)> {
    let of_crate = |each: Crate| {
        let files = each.files("", &["rs", "proto"]);
        let found = files.iter().flat_map(|file| in_file(file)).collect();
        (each.name, found)
    };
    let mut all: Vec<_> = crates(root).into_iter().map(of_crate).collect();
    all.sort_by(|(name, _), (other, _)| name.cmp(other));
    all
}

/// Counts how often each rule is broken.
fn counts(findings: &[Finding]) -> [usize; 4] {
    let mut counts = [0; 4];
    for finding in findings {
        counts[finding.rule] += 1;
    }
    counts
}

/// Returns the counts as a table: a line for each crate, and their sum.
pub fn table(all: &[(String, Vec<Finding>)]) -> String {
    let mut table = String::from("crate");
    for rule in RULES {
        write!(table, " {rule}").expect("writing to a string");
    }
    table.push('\n');
    let mut sum = [0; 4];
    for (name, found) in all {
        let counts = counts(found);
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
        line(&mut table, name, counts);
    }
    line(&mut table, "all", sum);
    table
}

fn line(table: &mut String, name: &str, counts: [usize; 4]) {
    let [openings, words, long, module] = counts;
    writeln!(table, "{name} {openings} {words} {long} {module}").expect("writing to a string");
}

fn in_file(path: &Path) -> Vec<Finding> {
    let text = fs::read_to_string(path).expect("a source file");
    let mut found = Vec::new();
    let mut add = |rule, line, text: &str| {
        found.push(Finding {
            rule,
            file: path.to_owned(),
            line,
            text: text.to_owned(),
        });
    };
    for (number, line) in (1..).zip(text.lines()) {
        // A row of a table in a doc comment has to be one line.
        let is_row = line.trim_start().starts_with("//! |");
        if line.chars().count() > COLUMNS_MAX && !is_row {
            add(2, number, line);
        }
    }
    let split = split(&text);
    for comment in first_lines(&split.comments) {
        let first = words(&comment.text).into_iter().next().unwrap_or_default();
        if OPENINGS.contains(&first.as_str()) {
            add(0, comment.line, &comment.text);
        }
    }
    let comments = (split.comments.iter()).map(|comment| (comment.line, comment.text.as_str()));
    let errors = error_texts(&split.tokens).map(|token| (token.line, token.text.as_str()));
    for (line, text) in comments.chain(errors) {
        let words = words(text);
        let single = words
            .iter()
            .filter(|word| WORDS.contains(&word.as_str()))
            .count();
        let phrases = PHRASES.iter().map(|phrase| {
            words
                .windows(phrase.len())
                .filter(|window| window == phrase)
                .count()
        });
        for _ in 0..single + phrases.sum::<usize>() {
            add(1, line, text);
        }
        if text.contains("See the module") {
            add(3, line, text);
        }
    }
    found
}

/// Returns the first line of each doc comment.
fn first_lines(comments: &[Comment]) -> impl Iterator<Item = &Comment> {
    let is_first = |place: usize| {
        let before = place.checked_sub(1).and_then(|place| comments.get(place));
        before.is_none_or(|before| !before.is_doc || before.line + 1 != comments[place].line)
    };
    (comments.iter().enumerate())
        .filter(move |(place, comment)| comment.is_doc && is_first(*place))
        .map(|(_, comment)| comment)
}

/// Returns the texts of `#[error("...")]`.
fn error_texts(tokens: &[Token]) -> impl Iterator<Item = &Token> {
    tokens
        .windows(3)
        .filter(|window| window[0].text == "error" && window[1].text == "(")
        .map(|window| &window[2])
        .filter(|token| token.text.starts_with('"'))
}

/// Splits a text into its words, in lower case and without punctuation.
fn words(text: &str) -> Vec<String> {
    text.split(|char: char| !char.is_alphanumeric() && char != '\'' && char != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_counted_where_it_is_broken() {
        let folder = std::env::temp_dir().join(format!("prose-{}", std::process::id()));
        let text = format!(
            "//! Of a file.\n//! As it goes on.\n\n/// None: nothing. Nobody is told.\n\
             struct A;\n// Let go of it\n\
             #[error(\"nobody\")]\n/// See the module.\nlet told = \"nobody\"; // {}\n",
            "x".repeat(100)
        );
        fs::write(&folder, text).expect("a temporary file");
        let found = in_file(&folder);
        fs::remove_file(&folder).expect("the temporary file");
        assert_eq!(counts(&found), [2, 4, 1, 1], "{found:?}");
    }
}
