//! Every limit of the wire in one place, with its unit in its name.
//!
//! The transport's own defaults are no limits in places (a message to send may have any size, streams are not counted),
//! so every one is stated here.

use std::time::Duration;

/// A message to the server: a window part of 1 MiB with its frame.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;
/// A message from the server.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Headers of one request.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;
/// What a caller may send on one stream before the server has read it.
pub const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// What a caller may send on one connection before the server has read it.
pub const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// What of one stream's answers is kept for a caller that has not read them.
pub const STREAM_SEND_BYTES: usize = 400 << 10;
/// What of a connection's answers is gathered before it is sent, and what one more write brings.
pub const OUTGOING_BYTES: usize = 64 << 10;
/// An HTTP/2 frame.
pub const FRAME_BYTES_MAX: u32 = 64 << 10;
/// Streams that a caller opened and reset before they were accepted (CVE-2023-44487).
pub const RESET_STREAMS_MAX: usize = 20;
/// Streams that the server reset for the caller's faults, on one connection.
pub const LOCAL_ERROR_RESET_STREAMS_MAX: usize = 1_024;
/// An idle connection is asked for a sign of life this often.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// A connection that gives none for this long is closed.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection that has not said as much as the first line of HTTP/2 by then is closed.
pub const OPENING_TIMEOUT: Duration = Duration::from_secs(10);
/// The first line of HTTP/2.
pub const OPENING_BYTES: usize = 24;
/// A connection that has not sent a request by then is told to connect again when it has one.
pub const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// The headers of an HTTP/1.1 request, the time before them included.
pub const HTTP1_HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Headers of one HTTP/1.1 request.
pub const HTTP1_HEADERS_MAX: usize = 64;
/// Between two attempts to accept connections when the system has no means for more.
pub const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Pages of metrics being made at a time.
pub const SCRAPES_IN_FLIGHT_MAX: usize = 2;
/// Deadline of a request that states none, unless a server says otherwise.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);

/// Limits of a server that depend on its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingLimits {
    /// Open connections of one listener; further ones wait to be accepted.
    pub connections_max: usize,
    /// Open streams of one connection.
    pub concurrent_streams_max: u32,
    /// Requests being answered, streams apart.
    pub requests_in_flight_max: usize,
    /// Deadline of a request that states none.
    pub deadline_default: Duration,
    /// Latest deadline of a request.
    pub deadline_max: Duration,
    /// At shutdown, what is still being answered after this is cut off.
    pub drain_timeout: Duration,
}

impl Default for ServingLimits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            concurrent_streams_max: 256,
            requests_in_flight_max: 4_096,
            deadline_default: DEADLINE_DEFAULT,
            deadline_max: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(3),
        }
    }
}
