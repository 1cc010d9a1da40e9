//! Forbids large pages to a process and to its children, to measure what they are worth.
#![expect(unsafe_code, reason = "rustix has no call for this option of prctl(2)")]

use std::io;

use crate::outcome::Outcome;

/// Forbids large pages to this process, and to those that it starts from now on, whatever they ask
/// for (`PR_SET_THP_DISABLE`, prctl(2)).
pub fn forbid_large_pages() -> Outcome<()> {
    // SAFETY: this option takes numbers only, and changes no memory of the process.
    let result = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error().into())
    }
}
