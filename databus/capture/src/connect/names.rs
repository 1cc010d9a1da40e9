//! The names of what capture reads: the slot, the publication, and the database as a source.

/// The name of the slot, unless another is given.
pub const DEFAULT_SLOT: &str = "cloud";
/// The name of the publication, unless another is given.
pub const DEFAULT_PUBLICATION: &str = "cloud";

/// The state folder, unless another is given.
pub const DEFAULT_STATE: &str = "capture-state";

/// The longest name of the database, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// Reads the name of a slot, which the database takes without quotes.
///
/// # Errors
/// If it is no name of a slot: with what one is.
pub fn slot_name(text: &str) -> Result<String, String> {
    let is_slot = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    match (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_slot) {
        true => Ok(text.to_owned()),
        false => Err("the name of a slot has 1 to 63 of a-z, 0-9 and _".to_owned()),
    }
}

/// Reads the name of a publication. The protocol lists names with commas.
///
/// # Errors
/// If it is no name of a publication: with what one is.
pub fn publication_name(text: &str) -> Result<String, String> {
    let breaks = |character: char| matches!(character, ',' | '"') || character.is_whitespace();
    match (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.contains(breaks) {
        true => Ok(text.to_owned()),
        false => Err(
            "the name of a publication has 1 to 63 bytes without commas, quotes and spaces"
                .to_owned(),
        ),
    }
}

/// Returns the name of a database as a source of windows. The timeline is no part of it.
pub(crate) fn source_id(system_id: &str, database: &str) -> String {
    format!("pg:{system_id}/{database}")
}
