//! From the log into the graph, and into profiles and search.
//!
//! One thread follows the log and gives every window to a list of appliers, one for each part of
//! the server. Each part has an SCN, a lag and a failure of its own: a part that fails is left
//! behind, and the others go on. A thread of its own commits profiles.
//!
//! Imports from `compaction`, `log_source`, `rpc` and the top of the crate.

pub(crate) mod applier;
mod changes;
mod error;
mod follower;
mod graph_applier;
pub(crate) mod lag;
mod profiles_applier;
mod profiles_committer;
pub(crate) mod progress;

pub use error::IngestError;
pub(crate) use follower::{Follower, windows_of};
pub(crate) use graph_applier::GraphApplier;
pub(crate) use profiles_applier::ProfilesApplier;
pub(crate) use profiles_committer::ProfilesCommitter;
