//! Capture: sends the changes of a site's core database to the databus.
//!
//! A [`Mapping`] says which tables and columns are members, profiles, positions and connections.
//! [`TableRows`] makes changes of rows by it, for a bootstrap and for the stream of changes alike.
//! A [`SourceSnapshot`] is the database as of the point from which a new slot keeps its changes.

pub mod bootstrap;
pub mod command;
pub mod connect;
pub mod mapping;
pub mod rows;
pub mod stream;

pub use bootstrap::{BootstrapError, SlotNames, SnapshotSession, SourceSnapshot};
pub use connect::{ConnectError, Database, Session};
pub use mapping::{Mapping, TableMap, TableName};
pub use rows::{Datum, RowError, TableRows};
pub use stream::{Capture, CaptureError, CaptureOptions, SourceGap};
