//! GetStatus: where the log begins and ends.

use super::LogServer;
use cloud_model::SourceMark;
use cloud_proto::databus::v1::{GetStatusResponse, SourceStatus};

/// Returns the current status of the log.
pub fn log_status(server: &LogServer) -> GetStatusResponse {
    let status = server.log.status();
    let source = |SourceMark {
                      source_id,
                      offset,
                      scn,
                  }| SourceStatus {
        source_id,
        last_offset: offset,
        scn: scn.get(),
    };
    GetStatusResponse {
        head: Some(server.as_of(server.log.point(status.head))),
        oldest_after_scn: status.oldest_after_scn.get(),
        bytes: status.bytes,
        segments: u32::try_from(status.segments).unwrap_or(u32::MAX),
        lineage_id: server.log.origin().to_string(),
        owner: String::new(),
        warnings: server.warnings.clone(),
        sources: server.log.sources().into_iter().map(source).collect(),
    }
}
