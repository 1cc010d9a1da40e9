//! Capture: sends the changes of a site's core database to the databus.
//!
//! A [`Mapping`] says which tables and columns are members, profiles, positions and connections.
//! [`TableRows`] makes changes of rows by it, for a bootstrap and for the stream of changes alike.
//! [`Catalogue`] reads from the database what a mapping needs: [`check()`] compares the two, and
//! [`suggest()`] writes a first mapping. A [`SourceSnapshot`] is the database as of the point from
//! which a new slot keeps its changes, and [`Capture`] streams them from there.

pub mod bootstrap;
pub mod catalogue;
pub mod check;
pub mod command;
pub mod connect;
pub mod mapping;
pub mod rows;
pub mod state;
pub mod stream;
pub mod suggest;

pub use bootstrap::{BootstrapError, SlotNames, SnapshotSession, SourceSnapshot};
pub use catalogue::Catalogue;
pub use check::{Finding, Severity, check};
pub use connect::{ConnectError, Database, Session};
pub use mapping::{Mapping, TableMap, TableName};
pub use rows::{Datum, RowError, TableRows};
pub use state::{State, StateFolder};
pub use stream::{Capture, CaptureError, CaptureOptions, SourceGap};
pub use suggest::suggest;
