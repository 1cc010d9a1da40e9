//! How long what is durable has not been applied.
//!
//! SCNs cannot be subtracted and carry no time, so the log's head is looked at now and then: one that was seen a while
//! ago and is still not reached tells how far a side is behind, at least.

use crate::ingest::progress::{Reached, Side};
use cloud_model::Scn;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How far a side is behind the log's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// Something that was durable so long ago is not there yet, at least; or may not be, as nothing was heard of the log.
    pub(crate) time: Duration,
    /// Why, where that is known.
    pub(crate) reason: Option<Arc<str>>,
}

/// What was seen at earlier looks, of the graph and of the people.
#[derive(Debug, Default)]
pub(crate) struct LagWatch(Mutex<[Option<Ahead>; 2]>);

/// A head of the log that a side has not reached yet, and when it was seen.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    head: Scn,
    seen: Instant,
}

impl LagWatch {
    /// Graph's and people's, with the log's head at `head`.
    pub(crate) fn look(&self, reached: &Reached, head: Scn, now: Instant) -> [Lag; 2] {
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [graph, people] = &mut *ahead;
        let lag = |ahead: &mut Option<Ahead>, side: Side, held_up: Option<&Arc<str>>| {
            let at = reached.at(side);
            if ahead.is_none_or(|ahead| ahead.head <= at) {
                *ahead = (at < head).then_some(Ahead { head, seen: now });
            }
            let unheard = reached.unheard.as_ref();
            // Since when something is, or may be, missing.
            let since = ahead.iter().map(|ahead| ahead.seen);
            let since = since.chain(unheard.map(|unheard| unheard.since)).min();
            let why = reached.failed.as_ref().or(held_up);
            let why = why.or(unheard.map(|unheard| &unheard.reason));
            since.map_or_else(Lag::default, |since| Lag {
                time: now.saturating_duration_since(since),
                reason: why.cloned(),
            })
        };
        [
            lag(graph, Side::Graph, reached.graph_held_up.as_ref()),
            lag(people, Side::People, reached.people_held_up.as_ref()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::progress::Unheard;

    #[test]
    fn a_side_lags_as_long_as_a_head_is_not_reached() {
        let watch = LagWatch::default();
        let begun = Instant::now();
        let check = |[graph, people]: [u64; 2], head, second, expected: [u64; 2]| {
            let reached = Reached {
                graph: Scn::new(graph),
                people: Scn::new(people),
                ..Reached::default()
            };
            let lag = watch.look(
                &reached,
                Scn::new(head),
                begun + Duration::from_secs(second),
            );
            assert_eq!(lag.map(|lag| lag.time.as_secs()), expected);
        };
        check([7, 0], 0, 0, [0, 0]);
        check([7, 0], 7, 0, [0, 0]);
        check([7, 0], 9, 5, [0, 5]);
        // The head of before is reached: the newer one is looked at from now on.
        check([7, 7], 9, 6, [1, 0]);
        check([7, 7], 9, 8, [3, 2]);
        check([9, 9], 9, 9, [0, 0]);
    }

    #[test]
    fn a_log_that_is_not_heard_is_lag_since_it_was() {
        let begun = Instant::now();
        let check = |head, second, expected: u64| {
            let unheard = Unheard {
                reason: Arc::from("out of reach"),
                since: begun,
            };
            let reached = Reached {
                graph: Scn::new(7),
                people: Scn::new(7),
                unheard: Some(unheard),
                ..Reached::default()
            };
            let lag = LagWatch::default();
            for lag in lag.look(
                &reached,
                Scn::new(head),
                begun + Duration::from_secs(second),
            ) {
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
    fn a_reason_is_told_while_something_is_behind() {
        let text = |reason: &str| Some(Arc::from(reason));
        let check = |failed, [graph_held_up, people_held_up]: [_; 2], head, expected| {
            let reached = Reached {
                failed,
                graph_held_up,
                people_held_up,
                ..Reached::default()
            };
            let lag = LagWatch::default().look(&reached, Scn::new(head), Instant::now());
            assert_eq!(lag.map(|lag| lag.reason), expected);
        };
        let full = || [None, text("full")];
        check(None, full(), 1, full());
        check(None, [text("waits"), None], 1, [text("waits"), None]);
        check(text("rot"), full(), 1, [text("rot"), text("rot")]);
        check(text("rot"), full(), 0, [None, None]);
    }
}
