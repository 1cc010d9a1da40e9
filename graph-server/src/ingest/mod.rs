//! From the log into the graph, profiles and search: one thread follows the log, another one commits profiles.

mod changes;
mod follower;
mod people_committer;

pub(crate) use follower::Follower;
pub use follower::IngestError;
pub(crate) use people_committer::PeopleCommitter;
