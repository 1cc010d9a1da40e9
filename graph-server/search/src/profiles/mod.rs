//! Profiles: the snapshot's in a file that is written once, the changed ones in a small database.
//!
//! Imports from no other folder of the crate.

pub(crate) mod live_profiles;
pub(crate) mod persistent_file;
pub(crate) mod profile_file;
pub(crate) mod profile_file_writer;
pub(crate) mod profile_header;
pub(crate) mod snapshot_profiles;
pub(crate) mod store_mark;
