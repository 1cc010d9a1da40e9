//! Splits a row of CSV into fields, line by line.
//!
//! A field is quoted if it begins with the quote; a quote elsewhere in a field is text. A quoted
//! field may hold delimiters, line breaks and doubled quotes. After its closing quote comes a
//! delimiter or the end of the row: other text is a fault. The row ends where it would end without
//! the fault, so the row after it begins at the same byte for every reader of CSV.
//!
//! With an escape character, a delimiter, a quote and the character itself are text behind it, and
//! in quotes also a line break. Any other escape is a fault, because writers of such files mean
//! different things by it. A field that is `\N` and not quoted is empty, as MySQL writes NULL.

use csv::ByteRecord;
use memchr::{memchr, memchr2};

use crate::snapshot::rows::{
    row_fault::{RowFault, excerpt},
    row_format::RowFormat,
};

/// A row that is being split. Its bytes come in pieces, which may end anywhere in a line.
#[derive(Debug)]
pub(crate) struct CsvFields {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    /// The fields that ended.
    record: ByteRecord,
    /// The text of the open field.
    field: Vec<u8>,
    state: State,
    fault: Option<RowFault>,
    /// The number of fields that ended and are forgotten.
    forgotten: usize,
    /// The number of lines of the row before the current one.
    lines: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first byte of a field.
    Start,
    /// In a field without quotes, or behind the text that follows a closing quote.
    Plain,
    /// Inside quotes.
    Quoted,
    /// Behind a quote that closes the field, if no second one follows.
    Closed,
    /// Behind the escape character, in a field without quotes.
    PlainEscape,
    /// Behind the escape character, inside quotes.
    QuotedEscape,
    /// Behind a `\N` that is a whole field, if the field ends here.
    Null,
}

impl CsvFields {
    pub(crate) fn new(format: RowFormat) -> Self {
        Self {
            delimiter: format.delimiter,
            quote: format.quote,
            escape: format.escape,
            record: ByteRecord::new(),
            field: Vec::new(),
            state: State::Start,
            fault: None,
            forgotten: 0,
            lines: 0,
        }
    }

    /// Returns the fields of the last row.
    pub(crate) fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// Splits a row that is one line.
    #[cfg(test)]
    fn split_line(&mut self, line: &[u8]) -> Result<&ByteRecord, RowFault> {
        self.begin();
        self.piece(line);
        match self.end_line(b"") {
            false => Err(self.unfinished()),
            true => self.fault.take().map_or(Ok(&self.record), Err),
        }
    }

    /// Begins a row.
    pub(crate) fn begin(&mut self) {
        self.record.clear();
        self.field.clear();
        (self.state, self.fault) = (State::Start, None);
        (self.forgotten, self.lines) = (0, 0);
    }

    /// Takes a piece of a line.
    pub(crate) fn piece(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some((&first, after)) = rest.split_first() {
            rest = match self.state {
                State::Start if Some(first) == self.quote => {
                    self.state = State::Quoted;
                    after
                }
                State::Start | State::Plain => self.plain(rest),
                State::Quoted => self.quoted(rest),
                State::Closed if Some(first) == self.quote => {
                    self.field.push(first);
                    self.state = State::Quoted;
                    after
                }
                State::Null if first == self.delimiter => {
                    self.field.clear();
                    self.end_field();
                    after
                }
                State::Closed if first == self.delimiter => {
                    self.end_field();
                    after
                }
                State::Closed => {
                    self.state = State::Plain;
                    self.fail(|column, lines_below| RowFault::TextBehindQuote {
                        column,
                        lines_below,
                    });
                    rest
                }
                State::Null => {
                    self.bad_escape(b'N');
                    self.state = State::Plain;
                    rest
                }
                State::PlainEscape | State::QuotedEscape => {
                    self.escaped(first);
                    after
                }
            };
        }
    }

    /// Ends the line. Returns whether the row ends with it; if not, `line_end` is text.
    pub(crate) fn end_line(&mut self, line_end: &[u8]) -> bool {
        match self.state {
            State::Quoted | State::QuotedEscape => {
                self.field.extend_from_slice(line_end);
                self.state = State::Quoted;
                self.lines += 1;
                return false;
            }
            State::PlainEscape => {
                // Readers that know such line breaks take the next line for the same row.
                self.fail(|_, _| RowFault::LineContinued);
                self.state = State::Plain;
                self.lines += 1;
                return false;
            }
            State::Null => self.field.clear(),
            State::Start | State::Plain | State::Closed => {}
        }
        self.end_field();
        true
    }

    /// Returns the first fault of the row.
    pub(crate) fn take_fault(&mut self) -> Option<RowFault> {
        self.fault.take()
    }

    /// Forgets the texts of a row that is too long to be kept. Its fields are still separated.
    pub(crate) fn forget(&mut self) {
        self.forgotten += self.record.len();
        self.record.clear();
        self.field.clear();
    }

    /// Returns the fault of a row that is too long and still inside quotes.
    pub(crate) fn quote_too_long(&self) -> RowFault {
        RowFault::QuoteTooLong {
            column: self.column(),
        }
    }

    /// Returns the number of the open field, from 1.
    fn column(&self) -> usize {
        self.forgotten + self.record.len() + 1
    }

    /// Returns the fault of a row that does not end before the file does.
    pub(crate) fn unfinished(&mut self) -> RowFault {
        let column = self.column();
        let fault = self.fault.take();
        fault.unwrap_or(RowFault::UnclosedQuote { column })
    }

    fn plain<'p>(&mut self, rest: &'p [u8]) -> &'p [u8] {
        let found = match self.escape {
            Some(escape) => memchr2(self.delimiter, escape, rest),
            None => memchr(self.delimiter, rest),
        };
        let (text, after) = rest
            .split_at_checked(found.unwrap_or(rest.len()))
            .unwrap_or((rest, b""));
        let Some((&end, after)) = after.split_first() else {
            self.field.extend_from_slice(text);
            self.state = State::Plain;
            return b"";
        };
        if end != self.delimiter {
            self.field.extend_from_slice(text);
            self.state = State::PlainEscape;
        } else if self.field.is_empty() {
            self.record.push_field(text);
            self.state = State::Start;
        } else {
            self.field.extend_from_slice(text);
            self.end_field();
        }
        after
    }

    fn quoted<'p>(&mut self, rest: &'p [u8]) -> &'p [u8] {
        let quote = self.quote.unwrap_or_default();
        let found = memchr2(quote, self.escape.unwrap_or(quote), rest);
        let (text, after) = rest
            .split_at_checked(found.unwrap_or(rest.len()))
            .unwrap_or((rest, b""));
        self.field.extend_from_slice(text);
        let Some((&end, after)) = after.split_first() else {
            return b"";
        };
        self.state = match end == quote {
            true => State::Closed,
            false => State::QuotedEscape,
        };
        after
    }

    fn escaped(&mut self, byte: u8) {
        let is_quoted = self.state == State::QuotedEscape;
        let is_first = !is_quoted && self.field.is_empty();
        self.state = match is_quoted {
            true => State::Quoted,
            false => State::Plain,
        };
        let known = [Some(self.delimiter), self.quote, self.escape];
        if byte == b'N' && is_first {
            self.state = State::Null;
        } else if !known.contains(&Some(byte)) {
            self.bad_escape(byte);
        }
        self.field.push(byte);
    }

    fn bad_escape(&mut self, byte: u8) {
        let found = excerpt(&[byte]);
        self.fail(|column, _| RowFault::BadEscape { column, found });
    }

    fn fail(&mut self, fault: impl FnOnce(usize, u64) -> RowFault) {
        if self.fault.is_none() {
            self.fault = Some(fault(self.column(), self.lines));
        }
    }

    fn end_field(&mut self) {
        self.record.push_field(&self.field);
        self.field.clear();
        self.state = State::Start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: RowFormat, line: &str, expected: Result<&[&str], &str>) {
        let mut fields = CsvFields::new(format);
        let whole = fields.split_line(line.as_bytes());
        let whole = whole.cloned().map_err(|fault| fault.to_string());
        let found = whole.as_ref().map(|record| {
            let fields = record.iter().map(|field| str::from_utf8(field).unwrap());
            fields.collect::<Vec<_>>()
        });
        let found = found.as_ref().map(Vec::as_slice).map_err(|it| it.as_str());
        assert_eq!(found, expected, "{line:?}");
        // The pieces of a line do not matter.
        for at in 0..line.len() {
            let (one, other) = line.as_bytes().split_at(at);
            fields.begin();
            fields.piece(one);
            fields.piece(other);
            let is_whole = fields.end_line(b"");
            let fault = match is_whole {
                true => fields.take_fault(),
                false => Some(fields.unfinished()),
            };
            let again = match fault {
                Some(fault) => Err(fault.to_string()),
                None => Ok(fields.record().clone()),
            };
            assert_eq!(again, whole, "{line:?} at {at}");
        }
    }

    #[test]
    fn quotes_and_doubled_quotes() {
        let format = RowFormat::default();
        check(format, "", Ok(&[""]));
        check(format, ",", Ok(&["", ""]));
        check(
            format,
            "a,b\"c,\"d,\"\"e\"\"\",",
            Ok(&["a", "b\"c", "d,\"e\"", ""]),
        );
        check(format, "\"\",\"\"\"\"", Ok(&["", "\""]));
        check(format, "a\\,\"b\\\"", Ok(&["a\\", "b\\"]));
        let single = RowFormat {
            quote: Some(b'\''),
            ..format
        };
        check(single, "'a,''\"',\"", Ok(&["a,'\"", "\""]));
        let none = RowFormat {
            quote: None,
            ..format
        };
        check(none, "\"a,\"\"b\",\"", Ok(&["\"a", "\"\"b\"", "\""]));
    }

    #[test]
    fn text_behind_a_closing_quote_is_a_fault() {
        let format = RowFormat::default();
        for (line, column) in [
            ("\"a\" b", 1),
            ("\"a\" ,\"b\"", 1),
            ("x,\"5\" disks,\"y\"z", 2),
            ("x,\"\"\"\"\"\" \",y", 2),
            ("x,,\"a\"\"\"b\"", 3),
        ] {
            let reason = format!(
                "column {column}: text behind a closing quote (a quote in quotes is doubled; \
                 else --quote none or --escape)"
            );
            check(format, line, Err(&reason));
        }
        for (line, column) in [("\"", 1), ("a,\"b", 2), ("a,b,\"c\"\"", 3)] {
            let reason = format!(
                "column {column}: a quote is not closed before the end of the file \
                 (files without quoting: --quote none)"
            );
            check(format, line, Err(&reason));
        }
    }

    #[test]
    fn escapes_make_text() {
        let format = RowFormat {
            escape: Some(b'\\'),
            ..RowFormat::default()
        };
        check(
            format,
            r#""says \"hi\" x","a\\",b\,c,\"d"#,
            Ok(&["says \"hi\" x", "a\\", "b,c", "\"d"]),
        );
        check(format, r#"\N,"a""b",\N"#, Ok(&["", "a\"b", ""]));
        for (line, column, found) in [
            (r"a\n", 1, "n"),
            (r#"x,"C:\temp""#, 2, "t"),
            (r"x,\Na", 2, "N"),
            (r"x,a\N", 2, "N"),
            (r#"x,"\N""#, 2, "N"),
        ] {
            let reason = format!(
                "column {column}: an escape before \"{found}\" (only the delimiter, the quote, the \
                 escape itself and line breaks in quotes are escaped)"
            );
            check(format, line, Err(&reason));
        }
        check(
            format,
            "a\\",
            Err("a line that ends with a backslash or another escape"),
        );
        let unquoted = RowFormat {
            quote: None,
            ..format
        };
        check(unquoted, r#"a\,b,"c,\\"#, Ok(&["a,b", "\"c", "\\"]));
    }
}
