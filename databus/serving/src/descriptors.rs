//! The descriptors of the process, and how the listeners share them with its files.
//!
//! Each connection takes a descriptor, and so does each open file. Callers decide how many
//! connections there are, so their number is limited to what descriptors allow. A reserve is kept
//! for files: without it, a log that has to begin a segment would refuse windows because of idle
//! connections. The admin listener has a share of its own, so that an operator gets through.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The share of the descriptors that is kept for files at most, as a divisor.
const FILES_SHARE: usize = 2;
/// The share of the descriptors left by files that the admin listener gets at most, as a divisor.
const ADMIN_SHARE: usize = 4;

/// The most open connections of each listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connections {
    pub(crate) public: usize,
    pub(crate) admin: usize,
}

/// Raises the soft limit of open descriptors to the hard one. Where the system does not allow that,
/// the soft limit stays.
pub(crate) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // An error leaves the limit as it was, and `connections` counts with it.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// Returns the number of descriptors that the process may open.
pub(crate) fn limit() -> usize {
    let Rlimit { current, .. } = getrlimit(Resource::Nofile);
    current.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

impl Connections {
    /// Shares `limit` descriptors out: first to `files`, then to the admin listener, then to the
    /// public one. Neither listener gets more than `connections_max`, or less than one.
    pub(crate) fn of(limit: usize, files: usize, connections_max: usize) -> Self {
        let left = limit - files.min(limit / FILES_SHARE);
        let admin = connections_max.min(left / ADMIN_SHARE);
        Self {
            public: connections_max.min(left - admin).max(1),
            admin: admin.max(1),
        }
    }

    /// Returns whether both listeners may have `connections_max` connections.
    pub(crate) fn are(self, connections_max: usize) -> bool {
        self.public == connections_max && self.admin == connections_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_then_the_admin_listener_come_before_the_public_one() {
        let check = |limit, files, public, admin| {
            let found = Connections::of(limit, files, 4_096);
            assert_eq!(found, Connections { public, admin }, "{limit}");
            assert!(limit < 4 || public + admin <= limit, "{limit}");
        };
        check(usize::MAX, 384, 4_096, 4_096);
        check(1 << 20, 384, 4_096, 4_096);
        check(4_096, 384, 2_784, 928);
        check(1_024, 384, 480, 160);
        check(256, 384, 96, 32);
        check(96, 384, 36, 12);
        check(1, 384, 1, 1);
        check(0, 384, 1, 1);
        assert!(Connections::of(1 << 20, 384, 10).are(10));
        assert!(!Connections::of(16, 384, 10).are(10));
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
        assert!(limit() > 0);
    }
}
