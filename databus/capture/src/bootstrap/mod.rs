//! The bootstrap: reads the mapped tables of the core database as of one point of its changes.
//!
//! A temporary slot exports the snapshot of its first point. Each session reads ranges of the
//! tables under that snapshot. So what is read and the changes that the slot sends from then on
//! are the database, each row once and none missing. The slot is copied to the permanent one when
//! everything is stored. A temporary slot ends with its session: a bootstrap that is killed leaves
//! nothing in the database.
//!
//! Imports from `catalogue`, `check`, `connect`, `mapping`, `rows` and `state`.

pub(crate) mod error;
pub(crate) mod open_transaction;
pub(crate) mod snapshot_session;
pub(crate) mod source_snapshot;
pub(crate) mod table_part;

mod copy_rows;

pub use error::BootstrapError;
pub use open_transaction::OpenTransaction;
pub use snapshot_session::SnapshotSession;
pub use source_snapshot::{SlotNames, SourceSnapshot, slot_exists};
pub use table_part::TablePart;
