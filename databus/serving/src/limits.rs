//! Every limit of the wire in one place, with its unit in its name.
//!
//! Some defaults of the transport are unlimited: a message to send may have any size, and streams
//! are not counted. Therefore every limit is stated here.

use std::time::Duration;

/// The longest message to the server: a window part of 1 MiB with its frame.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;
/// The longest message from the server: the default limit of gRPC's own clients.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// The total size of the headers of one request.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;
/// The bytes that a caller may send on one stream before the server has read them.
pub const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The bytes that a caller may send on one connection before the server has read them.
pub const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// The bytes of one stream's answers that are kept while the caller does not read them.
pub const STREAM_SEND_BYTES: usize = 400 << 10;
/// The bytes of a connection's answers that are gathered before they are sent. One more write may
/// exceed it.
pub const OUTGOING_BYTES: usize = 64 << 10;
/// The largest HTTP/2 frame.
pub const FRAME_BYTES_MAX: u32 = 64 << 10;
/// The streams that a caller may open and reset before they are accepted (CVE-2023-44487).
pub const RESET_STREAMS_MAX: usize = 20;
/// The streams of one connection that the server may reset for the caller's errors.
pub const LOCAL_ERROR_RESET_STREAMS_MAX: usize = 1_024;
/// The interval of HTTP/2 pings on an idle connection.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// The time after an unanswered ping at which the connection is closed.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The time within which a connection must send the first line of HTTP/2, or be closed.
pub const OPENING_TIMEOUT: Duration = Duration::from_secs(10);
/// The length of the first line of HTTP/2.
pub const OPENING_BYTES: usize = 24;
/// The time within which a connection must send a request. After it, the server sends GOAWAY: the
/// caller connects again when it has a request.
pub const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// The time for the headers of an HTTP/1.1 request, including the wait before them.
pub const HTTP1_HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of headers of one HTTP/1.1 request.
pub const HTTP1_HEADERS_MAX: usize = 64;
/// The time between two attempts to accept a connection, when the system has no resources for more.
pub const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The number of metrics pages that are built at a time.
pub const SCRAPES_IN_FLIGHT_MAX: usize = 2;
/// The delay that RetryInfo suggests where load is the reason. Clients add their own jitter.
pub const RETRY_DELAY: Duration = Duration::from_millis(100);
/// The deadline of a request that states none, unless the server configures another.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);

/// The time for which nothing may be sent on a stream of health or reflection, unless the server
/// configures another.
pub const IDLE_MAX: Duration = Duration::from_secs(600);

/// The descriptors that a server needs for its files, its own connections and its runtime, beside
/// those of streams that read a log.
pub const FILE_DESCRIPTORS: usize = 128;

/// The limits of a server that depend on its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingLimits {
    /// The open connections of one listener. Further ones wait to be accepted. There are fewer if
    /// the process may not open so many descriptors.
    pub connections_max: usize,
    /// The descriptors that are kept for files, so that connections never take them.
    pub file_descriptors: usize,
    /// The open streams of one connection.
    pub concurrent_streams_max: u32,
    /// The requests that are answered at a time, without streams.
    pub requests_in_flight_max: usize,
    /// The deadline of a request that states none.
    pub deadline_default: Duration,
    /// The latest deadline of a request.
    pub deadline_max: Duration,
    /// The time for which nothing may be sent on a stream of health or reflection. Then it ends.
    pub idle_max: Duration,
    /// The time that requests in flight have at shutdown. After it, they are cut off.
    pub drain_timeout: Duration,
}

impl Default for ServingLimits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            file_descriptors: FILE_DESCRIPTORS,
            concurrent_streams_max: 256,
            requests_in_flight_max: 4_096,
            deadline_default: DEADLINE_DEFAULT,
            deadline_max: Duration::from_secs(60),
            idle_max: IDLE_MAX,
            drain_timeout: Duration::from_secs(3),
        }
    }
}
