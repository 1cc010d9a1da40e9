//! People search: the member index, the network filter, and the profiles.
//!
//! A *snapshot* holds every member's profile in a file that is written once ([`ProfileFile`]), and an index of them in one
//! segment whose document numbers are the engine's node indexes. What changed since stands in a small database and in small
//! segments, and *supersedes* what the snapshot says of the same nodes. [`People`] opens both; its one [`PeopleWriter`]
//! merges changes and commits them; readers take what is [`Published`] and ask it for profiles, or [`search`] it.
//!
//! - *Here are the profiles of all members: make a snapshot's files.* [`ProfileFileWriter`], [`BaseIndexWriter`]; where the dump
//!   says nothing about them, [`NoProfiles`].
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

mod index;
mod no_profiles;
mod people;
mod people_change;
mod people_writer;
mod profiles;
mod published;
mod query;

pub use index::base_index::BASE_INDEX_NAME;
pub use index::base_index_writer::BaseIndexWriter;
pub use index::document::for_each_value;
pub use index::field::Field;
pub use index::index_error::IndexError;
pub use index::tokens::{TOKEN_CHARACTERS_MAX, tokens};
pub use no_profiles::NoProfiles;
pub use people::{LIVE_INDEX_NAME, OpenError, People};
pub use people_change::PeopleChange;
pub use people_writer::{ApplyError, PeopleWriter};
pub use profiles::live_profiles::LIVE_PROFILES_NAME;
pub use profiles::persistent_file::Persistence;
pub use profiles::profile_file::{PROFILE_BYTES_MAX, PROFILES_NAME, ProfileFile};
pub use profiles::profile_file_writer::ProfileFileWriter;
pub use profiles::profile_header::NODES_MAX;
pub use published::Published;
pub use query::network::{Degrees, Network};
pub use query::parse_tree::{Expression, Query};
pub use query::search::{Hit, Page, SearchError, search};
pub use query::syntax_error::{
    QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX, SyntaxError, SyntaxReason,
};
pub use query::top_hits::SortKey;
