//! GetStatus and GetSource: where the log begins and ends, and how far it has a source.

use super::LogServer;
use crate::limits::SOURCE_ID_BYTES_MAX;
use cloud_model::SourceMark;
use cloud_proto::databus::v1::{GetSourceResponse, GetStatusResponse, SourceStatus};
use cloud_serving::Refusal;

/// Returns the current status of the log.
pub fn log_status(server: &LogServer) -> GetStatusResponse {
    let status = server.log.status();
    GetStatusResponse {
        head: Some(server.as_of(server.log.point(status.head))),
        oldest_after_scn: status.oldest_after_scn.get(),
        bytes: status.bytes,
        segments: u32::try_from(status.segments).unwrap_or(u32::MAX),
        lineage_id: server.log.origin().to_string(),
        owner: String::new(),
        warnings: server.warnings.clone(),
        sources: server
            .log
            .sources()
            .into_iter()
            .map(source_status)
            .collect(),
    }
}

/// Returns the last offset of a source.
///
/// # Errors
/// If the name is none of a source.
pub(super) fn source(server: &LogServer, source_id: &str) -> Result<GetSourceResponse, Refusal> {
    let problem = match source_id.len() {
        0 => Some("is empty".to_owned()),
        bytes if bytes > SOURCE_ID_BYTES_MAX => {
            Some(format!("is {bytes} bytes, more than {SOURCE_ID_BYTES_MAX}"))
        }
        _ => None,
    };
    if let Some(problem) = problem {
        return Err(Refusal::field("source_id", problem));
    }
    // The head is read first, so that the offset is not below it.
    let head = server.log.status().head;
    let mut sources = server.log.sources().into_iter();
    let mark = sources.find(|mark| mark.source_id == source_id);
    Ok(GetSourceResponse {
        source: mark.map(source_status),
        head: Some(server.as_of(server.log.point(head))),
    })
}

fn source_status(mark: SourceMark) -> SourceStatus {
    SourceStatus {
        source_id: mark.source_id,
        last_offset: mark.offset,
        scn: mark.scn.get(),
    }
}
