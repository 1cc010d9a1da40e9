//! The services of every listener, health and reflection, and the size limits of every message.

use crate::Health;
use cloud_proto::FILE_DESCRIPTOR_SET;
use tonic::service::Routes;

/// Limits the sizes of a generated service's messages, both requests and answers.
#[macro_export]
macro_rules! sized {
    ($service:expr) => {
        $service
            .max_decoding_message_size($crate::limits::REQUEST_BYTES_MAX)
            .max_encoding_message_size($crate::limits::ANSWER_BYTES_MAX)
    };
}

/// Returns the routes of health and reflection. A listener adds its own services.
///
/// # Errors
/// If the descriptors of the protos cannot be read.
pub fn with_health(health: &Health) -> Result<Routes, tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    Ok(Routes::new(sized!(health.service())).add_service(sized!(reflection)))
}
