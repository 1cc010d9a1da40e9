//! The log that the site follows: its own, or one that a relay owns.

pub(crate) mod change_log;
pub(crate) mod expected_log;
pub(crate) mod opening;
pub(crate) mod relay;
pub(crate) mod relay_windows;
pub(crate) mod windows;
