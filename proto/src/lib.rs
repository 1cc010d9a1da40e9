//! The wire: messages and services, generated from the `.proto` files beside this crate.
//!
//! `cloud.v1` is what a web application calls; `databus.v1` is the change log, on the wire and on disk. Everything that is
//! to be known about a message stands in its `.proto` file.
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

/// What a web application calls.
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
