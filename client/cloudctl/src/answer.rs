//! What a command answers: text for people, and the same as JSON for scripts.

use cloud_client::proto::databus::v1::AsOf;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Both forms of an answer.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let outcome = if json {
            writeln!(stdout, "{}", self.json)
        } else {
            write!(stdout, "{}", self.text)
        };
        match outcome.and_then(|()| stdout.flush()) {
            // Whoever reads, as `head` does, has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }
}

/// A table with these headings.
pub(crate) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(headings);
    table
}

/// The line below a table: what the answer is exact as of, in the form that --at-least takes.
pub(crate) fn as_of_line(as_of: Option<&AsOf>) -> String {
    as_of
        .map(|as_of| format!("as of {}@{}\n", as_of.scn, as_of.log_id))
        .unwrap_or_default()
}

pub(crate) fn as_of_json(as_of: Option<&AsOf>) -> Value {
    as_of.map_or(
        Value::Null,
        |as_of| json!({ "log_id": as_of.log_id, "scn": as_of.scn }),
    )
}
