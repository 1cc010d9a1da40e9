//! What a member and a position may be: the one table of their fields, and the rules that every way in goes through.
//!
//! # Fields
//! [`Member`](cloud_proto::databus::v1::Member) and [`Position`](cloud_proto::databus::v1::Position) implement
//! [`Fields`]: the table names each field, its type, its limit, its search fields and its label. Masks, the rules, the
//! merge of a change into a profile, JSON, dumps, the search index and `cloudctl` read the table; none of them lists
//! fields. A new field is added to the proto and to `table.rs`.
//!
//! # Rules
//! They act where a value comes in: on Publish, and in `loader build`. They do not act at replay. What a log or a
//! snapshot holds was let in by the rules of its time, and is taken as it is.
//!
//! - **Texts** lose leading and trailing white space. An entry of a list that is then empty is dropped. Control
//!   characters are kept; NUL is refused. A text has at most [`limits::TEXT_BYTES_MAX`] bytes, a summary
//!   [`limits::SUMMARY_BYTES_MAX`], trimmed.
//! - **Display name**: a member that states given, family and display name, with an empty display name, gets given
//!   name, a space and family name, trimmed. A mask that names fewer of the three changes only the fields it names. A
//!   dump states all three.
//! - **Kind**: a position whose kind is stated and unspecified is work. In a dump that is an empty field or no column.
//!   An unknown kind is refused. A kind that the mask does not name is not looked at.
//! - **Current and ended**: a position that states both that it is current and when it ended is refused. A position is
//!   not current unless it says so.
//! - **Dates** of positions have a year of 1 to 9999 and a month of 0 (only the year is known) to 12. Dates before 1970
//!   are fine.
//! - **Times** of connections are in 1970 to 9999. Earlier and later ones are refused.
//! - **Ids** are never 0. A dump may leave out the id of a position; the loader then numbers it.
//! - A member without positions, and a change, encoded, are at most [`limits::CHANGE_BYTES_MAX`].
//!
//! The same bad value gets the same [`InvalidValue`] on both ways: a field and a reason.
//!
//! # Changes
//! [`Change`] is a change as read from the log, its ids and times typed. [`upsert_member`], [`upsert_position`] and
//! [`remove_position`] say what it does to a profile. [`ChangeLine`] prints it.

mod change;
mod change_line;
mod field;
mod invalid_value;
mod kind;
pub mod limits;
mod mask;
mod merge;
mod rules;
mod search_field;
mod table;

pub use change::{Change, PositionId, check_kind, time_from_proto, time_to_proto};
pub use change_line::{ChangeLine, Line, part_lines};
pub use field::{Access, Field, Fields, Value, id_from_text};
pub use invalid_value::InvalidValue;
pub use kind::Kind;
pub use mask::Mask;
pub use merge::{empty_profile, remove_position, sort_positions, upsert_member, upsert_position};
pub use rules::{check_id, check_time, complete_change, complete_member, complete_position};
pub use search_field::SearchField;
