//! The error for a value that the rules reject.

/// A value that is not allowed in a dump or in the log: the field, and the reason. A retry does not
/// help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}{}{reason}", if field.is_empty() { "" } else { ": " })]
pub struct InvalidValue {
    /// The path of the field from the checked message: `headline`, `skills[3]`,
    /// `connection_added.other_id`. Empty if the message as a whole is meant.
    pub field: String,
    /// The fault, with the limit if there is one.
    pub reason: String,
}

impl InvalidValue {
    /// Returns the fault of a field.
    #[must_use]
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// Returns the same fault, with the path from the message that holds the checked one.
    pub(crate) fn within(self, parent: &str) -> Self {
        let field = match self.field.as_str() {
            "" => parent.to_owned(),
            field => format!("{parent}.{field}"),
        };
        Self { field, ..self }
    }

    /// Returns the name of the field at which the path begins.
    #[must_use]
    pub fn field_name(&self) -> &str {
        self.field.split(['.', '[']).next().unwrap_or_default()
    }
}

/// Quotes a text for a reason. Control characters are escaped, and a long text is cut.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
    }
}
