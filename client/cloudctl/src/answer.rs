//! The answer of a command: text for people, and the same as JSON for scripts.

use crate::exit::Failed;
use cloud_client::{Point, proto::databus::v1::AsOf};
use cloud_terminal::print;
use serde_json::{Value, json};
use std::{io, time::Duration};

/// An answer in both forms.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    /// Returns the answer; or, if none of the requested members exists, an error that holds it.
    pub(crate) fn if_any(self, exists: bool) -> Result<Self, Failed> {
        if exists {
            Ok(self)
        } else {
            Err(Failed::Nobody(Box::new(self)))
        }
    }

    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        if json {
            print(format_args!("{}\n", self.json))
        } else {
            print(&self.text)
        }
    }
}

/// Returns the line below a table: the point that the answer is exact as of, in the form of
/// --at-least.
pub(crate) fn as_of_line(as_of: Option<&AsOf>) -> String {
    as_of
        .map(|as_of| format!("as of {}\n", Point::from(as_of.clone())))
        .unwrap_or_default()
}

/// Returns the point as JSON: its parts, and `point`, the form of --at-least.
pub(crate) fn as_of_json(as_of: Option<&AsOf>) -> Value {
    as_of.map_or(Value::Null, |as_of| {
        let point = Point::from(as_of.clone()).to_string();
        json!({ "log_id": as_of.log_id, "scn": as_of.scn, "point": point })
    })
}

/// Returns a duration of the wire; zero for an absent or negative one.
pub(crate) fn span(duration: Option<prost_types::Duration>) -> Duration {
    duration
        .and_then(|duration| duration.try_into().ok())
        .unwrap_or_default()
}

/// Returns a duration of the wire in milliseconds.
pub(crate) fn milliseconds(duration: Option<prost_types::Duration>) -> u64 {
    u64::try_from(span(duration).as_millis()).unwrap_or(u64::MAX)
}
