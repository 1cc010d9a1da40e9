//! Every limit of the client in one place.
//!
//! The library's own defaults are no limits at all in places (a message to send may have any size), so each is stated.

use std::time::Duration;

/// A call that was given no other timeout ends after this.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// A connection that is not there by then is an error.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer: what the server sends at most.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Largest request: above a window part of 1 MiB with its frame.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;
/// Parts of a window are filled up to this, so that with their other fields they stay below the log's 1 MiB.
pub const WINDOW_PART_BYTES: usize = (1 << 20) - (16 << 10);
/// Parts on their way to the server before [`crate::WindowSender::send`] waits.
pub const PARTS_IN_FLIGHT_MAX: usize = 64;
/// A connection without traffic is asked for a sign of life this often.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// A connection that gives none for this long is closed.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that wait for the connection, of all handles on it; further ones wait to be queued.
pub const REQUESTS_QUEUED_MAX: usize = 1_024;
/// What the server may send on one stream before it was read here.
pub const STREAM_WINDOW_BYTES: u32 = 2 << 20;
/// What the server may send on the connection before it was read here.
pub const CONNECTION_WINDOW_BYTES: u32 = 5 << 20;
/// An HTTP/2 frame.
pub const FRAME_BYTES_MAX: u32 = 64 << 10;
/// Headers of one answer, an error's details among them.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;
/// Streams that were reset here for the server's faults.
pub const LOCAL_ERROR_RESET_STREAMS_MAX: usize = 1_024;
