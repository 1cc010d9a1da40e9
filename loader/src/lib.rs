//! The loader: builds snapshots from database dumps, and makes synthetic dumps.
//!
//! `loader build` reads a site's `members.csv`, `positions.csv` and `connections.csv` and writes
//! the snapshot directory that a graph server starts from. With `--from-postgres` it reads the
//! tables of a core database instead. `loader generate` writes such files for
//! a synthetic site, of any size and with the shape of real sites. `loader inspect` verifies a
//! snapshot, `loader adopt` lets one begin a new log, and `loader export` writes one as such files.
//! `loader reconcile` brings a running site up to its core database.
//! The commands are functions too, so that tests and benches call them without a process.

pub mod adopt;
mod csv_file;
pub mod export;
pub mod inspect;
mod job;
pub mod reconcile;
mod snapshot;
mod snapshot_content;

pub use job::arguments::Arguments;
pub use job::error::Error;
pub use job::options::{CoreDatabaseOptions, Options};
pub use job::progress::Stage;
pub use job::summary::{Degrees, Dropped, DroppedMembers, KeptSlot, KnownTimes, Rejected, Summary};
pub use job::{build, run};
pub use snapshot::database::without_member::WithoutMember;
pub use snapshot::graph::components::Components;
pub use snapshot::graph::node_order::NodeOrder;
pub use snapshot::memory::{MemoryError, MemoryLimit, Size};
pub use snapshot::rejects::{OnError, REJECTS_NAME};
pub use snapshot::rows::column_map::{ColumnMap, DumpKind, MapError};
pub use snapshot::rows::encoding::OtherEncoding;
pub use snapshot::rows::input::WindowMax;
pub use snapshot::rows::layout::HeaderFault;
pub use snapshot::rows::row_fault::RowFault;
pub use snapshot::rows::row_format::{RowFormat, RowSyntax};
pub use snapshot::rows::time_unit::{TimeUnit, Zone};
pub use snapshot_content::ContentError;
