//! People search: the member index, the network filter, and the profiles.
//!
//! A *snapshot* contains every member's profile in a file that is written once ([`ProfileFile`]).
//! It also contains their index, in one segment whose document numbers are the engine's node
//! indexes. Later changes are in a small database and in small segments; they *supersede* the
//! snapshot's data of the same nodes.
//!
//! [`ProfileStore`] opens both. Its one [`ProfileWriter`] merges changes and commits them. Readers
//! load the [`Published`] state, read profiles from it, or [`search`] it.
//!
//! - *Build a snapshot's files from the profiles of all members:* [`ProfileFileWriter`],
//!   [`BaseIndexWriter`]; for a dump without profiles, [`NoProfiles`].
//! - *Apply a window of the log:* [`ProfileWriter::apply`], then [`ProfileWriter::commit`] to make
//!   it visible to readers.
//! - *Parse the text of a query:* [`Query::parse`].
//! - *Find the members of a network who match it:* [`search`].
//!
//! The crate uses the engine's nodes, graphs and views, but not their storage. It has no code for
//! the wire, the log or the clock.
//!
//! ```
//! use cloud_search::{Expression, Field, Query};
//! let query = Query::parse("title:engineer -oslo").unwrap();
//! let Expression::All(clauses) = query.expression() else { unreachable!() };
//! let (fields, words) = (vec![Field::Title], vec!["engineer".into()]);
//! assert_eq!(clauses[0], Expression::Phrase { fields, words });
//! assert!(matches!(clauses[1], Expression::Not(_)));
//! ```

mod index;
mod key_conflicts;
mod live_stores;
mod no_profiles;
mod over_bounds;
mod profile_change;
mod profile_store;
mod profile_writer;
mod profiles;
mod published;
mod query;
mod store_error;

pub use cloud_profile::SearchField as Field;
pub use index::base_index::BASE_INDEX_NAME;
pub use index::base_index_writer::BaseIndexWriter;
pub use index::document::for_each_value;
pub use index::index_error::IndexError;
pub use index::live_index::{LIBRARY_THREADS, LIVE_INDEX_NAME};
pub use index::tokens::{TOKEN_CHARACTERS_MAX, tokens};
pub use key_conflicts::KeyConflicts;
pub use no_profiles::NoProfiles;
pub use over_bounds::OverBounds;
pub use profile_change::ProfileChange;
pub use profile_store::ProfileStore;
pub use profile_writer::ProfileWriter;
pub use profiles::live_profiles::{LIVE_PROFILES_NAME, move_to_log};
pub use profiles::persistent_file::Persistence;
pub use profiles::profile_file::{PROFILES_NAME, ProfileFile, STORED_BYTES_MAX};
pub use profiles::profile_file_writer::ProfileFileWriter;
pub use profiles::profile_header::NODES_MAX;
pub use profiles::snapshot_profiles::SnapshotProfiles;
pub use published::Published;
pub use query::network::{Degrees, Network};
pub use query::parse_tree::{Expression, Query};
pub use query::search::{Hit, Page, SearchError, search};
pub use query::syntax_error::{
    QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX, SyntaxError, SyntaxReason,
};
pub use query::top_hits::SortKey;
pub use store_error::{ApplyError, OpenError};
