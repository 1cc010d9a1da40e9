//! The limits of a member, a position and a change, with their units in their names.

/// The size of a change, encoded, where it comes in. A window part of 1 MiB has room for at least
/// one, beside the fields of its window. Logs of earlier versions hold larger ones.
pub const CHANGE_BYTES_MAX: usize = 880 << 10;

/// The number of positions of a member.
pub const POSITIONS_MAX: usize = 1000;

/// The size of a profile, encoded as a record: a member with the positions.
pub const PROFILE_BYTES_MAX: usize = 2 << 20;

/// The length of a member's summary.
pub const SUMMARY_BYTES_MAX: usize = 64 << 10;

/// The length of any other text of a member or a position, and of each skill.
pub const TEXT_BYTES_MAX: usize = 1024;

/// The number of skills of a member.
pub const SKILLS_MAX: usize = 1000;

/// The length of a member's own key.
pub const KEY_BYTES_MAX: usize = 128;

/// The number of the site's own fields of a member.
pub const ATTRIBUTES_MAX: usize = 32;

/// The length of the name of such a field.
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 64;

/// The number of paths of a field mask.
pub const MASK_PATHS_MAX: usize = 64;
