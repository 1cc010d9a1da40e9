//! The timelines of a cluster: a promotion begins another one.

/// Where the log of a cluster forked, as a history file states it.
#[derive(Debug, PartialEq, Eq)]
struct Fork {
    /// The timeline that ended.
    timeline: u32,
    /// The position at which it ended.
    end: u64,
}

/// Returns whether a position on one timeline is also on another, whose history file is given. It
/// is, if the other one forked off at the position or after it.
pub(super) fn holds(history: &str, timeline: u32, position: u64) -> bool {
    let mut forks = history.lines().filter_map(fork);
    forks.any(|fork| fork.timeline == timeline && position <= fork.end)
}

/// Reads a line: the timeline, the position, and a reason.
fn fork(line: &str) -> Option<Fork> {
    let mut words = line.split_whitespace();
    let timeline = words.next()?.parse().ok()?;
    let (high, low) = words.next()?.split_once('/')?;
    let half = |text| u64::from_str_radix(text, 16).ok();
    Some(Fork {
        timeline,
        end: half(high)? << 32 | half(low)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_before_the_fork_is_on_both_timelines() {
        let history = "1\t0/3000148\tno recovery target specified\n\n2\t1/A0\tpromoted\n";
        assert!(holds(history, 1, 0x300_0148));
        assert!(!holds(history, 1, 0x300_0149));
        assert!(holds(history, 2, 0x1_0000_00a0));
        assert!(!holds(history, 2, 0x1_0000_00a1));
        assert!(!holds(history, 3, 1));
    }
}
