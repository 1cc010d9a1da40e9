//! Reasons: why requests are refused, in words that programs read.
//!
//! A reason always comes with the same gRPC code and the same figures. A caller can therefore act
//! on the reason alone. Each crate lists its reasons in one table, with the macro `reasons!`.

use tonic::Code;

/// A reason that programs read, in `google.rpc.ErrorInfo`.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// The name, in upper-case words.
    pub name: &'static str,
    /// The code of every error with this reason.
    pub code: Code,
    /// The names of the figures in the metadata. An error has those that it knows.
    pub figures: &'static [&'static str],
    /// The fault, and the step that a caller can take.
    pub meaning: &'static str,
}

/// Defines a table of reasons, and a static item for each of them.
///
/// A line has the name, the code, the names of the figures, and the meaning.
#[macro_export]
macro_rules! reasons {
    (
        $(#[$about:meta])*
        $table:ident:
        $($name:ident = $code:ident [$($figure:ident),*] $meaning:literal;)*
    ) => {
        $(
            #[doc = $meaning]
            pub static $name: $crate::Reason = $crate::Reason {
                name: stringify!($name),
                code: tonic::Code::$code,
                figures: &[$(stringify!($figure)),*],
                meaning: $meaning,
            };
        )*
        $(#[$about])*
        pub static $table: &[&$crate::Reason] = &[$(&$name),*];
    };
}

reasons! {
    /// The reasons of every server.
    REASONS:
    INVALID_FIELD = InvalidArgument [field]
        "A field of the request is wrong. BadRequest names the field and the rule.";
    TOO_LARGE = InvalidArgument [field, asked, limit]
        "A field of the request is above its limit. Ask for less.";
    REQUEST_TOO_LARGE = InvalidArgument [limit]
        "The message is larger than the limit, in bytes. Send a smaller one.";
    MALFORMED = InvalidArgument [why]
        "The bytes are no message of this method. Generate the client from the server's protos.";
    ANSWER_TOO_LARGE = FailedPrecondition [limit]
        "The answer would be larger than the limit, in bytes. Ask for fewer members.";
    NOT_FOUND = NotFound [why]
        "The named service, symbol or file of health or reflection does not exist.";
    BUSY = ResourceExhausted [what, limit]
        "As many as the limit allows are in progress. Retry after the delay in RetryInfo.";
    NOT_SERVING = Unavailable [why]
        "The server is starting, stopping, or has failed. Retry, or use another server.";
    IDLE = Unavailable [idle_ms]
        "Nothing was sent on the call for the time that the figure states. Open another one.";
    DEADLINE = DeadlineExceeded []
        "The deadline passed. The work on the request has stopped.";
    CANCELLED = Cancelled [why]
        "The call was cancelled.";
    UNKNOWN_METHOD = Unimplemented []
        "The server has no such method. Its reflection lists those that it has.";
    OTHER_LISTENER = Unimplemented [service, listener]
        "The service is on another listener of the server. Connect to the one that is named.";
    UNSUPPORTED_ENCODING = Unimplemented [why]
        "The compression is not supported. The header grpc-accept-encoding lists what is.";
    PROTOCOL_ERROR = Internal [why]
        "The frames of the message break the gRPC protocol. The client library is at fault.";
    CORRUPT = DataLoss [what, why]
        "Data that the answer needs is damaged. The figures name it; an operator must act.";
    INTERNAL = Internal [why]
        "The server failed. Its log has the details.";
}
