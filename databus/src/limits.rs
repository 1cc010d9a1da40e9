//! Every limit of the log in one place, with its unit in its name: what a publisher may send is known from this page.

use std::time::Duration;

/// A part of a window, encoded: a frame on disk, a message on the wire.
pub const PART_BYTES_MAX: usize = 1 << 20;

/// The changes of a window, unless the options say less. Above it a source has to be bootstrapped again.
pub const WINDOW_CHANGES_MAX: usize = 10_000_000;

/// A window, encoded, unless the options say less.
pub const WINDOW_BYTES_MAX: usize = 1 << 30;

/// The name of a source.
pub const SOURCE_ID_BYTES_MAX: usize = 128;

/// Sources that one log remembers: their last offsets stand at the head of every segment.
pub const SOURCES_MAX: usize = 1024;

/// Between two heartbeats of a subscription that has nothing else to say.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Parts read from the log ahead of a subscriber.
pub const SUBSCRIPTION_PARTS_MAX: usize = 8;
/// Between two looks at what the log may let go of.
pub const RETENTION_INTERVAL: Duration = Duration::from_secs(1);

/// Windows of one Publish call that wait for the log's sync, and as many answers that the caller
/// has not taken.
pub const WINDOWS_IN_FLIGHT_MAX: usize = 256;

/// Limits of a served log that depend on its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Open subscriptions.
    pub subscriptions_max: usize,
    /// Open Publish calls.
    pub publishers_max: usize,
    /// Published windows that wait for the log's sync, all calls together. A larger one waits until
    /// it is alone.
    pub publish_bytes_max: u64,
    /// A subscriber or publisher that takes nothing of what it is sent for this long is cut off.
    pub stall_max: Duration,
}

impl StreamLimits {
    /// Returns [`publish_bytes_max`](Self::publish_bytes_max) in the unit that is counted.
    pub(crate) fn publish_kib_max(&self) -> u32 {
        u32::try_from(self.publish_bytes_max / 1024)
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Returns how many windows wait for the log's sync, all calls together. Each call has those of
    /// its queue, the one that its answer waits for, and the one on its way between the two.
    pub fn log_queue_windows_max(&self) -> usize {
        self.publishers_max * (WINDOWS_IN_FLIGHT_MAX + 2)
    }
}

// A part holds at least one change, beside what it says of its window.
const _: () = assert!(cloud_profile::limits::CHANGE_BYTES_MAX + 1024 <= PART_BYTES_MAX);
