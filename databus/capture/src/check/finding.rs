//! A finding of the check.

use std::fmt;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Capture would lose or invent something, or not work: it does not start.
    Refused,
    /// Capture works; something may fail later.
    Warning,
}

/// Something that the database lacks, and how to add it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// The thing in question: `server`, `publication cloud`, or a table.
    pub place: String,
    /// A sentence that says what is wrong, and what follows from it.
    pub what: String,
    /// The statements that mend it, in their order. Empty if SQL does not.
    pub mend: Vec<String>,
    /// Whether `--init` runs the statements.
    pub is_for_init: bool,
}

impl Finding {
    pub(super) fn refused(place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self::new(Severity::Refused, place, what)
    }

    pub(super) fn warning(place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, place, what)
    }

    fn new(severity: Severity, place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self {
            severity,
            place: place.to_string(),
            what: what.into(),
            mend: Vec::new(),
            is_for_init: false,
        }
    }

    /// Adds a statement that mends it.
    #[must_use]
    pub(super) fn mend(mut self, statement: impl Into<String>) -> Self {
        self.mend.push(statement.into());
        self
    }

    /// Lets `--init` run the statements.
    #[must_use]
    pub(super) fn by_init(mut self) -> Self {
        self.is_for_init = true;
        self
    }
}

/// The finding in a line, and its statements below it, indented by four.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Refused => "refused",
            Severity::Warning => "warning",
        };
        write!(formatter, "{severity}: {}: {}", self.place, self.what)?;
        for statement in &self.mend {
            write!(formatter, "\n    {statement}")?;
        }
        Ok(())
    }
}
