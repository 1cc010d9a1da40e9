//! Limits the lines of the log by the place in the code that writes them.
//!
//! A caller can make a server write a line for each of its requests: a slow request, a connection
//! that is reset. Without a limit, it would fill the disk and slow down other callers. A limit for
//! the whole log would let one flood hide everything else, so each call site has its own.
//!
//! Lines of the levels debug and trace are not limited: an operator who switches them on needs all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Event, Level, Metadata, Subscriber, callsite::Identifier};
use tracing_subscriber::layer::{Context, Layer};

/// The lines that a call site may write within [`INTERVAL`].
const LINES_MAX: u64 = 20;
/// The interval in which the lines of a call site are counted. It begins with a line.
const INTERVAL: Duration = Duration::from_secs(10);

/// The target of the lines that state how many others were left out. They are not limited.
pub(super) const STATEMENT: &str = "log";

/// A layer that drops the lines of call sites that write too many. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(super) struct RateLimit {
    sites: Arc<Mutex<HashMap<Identifier, Site>>>,
}

/// The lines of a call site in its running interval.
#[derive(Debug)]
struct Site {
    metadata: &'static Metadata<'static>,
    begun: Instant,
    written: u64,
    suppressed: u64,
}

/// The lines of a call site that were left out.
#[derive(Debug)]
pub(super) struct Suppressed {
    pub(super) lines: u64,
    pub(super) site: &'static Metadata<'static>,
}

impl RateLimit {
    /// Counts a line, and returns whether it may be written.
    fn allows(&self, metadata: &'static Metadata<'static>, now: Instant) -> bool {
        if *metadata.level() > Level::INFO || metadata.target() == STATEMENT {
            return true;
        }
        let mut sites = self.sites();
        let site = sites.entry(metadata.callsite()).or_insert_with(|| Site {
            metadata,
            begun: now,
            written: 0,
            suppressed: 0,
        });
        // Lines that were left out are stated before the next interval begins.
        if site.suppressed == 0 && now.duration_since(site.begun) >= INTERVAL {
            (site.begun, site.written) = (now, 0);
        }
        let is_allowed = site.written < LINES_MAX;
        site.written += u64::from(is_allowed);
        site.suppressed += u64::from(!is_allowed);
        is_allowed
    }

    /// Takes the lines that were left out in intervals that have ended, or in all of them.
    pub(super) fn take(&self, all: bool) -> Vec<Suppressed> {
        self.take_at(all, Instant::now())
    }

    fn take_at(&self, all: bool, now: Instant) -> Vec<Suppressed> {
        let mut sites = self.sites();
        let ended = sites.values_mut().filter(|site| {
            site.suppressed > 0 && (all || now.duration_since(site.begun) >= INTERVAL)
        });
        ended
            .map(|site| {
                (site.begun, site.written) = (now, 0);
                Suppressed {
                    lines: std::mem::take(&mut site.suppressed),
                    site: site.metadata,
                }
            })
            .collect()
    }

    fn sites(&self) -> MutexGuard<'_, HashMap<Identifier, Site>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for RateLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.allows(event.metadata(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tracing_subscriber::layer::SubscriberExt as _;

    /// Counts the events that pass.
    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs `write` with the layers, and returns how many events passed.
    fn passed(limit: &RateLimit, write: impl FnOnce()) -> usize {
        let count = Count::default();
        let layers = tracing_subscriber::registry()
            .with(limit.clone())
            .with(count.clone());
        tracing::subscriber::with_default(layers, write);
        count.0.load(Ordering::Relaxed)
    }

    fn flood(lines: u64) {
        for _ in 0..lines {
            tracing::warn!("flood");
        }
    }

    #[test]
    fn a_flood_of_one_call_site_is_limited_and_counted_and_others_pass() {
        let limit = RateLimit::default();
        let written = passed(&limit, || {
            flood(1_000);
            for _ in 0..LINES_MAX {
                tracing::error!("another");
            }
            for _ in 0..100 {
                tracing::debug!("all of these");
                tracing::warn!(target: STATEMENT, "and these");
            }
        });
        assert_eq!(written as u64, 2 * LINES_MAX + 200);
        let begun = Instant::now();
        assert!(limit.take_at(false, begun).is_empty());
        let taken = limit.take_at(false, begun + INTERVAL);
        let [Suppressed { lines, site }] = &taken[..] else {
            panic!("{taken:?}");
        };
        assert_eq!(*lines, 1_000 - LINES_MAX);
        assert!(site.name().contains("rate_limit.rs"), "{site:?}");
        assert!(limit.take_at(true, begun + INTERVAL).is_empty());
    }

    #[test]
    fn the_next_interval_begins_once_the_count_is_taken() {
        let limit = RateLimit::default();
        assert_eq!(passed(&limit, || flood(LINES_MAX + 1)) as u64, LINES_MAX);
        assert_eq!(passed(&limit, || flood(1)), 0);
        assert_eq!(limit.take(true).first().map(|taken| taken.lines), Some(2));
        assert_eq!(passed(&limit, || flood(LINES_MAX + 5)) as u64, LINES_MAX);
        assert_eq!(limit.take(true).first().map(|taken| taken.lines), Some(5));
    }

    #[test]
    fn an_interval_without_too_many_lines_ends_by_itself() {
        let limit = RateLimit::default();
        passed(&limit, || flood(LINES_MAX));
        for site in limit.sites().values_mut() {
            site.begun -= INTERVAL;
        }
        assert_eq!(passed(&limit, || flood(LINES_MAX)) as u64, LINES_MAX);
        assert!(limit.take(true).is_empty());
    }
}
