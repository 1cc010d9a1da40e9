//! Measures the lag: for how long a durable window has not been applied.
//!
//! SCNs cannot be subtracted and carry no time, so the log's head is recorded now and then. If a
//! recorded head is not reached yet, the part lags at least since it was recorded.

use crate::ingest::progress::{Part, Reached};
use cloud_model::Scn;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How far a part is behind the log's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// A lower bound: a window that was durable this long ago is not applied yet. While the log
    /// cannot be read, such a window may exist.
    pub(crate) time: Duration,
    /// The reason, if it is known.
    pub(crate) reason: Option<Arc<str>>,
}

/// The heads recorded at earlier calls, for the graph and for the profiles.
#[derive(Debug, Default)]
pub(crate) struct LagWatch(Mutex<[Option<Ahead>; 2]>);

/// A head of the log that a part has not reached yet, and when it was recorded.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    head: Scn,
    seen: Instant,
}

impl LagWatch {
    /// Returns the lags of the graph and of the profiles, with the log's head at `head`.
    pub(crate) fn look(&self, reached: &Reached, head: Scn, now: Instant) -> [Lag; 2] {
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [graph, profiles] = &mut *ahead;
        let lag = |ahead: &mut Option<Ahead>, part: Part| {
            let at = reached.part(part);
            if ahead.is_none_or(|ahead| ahead.head <= at.scn) {
                *ahead = (at.scn < head).then_some(Ahead { head, seen: now });
            }
            let out_of_reach = reached.out_of_reach.as_ref();
            // The time since when a window is missing, or may be.
            let since = ahead.iter().map(|ahead| ahead.seen);
            let since = since.chain(out_of_reach.map(|out| out.since)).min();
            let why = reached.ended(part).or(at.held_up.as_ref());
            let why = why.or(out_of_reach.map(|out| &out.reason));
            Lag {
                time: since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
                // A part that follows no more gives its reason even before a window is missing.
                reason: since.map_or(reached.ended(part), |_| why).cloned(),
            }
        };
        [lag(graph, Part::Graph), lag(profiles, Part::Profiles)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ingest::progress::PartProgress, log_source::OutOfReach};

    fn reached([graph, profiles]: [u64; 2]) -> Reached {
        let at = |scn| PartProgress::at(Scn::new(scn));
        Reached {
            graph: at(graph),
            profiles: at(profiles),
            ..Reached::default()
        }
    }

    #[test]
    fn a_part_lags_as_long_as_a_head_is_not_reached() {
        let watch = LagWatch::default();
        let begun = Instant::now();
        let check = |parts, head, second, expected: [u64; 2]| {
            let now = begun + Duration::from_secs(second);
            let lag = watch.look(&reached(parts), Scn::new(head), now);
            assert_eq!(lag.map(|lag| lag.time.as_secs()), expected);
        };
        check([7, 0], 0, 0, [0, 0]);
        check([7, 0], 7, 0, [0, 0]);
        check([7, 0], 9, 5, [0, 5]);
        // The recorded head is reached: the newer one is recorded from now on.
        check([7, 7], 9, 6, [1, 0]);
        check([7, 7], 9, 8, [3, 2]);
        check([9, 9], 9, 9, [0, 0]);
    }

    #[test]
    fn a_log_that_is_out_of_reach_is_lag_since_it_was_in_reach() {
        let begun = Instant::now();
        let check = |head, second, expected: u64| {
            let out_of_reach = OutOfReach {
                reason: Arc::from("out of reach"),
                since: begun,
            };
            let reached = Reached {
                out_of_reach: Some(out_of_reach),
                ..reached([7, 7])
            };
            let now = begun + Duration::from_secs(second);
            for lag in LagWatch::default().look(&reached, Scn::new(head), now) {
                assert_eq!(
                    (lag.time.as_secs(), lag.reason.as_deref()),
                    (expected, Some("out of reach"))
                );
            }
        };
        check(7, 3, 3);
        check(9, 4, 4);
    }

    #[test]
    fn a_reason_is_given_while_something_is_behind() {
        let text = |reason: &str| Some(Arc::from(reason));
        let check = |stopped, [graph, profiles]: [_; 2], head, expected| {
            let mut reached = reached([0, 0]);
            reached.stopped = stopped;
            reached.graph.held_up = graph;
            reached.profiles.held_up = profiles;
            let lag = LagWatch::default().look(&reached, Scn::new(head), Instant::now());
            assert_eq!(lag.map(|lag| lag.reason), expected);
        };
        let full = || [None, text("full")];
        check(None, full(), 1, full());
        check(None, [text("waits"), None], 1, [text("waits"), None]);
        check(text("rot"), full(), 1, [text("rot"), text("rot")]);
        // A server that follows no more says so even if no window is missing.
        check(text("rot"), full(), 0, [text("rot"), text("rot")]);
    }

    #[test]
    fn a_part_that_has_failed_gives_its_reason_always() {
        let mut reached = reached([0, 0]);
        reached.profiles.failed = Some("damaged".into());
        for head in [0, 1] {
            let lag = LagWatch::default().look(&reached, Scn::new(head), Instant::now());
            let reasons = lag.map(|lag| lag.reason);
            assert_eq!(reasons, [None, Some(Arc::from("damaged"))]);
        }
    }
}
