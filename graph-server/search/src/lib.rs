//! People search: the member index, the network filter, and the profiles.
//!
//! A *snapshot* holds every member's profile in a file that is written once ([`ProfileFile`]), and an index of them in one
//! segment whose document numbers are the engine's node indexes. What changed since stands in a small database and in small
//! segments, and *supersedes* what the snapshot says of the same nodes. [`People`] opens both; its one [`PeopleWriter`]
//! merges changes and commits them; readers take what is [`Published`] and ask it for profiles, or [`search`] it.
//!
//! - *Here are the profiles of all members: make a snapshot's files.* [`ProfileFileWriter`], [`BaseIndexWriter`]; where the dump
//!   says nothing about them, [`SilentPeople`].
//! - *Here is a window of the log.* [`PeopleWriter::apply`], and [`PeopleWriter::commit`] when readers are to see it.
//! - *Here is what somebody typed.* [`Query::parse`].
//! - *Who in this network matches it?* [`search`].
//!
//! The crate knows the engine's nodes, graphs and views, but not how they are kept; and nothing of the wire, the log or time.
//!
//! ```
//! use cloud_search::{Expression, Field, Query};
//! let query = Query::parse("title:engineer -oslo").unwrap();
//! let Expression::All(clauses) = query.expression() else { unreachable!() };
//! assert_eq!(clauses[0], Expression::Phrase { fields: vec![Field::Title], words: vec!["engineer".into()] });
//! assert!(matches!(clauses[1], Expression::Not(_)));
//! ```

mod base_index;
mod base_index_writer;
mod cursor;
mod document;
mod field;
mod index_error;
mod live_index;
mod live_profiles;
mod merge;
mod network;
mod parser;
mod patience;
mod people;
mod people_change;
mod people_writer;
mod persistent_file;
mod plan;
mod profile_file;
mod profile_file_writer;
mod profile_header;
mod published;
mod query;
mod read_only_directory;
mod search;
mod silent_people;
mod store_mark;
mod syntax_error;
mod tokens;
mod top_hits;
mod unsynced_directory;

pub use base_index::BASE_INDEX_NAME;
pub use base_index_writer::BaseIndexWriter;
pub use document::for_each_value;
pub use field::Field;
pub use index_error::IndexError;
pub use merge::{
    UnknownPath, empty_profile, remove_position, sort_positions, upsert_member, upsert_position,
};
pub use network::{Degrees, Network};
pub use people::{LIVE_INDEX_NAME, LIVE_PROFILES_NAME, OpenError, People};
pub use people_change::PeopleChange;
pub use people_writer::{ApplyError, PeopleWriter};
pub use persistent_file::Persistence;
pub use profile_file::{PROFILE_BYTES_MAX, PROFILES_NAME, ProfileFile};
pub use profile_file_writer::ProfileFileWriter;
pub use profile_header::NODES_MAX;
pub use published::Published;
pub use query::{Expression, Query};
pub use search::{Hit, Page, SearchError, search};
pub use silent_people::SilentPeople;
pub use syntax_error::{
    QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX, SyntaxError, SyntaxReason,
};
pub use tokens::{TOKEN_CHARACTERS_MAX, tokens};
pub use top_hits::SortKey;
