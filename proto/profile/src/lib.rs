//! What a member and a position may be: the rules that every way in goes through, what a change does to a profile, and how
//! a change is printed.

mod change_line;
pub mod limits;
mod merge;
mod validation;

pub use change_line::{ChangeLine, MemberLine, PositionLine, part_lines};
pub use merge::{
    UnknownPath, empty_profile, remove_position, sort_positions, upsert_member, upsert_position,
};
pub use validation::{InvalidChange, validate_change, validate_time};
