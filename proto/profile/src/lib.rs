//! Members and positions: the table of their fields, and the rules that check every value on entry.
//!
//! # Fields
//! [`Member`](cloud_proto::databus::v1::Member) and
//! [`Position`](cloud_proto::databus::v1::Position) implement [`Fields`]: the table names each
//! field, its type, its limit, its search fields and its label. All other code reads the table, and
//! none of it lists fields. This is true of masks, the rules, the merge of a change into a profile,
//! JSON, dumps, the search index and `cloudctl`. A new field is added to the proto and to
//! `table.rs`.
//!
//! # Rules
//! The rules apply where a value enters: at Publish, and in `loader build`. They do not apply at
//! replay. The content of a log or a snapshot was accepted by the rules of its time, and is used as
//! it is.
//!
//! - **Texts** lose leading and trailing white space. An entry of a list that is then empty is
//!   dropped. Control characters are kept; NUL is rejected. A trimmed text has at most
//!   [`limits::TEXT_BYTES_MAX`] bytes, a summary [`limits::SUMMARY_BYTES_MAX`].
//! - **Display name**: it is completed for a member that states given, family and display name,
//!   with an empty display name. It becomes given name, a space and family name, trimmed. A mask
//!   that names fewer of the three changes only the fields it names. A dump states all three.
//! - **Kind**: a position whose kind is stated and unspecified is work. In a dump that is an empty
//!   field or no column. An unknown kind is rejected. A kind that the mask does not name is not
//!   checked.
//! - **Current and ended**: a position that states both that it is current and when it ended is
//!   rejected. A position is not current unless it says so.
//! - **Dates** of positions have a year of 1 to 9999 and a month of 0 (only the year is known) to
//!   12. Dates before 1970 are accepted.
//! - **Times** of connections are in 1970 to 9999. Earlier and later ones are rejected.
//! - **Ids** are never 0. A dump may omit the id of a position; the loader then numbers it.
//! - **Size**: a member without positions, and a change, have at most [`limits::CHANGE_BYTES_MAX`]
//!   bytes when encoded.
//!
//! The same bad value gets the same [`InvalidValue`] at both entries: a field and a reason.
//!
//! # Bounds
//! A profile has at most [`limits::POSITIONS_MAX`] positions and [`limits::PROFILE_BYTES_MAX`]
//! bytes. The bounds apply where a change merges into a profile, live and at replay alike: a change
//! that would exceed a [`Bound`] leaves the profile as it is. A profile of an earlier version that
//! is over a bound stays, and may shrink.
//!
//! # Keys
//! A member keeps its key. An upsert that states another one leaves the profile as it is, live and
//! at replay alike: a [`KeyConflict`]. A member who is removed and comes back may have another key.
//!
//! # Changes
//! [`Change`] is a change as read from the log, with typed ids and times. [`upsert_member`],
//! [`upsert_position`] and [`remove_position`] apply it to a profile. [`ChangeLine`] prints it.
//!
//! # Profiles
//! [`ProfileRecord`] is a profile as snapshots and live stores hold it. [`to_wire`] makes the
//! profile of an answer from it, with the fields that a [`ReadMask`] names.

mod bound;
mod change;
mod change_line;
mod field;
mod invalid_value;
mod key_conflict;
mod kind;
pub mod limits;
mod mask;
mod merge;
mod merge_error;
mod read_mask;
mod record;
mod rules;
mod search_field;
mod table;
mod time_text;
mod wire;

pub use bound::Bound;
pub use change::{Change, PositionId, check_kind, time_from_proto, time_to_proto};
pub use change_line::{ChangeLine, Line, part_lines};
pub use field::{Access, Field, Fields, Value, id_from_text};
pub use invalid_value::InvalidValue;
pub use key_conflict::KeyConflict;
pub use kind::Kind;
pub use mask::Mask;
pub use merge::{empty_profile, remove_position, sort_positions, upsert_member, upsert_position};
pub use merge_error::MergeError;
pub use read_mask::ReadMask;
pub use record::ProfileRecord;
pub use rules::{check_id, check_time, complete_change, complete_member, complete_position};
pub use search_field::SearchField;
pub use time_text::{TextTime, time_from_text, timestamp_from_text};
pub use wire::{from_wire, to_wire};
