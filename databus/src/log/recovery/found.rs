//! A segment that was found in the folder, and the checks that it fits the log and its predecessor.

use crate::disk::{Disk, DiskFile};
use crate::log::error::OpenError;
use crate::log::options::LogOptions;
use crate::log::segment::{Segment, scn_of_name};
use crate::log::segment_header::{HeaderError, PREFIX_BYTES, Previous, SegmentHeader};
use cloud_model::LineageId;
use std::{path::PathBuf, sync::Arc};

/// A segment with a valid header.
#[derive(Debug)]
pub(in crate::log) struct Found {
    pub(in crate::log) name: String,
    pub(in crate::log) header: SegmentHeader,
    pub(in crate::log) segment: Arc<Segment>,
    pub(in crate::log) file: Arc<dyn DiskFile>,
    /// The file's length.
    pub(in crate::log) bytes: u64,
}

impl Found {
    pub(in crate::log) fn read(disk: &dyn Disk, name: &str) -> Result<Self, OpenError> {
        let failed = |source| OpenError::file(disk, name, source);
        let refused = |error| header_error(disk.path(name), error);
        let file = disk.open(name).map_err(failed)?;
        let bytes = file.bytes().map_err(failed)?;
        let mut header = vec![0; PREFIX_BYTES];
        let read = file.read_at(&mut header, 0).map_err(failed)?;
        header.truncate(read);
        header.resize(SegmentHeader::length(&header).map_err(refused)?, 0);
        let read = file.read_at(&mut header, 0).map_err(failed)?;
        header.truncate(read);
        let (header, seed) = SegmentHeader::decode(&header).map_err(refused)?;
        if scn_of_name(name) != Some(header.first_scn) {
            let reason = format!("it is the segment of SCN {}", header.first_scn);
            return Err(OpenError::damaged(disk, name, 0, reason));
        }
        let segment = Arc::new(Segment::new(&header, seed));
        Ok(Self {
            name: name.to_owned(),
            header,
            segment,
            file,
            bytes,
        })
    }

    /// Checks that this segment is of the expected log. If the options name no log, the origin is
    /// compared.
    pub(in crate::log) fn belongs_to(
        &self,
        origin: Option<LineageId>,
        options: &LogOptions,
        disk: &dyn Disk,
    ) -> Result<(), OpenError> {
        let file = disk.path(&self.name);
        match options.log_id {
            Some(expected) if expected != self.header.log_id => Err(OpenError::ForeignLog {
                file,
                found: self.header.log_id,
                expected,
            }),
            Some(_) => Ok(()),
            None => match origin {
                Some(expected) if expected != self.header.origin => Err(OpenError::ForeignOrigin {
                    file,
                    found: self.header.origin,
                    expected,
                }),
                _ => Ok(()),
            },
        }
    }

    /// Checks that this segment continues another one. Both must be of the same log, with nothing
    /// missing between them or at the end of the other one.
    pub(in crate::log) fn continues(
        &self,
        previous: &Self,
        disk: &dyn Disk,
    ) -> Result<(), OpenError> {
        let refuse = |reason| Err(OpenError::damaged(disk, &self.name, 0, reason));
        let (before, here) = (&previous.header, &self.header);
        if (before.log_id, before.origin) != (here.log_id, here.origin) {
            let (previous, other) = (&previous.name, before.log_id);
            return refuse(format!(
                "it is of log {}, and {previous} of log {other}",
                here.log_id
            ));
        }
        let Some(Previous { first_scn, end }) = here.previous else {
            return refuse(format!(
                "a log begins with it, and {} is there",
                previous.name
            ));
        };
        if first_scn != before.first_scn {
            return refuse(format!(
                "it follows the segment of SCN {first_scn}, which is missing"
            ));
        }
        if previous.bytes < end || end < previous.segment.seed.header_bytes {
            let reason = format!("the file ends, and {} follows byte {end} of it", self.name);
            return Err(OpenError::damaged(
                disk,
                &previous.name,
                previous.bytes,
                reason,
            ));
        }
        Ok(())
    }

    /// Sets the end of this segment, which the header of its successor states. Cuts a longer file
    /// durably.
    pub(in crate::log) fn end_at(&self, end: u64, disk: &dyn Disk) -> Result<(), OpenError> {
        self.segment.extend_to(end);
        if self.bytes == end {
            return Ok(());
        }
        let cut = self.file.cut(end).and_then(|()| self.file.sync());
        cut.map_err(|source| OpenError::file(disk, &self.name, source))
    }
}

fn header_error(file: PathBuf, error: HeaderError) -> OpenError {
    match error {
        HeaderError::NotASegment => OpenError::NotASegment { file },
        HeaderError::FutureVersion { version, supported } => OpenError::FutureVersion {
            file,
            version,
            supported,
        },
        HeaderError::Damaged { offset, reason } => OpenError::Damaged {
            file,
            offset,
            reason,
        },
    }
}
