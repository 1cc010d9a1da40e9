//! Every limit of the client in one place.
//!
//! Some defaults of the library are no limits at all (a sent message may have any size), so each
//! limit is stated.

use std::time::Duration;

/// The timeout of a call on a handle without another one.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// The time after which a connection that is not established is an error.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum size of an answer: the server's own limit.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// The maximum members of one BatchGetProfiles: the server's own limit.
pub const PROFILES_BATCH_MAX: usize = 1_000;
/// The maximum size of a request: above a window part of 1 MiB with its frame.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;
/// The size up to which the parts of a window are filled, so that with their other fields they stay
/// below the log's 1 MiB.
pub const WINDOW_PART_BYTES: usize = (1 << 20) - (16 << 10);
/// The number of parts on their way to the server before [`crate::WindowSender::send`] waits.
pub const PARTS_IN_FLIGHT_MAX: usize = 64;
/// The time between two pings on a connection without traffic.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// The time after which a connection that has not answered a ping is closed.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of requests that wait for the connection, of all its handles; further ones
/// wait to be queued.
pub const REQUESTS_QUEUED_MAX: usize = 1_024;
/// The bytes that the server may send on one stream before they are read here.
pub const STREAM_WINDOW_BYTES: u32 = 2 << 20;
/// The bytes that the server may send on the connection before they are read here.
pub const CONNECTION_WINDOW_BYTES: u32 = 5 << 20;
/// The maximum size of an HTTP/2 frame.
pub const FRAME_BYTES_MAX: u32 = 64 << 10;
/// The maximum size of the headers of one answer, with the details of an error.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;
/// The maximum number of streams that this side resets because of errors of the server.
pub const LOCAL_ERROR_RESET_STREAMS_MAX: usize = 1_024;
