//! Tests of profiles, index and search together, against a plain evaluation over every profile.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod corruption;
mod finding;
mod hostile;
mod model;
mod plain;
mod random;
mod recovery;
mod silent;
mod silent_corruption;
mod site;
mod writing;
