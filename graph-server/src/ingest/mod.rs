//! From the log into the graph, profiles and search: one thread follows the log, another one commits profiles.

mod changes;
mod follower;
pub(crate) mod lag;
mod people_committer;
pub(crate) mod progress;

pub(crate) use follower::Follower;
pub use follower::IngestError;
pub(crate) use people_committer::PeopleCommitter;
