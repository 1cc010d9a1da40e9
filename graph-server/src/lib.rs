//! The graph server: configuration, start-up, ingest of the change log, RPCs; and cloudctl.

mod deadline;
pub mod limits;
mod page_token;
mod refusal;
mod status;
