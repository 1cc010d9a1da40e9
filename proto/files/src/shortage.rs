//! Errors of a system that lacks something for a while: a later attempt may succeed.

use rustix::io::Errno;
use std::io::{self, ErrorKind};

/// Returns whether the system had no room, no memory or no descriptors left.
#[must_use]
pub fn is_shortage(error: &io::Error) -> bool {
    let has_no_descriptors = Errno::from_io_error(error)
        .is_some_and(|errno| [Errno::MFILE, Errno::NFILE].contains(&errno));
    has_no_descriptors
        || matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::OutOfMemory
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_told_from_other_errors() {
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOSPC,
            Errno::DQUOT,
            Errno::NOMEM,
        ] {
            assert!(is_shortage(&errno.into()), "{errno}");
        }
        for errno in [Errno::IO, Errno::NOENT, Errno::ACCESS, Errno::ROFS] {
            assert!(!is_shortage(&errno.into()), "{errno}");
        }
        assert!(!is_shortage(&io::Error::other("x")));
    }
}
