//! The ids and times that all parts of The Cloud share: member ids, SCNs, histories, log ids and
//! lineage ids.
//!
//! Each is a type of its own, so that a member id is never taken for an SCN. The crate knows no
//! wire format, no file and no graph.
//!
//! The accessors of ids and times are `#[inline]`: without it, the engine calls them across crates
//! for each change, and applying changes takes a tenth longer (bench `engine`, `apply`).

mod connection_time;
mod hex_id;
mod history;
mod log_point;
mod member_id;
mod member_key;
mod number_text;
mod restriction_kind;
mod scn;
mod source_mark;

pub use connection_time::ConnectionTime;
pub use hex_id::{InvalidHexId, LineageId, LogId};
pub use history::{History, InvalidHistory};
pub use log_point::LogPoint;
pub use member_id::MemberId;
pub use member_key::hash_63;
pub use restriction_kind::RestrictionKind;
pub use scn::Scn;
pub use source_mark::SourceMark;
