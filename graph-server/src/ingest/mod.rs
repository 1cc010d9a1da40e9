//! Applies the log's windows to the graph, and to profiles and search.
//!
//! One thread follows the log and passes every window to a list of appliers, one for each part of
//! the server. Each part has its own SCN, lag and failure: if one part fails, the others go on. A
//! separate thread commits profiles.
//!
//! Imports from `compaction`, `log_source`, `rpc` and the top of the crate.

pub(crate) mod applier;
mod changes;
mod error;
mod follower;
mod graph_applier;
pub(crate) mod lag;
mod live_folder;
mod profiles_applier;
mod profiles_committer;
mod profiles_queue;
pub(crate) mod progress;

pub use error::IngestError;
pub(crate) use follower::{Follower, windows_of};
pub(crate) use graph_applier::GraphApplier;
pub(crate) use live_folder::{LIVE_NAME, LiveFolder, replacing_what_panics};
pub(crate) use profiles_applier::ProfilesApplier;
pub(crate) use profiles_committer::ProfilesCommitter;
