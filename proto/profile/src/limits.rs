//! The limits of what a member, a position and a change of one may be, with their units in their names.

/// A change, encoded. A part holds at least one, beside what the part says of its window.
pub const CHANGE_BYTES_MAX: usize = (1 << 20) - 1024;

/// A member's summary.
pub const SUMMARY_BYTES_MAX: usize = 64 << 10;

/// Any other text of a member or a position, and each skill.
pub const TEXT_BYTES_MAX: usize = 1024;

/// The skills of a member.
pub const SKILLS_MAX: usize = 1000;

/// The paths of a field mask.
pub const MASK_PATHS_MAX: usize = 64;
