//! Every limit of the log in one place, with its unit in its name: what a publisher may send is known from this page.

use std::time::Duration;

/// A part of a window, encoded: a frame on disk, a message on the wire.
pub const PART_BYTES_MAX: usize = 1 << 20;

/// A change, encoded. A part holds at least one, beside what the part says of its window.
pub const CHANGE_BYTES_MAX: usize = PART_BYTES_MAX - 1024;

/// The changes of a window, unless the options say less. Above it a source has to be bootstrapped again.
pub const WINDOW_CHANGES_MAX: usize = 10_000_000;

/// A window, encoded, unless the options say less.
pub const WINDOW_BYTES_MAX: usize = 1 << 30;

/// The name of a source.
pub const SOURCE_ID_BYTES_MAX: usize = 128;

/// Sources that one log remembers: their last offsets stand at the head of every segment.
pub const SOURCES_MAX: usize = 1024;

/// A member's summary.
pub const SUMMARY_BYTES_MAX: usize = 64 << 10;

/// Any other text of a member or a position, and each skill.
pub const TEXT_BYTES_MAX: usize = 1024;

/// The skills of a member.
pub const SKILLS_MAX: usize = 1000;

/// The paths of a field mask.
pub const MASK_PATHS_MAX: usize = 64;

/// Between two heartbeats of a subscription that has nothing else to say.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Parts read from the log ahead of a subscriber.
pub const SUBSCRIPTION_PARTS_MAX: usize = 8;
/// Between two looks at what the log may let go of.
pub const RETENTION_INTERVAL: Duration = Duration::from_secs(1);
