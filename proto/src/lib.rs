//! The wire: messages and services, generated from the `.proto` files beside this crate.
//!
//! A web application calls `cloud.v1`; `databus.v1` is the change log, on the wire and on disk. The
//! `.proto` files document every message.
//!
//! ```
//! use cloud_proto::cloud::v1::{Degree, GetDegreesRequest};
//! let page = GetDegreesRequest { viewer_id: 42, member_ids: vec![7, 9], ..Default::default() };
//! assert!(page.at_least.is_none());
//! assert_eq!(Degree::Second as i32, 2);
//! ```
#![expect(
    missing_docs,
    clippy::allow_attributes,
    reason = "generated from .proto files, which carry the documentation"
)]

/// The calls of a web application.
pub mod cloud {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("cloud.v1");
    }
}

/// The change log.
pub mod databus {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("databus.v1");
    }
}

/// The compiled descriptors of both packages, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
