//! The two gRPC servers' transport, with every limit of tonic, hyper and h2 stated.

use crate::{
    deadline::DeadlineLayer,
    in_flight::InFlightLayer,
    limits::{self, Limits},
};
use tonic::transport::Server;
use tower::layer::util::{Identity, Stack};

/// What every request goes through before its service.
pub(crate) type Layers = Stack<InFlightLayer, Stack<DeadlineLayer, Identity>>;

/// A server without services.
pub(crate) fn server(limits: &Limits, in_flight: InFlightLayer) -> Server<Layers> {
    Server::builder()
        .accept_http1(false)
        .concurrency_limit_per_connection(limits.concurrent_streams_max as usize)
        .load_shed(true)
        .max_concurrent_streams(limits.concurrent_streams_max)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .http2_adaptive_window(Some(false))
        .max_frame_size(limits::FRAME_BYTES_MAX)
        .http2_max_header_list_size(limits::HEADER_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(limits::RESET_STREAMS_MAX))
        .http2_max_local_error_reset_streams(Some(limits::LOCAL_ERROR_RESET_STREAMS_MAX))
        .http2_keepalive_interval(Some(limits::KEEP_ALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(limits::KEEP_ALIVE_TIMEOUT))
        .layer(DeadlineLayer::new(limits))
        .layer(in_flight)
}

/// A generated service with the sizes of its messages bounded both ways.
macro_rules! sized {
    ($service:expr) => {
        $service
            .max_decoding_message_size($crate::limits::REQUEST_BYTES_MAX)
            .max_encoding_message_size($crate::limits::ANSWER_BYTES_MAX)
    };
}
pub(crate) use sized;
