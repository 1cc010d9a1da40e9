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

// A part holds at least one change, beside what it says of its window.
const _: () = assert!(cloud_profile::limits::CHANGE_BYTES_MAX + 1024 <= PART_BYTES_MAX);
