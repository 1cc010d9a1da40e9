//! The server over gRPC, in this process, on a small site: every call, and every documented error.

#![expect(
    clippy::disallowed_macros,
    reason = "tests print their seeds and figures"
)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_requests;
mod broken_search;
mod compaction;
mod config_files;
mod errors;
mod every_call;
mod fake_relay;
mod following;
mod idle;
mod list_streams;
mod listeners;
mod log_faults;
mod profile_batches;
mod profile_bounds;
mod relay_site;
mod retention;
mod rollback;
mod silent_site;
mod small_site;
mod standards;
mod transport;
mod until;
