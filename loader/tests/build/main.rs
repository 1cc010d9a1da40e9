//! Tests `loader build`, from dump files to snapshots that the engine and the search crate open.

#![expect(
    clippy::disallowed_macros,
    reason = "tests print their seeds and figures"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on panics"
)]

mod bad_rows;
mod compressed;
mod copy;
mod dump;
mod encodings;
mod export;
mod files;
mod ids;
mod line_ends;
mod memory;
mod oracle;
mod people;
mod quoting;
mod random_dumps;
mod real_data;
mod rejects;
mod staging;
mod times;
