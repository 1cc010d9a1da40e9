//! Where does the log begin and end?

use crate::site::Site;
use cloud_proto::databus::v1::{GetStatusResponse, SourceStatus};
use databus::SourceMark;

pub(crate) fn log_status(site: &Site) -> GetStatusResponse {
    let status = site.log.status();
    let source = |SourceMark {
                      source_id,
                      offset,
                      scn,
                  }| SourceStatus {
        source_id,
        last_offset: offset,
        scn,
    };
    GetStatusResponse {
        head: Some(site.progress.as_of(status.head)),
        oldest_after_scn: status.oldest_after_scn,
        bytes: status.bytes,
        segments: u32::try_from(status.segments).unwrap_or(u32::MAX),
        sources: site.log.sources().into_iter().map(source).collect(),
    }
}
