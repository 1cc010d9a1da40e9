//! From the log into the graph, profiles and search: one thread follows the log, another one commits profiles.

mod changes;
mod expected_log;
mod follower;
mod people_committer;
mod relay;
mod relay_windows;
mod windows;

pub(crate) use expected_log::ExpectedLog;
pub(crate) use follower::Follower;
pub use follower::IngestError;
pub(crate) use people_committer::PeopleCommitter;
pub(crate) use relay::{Relay, Trouble};
pub use relay_windows::RelayError;
pub(crate) use relay_windows::RelayWindows;
pub(crate) use windows::{OwnWindows, Windows};
