//! Connects to a listener, with every setting of the transport stated.

use crate::{Error, address::uri, limits};
use tonic::transport::{Channel, Endpoint};

/// Connects to `address`, which is `host:port` or a URI.
pub(crate) async fn connect(address: &str) -> Result<Channel, Error> {
    let uri = uri(address)?;
    let unreachable = |source| Error::Unreachable {
        address: address.to_owned(),
        source: Box::new(source),
    };
    Endpoint::from(uri)
        .connect_timeout(limits::CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .buffer_size(limits::REQUESTS_QUEUED_MAX)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .http2_adaptive_window(false)
        .max_frame_size(limits::FRAME_BYTES_MAX)
        .http2_max_header_list_size(limits::HEADER_BYTES_MAX)
        .http2_max_local_error_reset_streams(limits::LOCAL_ERROR_RESET_STREAMS_MAX)
        .http2_keep_alive_interval(limits::KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(limits::KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect()
        .await
        .map_err(unreachable)
}

/// Bounds the sizes of a generated client's messages, in both directions.
macro_rules! sized {
    ($client:expr) => {
        $client
            .max_decoding_message_size($crate::limits::ANSWER_BYTES_MAX)
            .max_encoding_message_size($crate::limits::REQUEST_BYTES_MAX)
    };
}
pub(crate) use sized;
