//! The limits of the log, each with its unit in its name: they state what a publisher may send.

use std::time::Duration;

/// The most bytes of an encoded part of a window. A part is a frame on disk and a message on the
/// wire.
pub const PART_BYTES_MAX: usize = 1 << 20;

/// The most changes of a window, unless [`LogOptions`](crate::LogOptions) say otherwise. After a
/// larger one, the source has to be bootstrapped again.
pub const WINDOW_CHANGES_MAX: usize = 10_000_000;

/// The most encoded bytes of a window's changes, unless [`LogOptions`](crate::LogOptions) say
/// otherwise.
pub const WINDOW_BYTES_MAX: usize = 1 << 30;

/// The most bytes of a source's name.
pub const SOURCE_ID_BYTES_MAX: usize = 128;

/// The most sources that one log remembers. Their last offsets are stored in the header of every
/// segment.
pub const SOURCES_MAX: usize = 1024;

/// The number of newest windows whose histories are kept at hand, to state them and to compare them
/// with those that callers send.
pub const HISTORIES_KEPT: usize = 65_536;

/// The interval between two heartbeats of a subscription.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// The most parts that are read from the log ahead of a subscriber.
pub const SUBSCRIPTION_PARTS_MAX: usize = 8;
/// The interval between two checks for segments that can be removed.
pub const RETENTION_INTERVAL: Duration = Duration::from_secs(1);

/// The most windows of one Publish call that wait for the log's sync. As many answers may wait
/// until the caller reads them.
pub const WINDOWS_IN_FLIGHT_MAX: usize = 256;

/// The time within which the next part of a begun window must arrive: an unfinished window holds
/// room for published windows.
pub const PART_WAIT_MAX: Duration = Duration::from_secs(30);

/// The limits of a served log that depend on its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// The most open subscriptions.
    pub subscriptions_max: usize,
    /// The most open Publish calls.
    pub publishers_max: usize,
    /// The most bytes of published windows that wait for the log's sync, or for their last part,
    /// over all calls. A larger window waits until no other one waits.
    pub publish_bytes_max: u64,
    /// The time after which a Publish call ends on which no window arrives, and none is in flight.
    pub idle_max: Duration,
    /// The time after which a subscriber or publisher that reads nothing of its stream is cut off.
    pub stall_max: Duration,
}

impl StreamLimits {
    /// Returns [`publish_bytes_max`](Self::publish_bytes_max) in KiB, the unit in which windows are
    /// counted.
    pub(crate) fn publish_kib_max(&self) -> u32 {
        u32::try_from(self.publish_bytes_max / 1024)
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Returns the most windows that wait for the log's sync, over all calls. Each call has the
    /// windows of its queue, the window whose answer it awaits, and the window on its way between
    /// the two.
    pub fn log_queue_windows_max(&self) -> usize {
        self.publishers_max * (WINDOWS_IN_FLIGHT_MAX + 2)
    }
}

// A part has room for at least one change, beside the fields of its window.
const _: () = assert!(cloud_profile::limits::CHANGE_BYTES_MAX + 1024 <= PART_BYTES_MAX);
