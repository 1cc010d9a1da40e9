//! The server over gRPC, in this process, on a small site: every call, and every documented error.

mod errors;
mod every_call;
mod small_site;
