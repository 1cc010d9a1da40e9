//! Sessions: while a viewer has a session, the viewer's view is pinned and cannot be evicted.
//!
//! A session guarantees that a view is kept, not that it stays valid. A pinned view that is too old
//! is rebuilt at the next request, as any other. Several sessions of one viewer pin one view.
//!
//! Pinned views have a bounded share of the memory for views. A rebuilt view that exceeds the rest
//! of this share is not pinned, until a later rebuild fits.

use crate::{
    limits::{Limits, SESSION_VIEWS_SHARE},
    rpc::refusal::Refusal,
};
use cloud_engine::NodeIndex;
use cloud_serving as serving;
use rand::{TryRngCore as _, rngs::OsRng};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    str::FromStr,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// A session's id. It is random, so that an id from before a restart is never that of another
/// session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(u128);

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let hexadecimal = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = hexadecimal.then(|| u128::from_str_radix(text, 16).ok());
        id.flatten()
            .map(Self)
            .ok_or_else(|| Refusal::field("session", "is no session of this server"))
    }
}

/// The open sessions, and the views `V` that are pinned for them.
#[derive(Debug)]
pub(crate) struct Sessions<V> {
    table: RwLock<Table<V>>,
    /// The number of viewers with sessions. While it is 0, the lock is not taken.
    viewers: AtomicUsize,
    sessions_max: usize,
    bytes_max: u64,
    idle: Duration,
    /// The instant that `asked_ms` counts from.
    begun: Instant,
    /// The clock: `Instant::now`, except in tests.
    clock: fn() -> Instant,
}

/// The counts of sessions and of their pinned views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionCounts {
    pub(crate) sessions: u64,
    /// The number of pinned views.
    pub(crate) views: u64,
    /// The bytes of the pinned views.
    pub(crate) bytes: u64,
}

#[derive(Debug)]
struct Table<V> {
    sessions: HashMap<SessionId, NodeIndex>,
    pinned: HashMap<NodeIndex, Pinned<V>>,
    bytes: u64,
}

#[derive(Debug)]
struct Pinned<V> {
    /// The view; `None` if its last rebuild exceeded the memory for pinned views.
    view: Option<V>,
    bytes: u64,
    sessions: usize,
    /// The time of the viewer's last request, in milliseconds after `begun`.
    asked_ms: AtomicU64,
}

impl<V: Clone> Sessions<V> {
    pub(crate) fn new(limits: &Limits, clock: fn() -> Instant) -> Self {
        Self {
            table: RwLock::new(Table {
                sessions: HashMap::new(),
                pinned: HashMap::new(),
                bytes: 0,
            }),
            viewers: AtomicUsize::new(0),
            sessions_max: limits.sessions_max,
            bytes_max: limits.view_cache_bytes_max / SESSION_VIEWS_SHARE,
            idle: Duration::from_millis(limits.session_idle_ms_max),
            begun: clock(),
            clock,
        }
    }

    /// Returns the memory reserved for pinned views.
    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Returns the time after which a session without requests ends.
    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }

    /// Returns all pinned views.
    pub(crate) fn all_pinned(&self) -> Vec<V> {
        let table = self.read();
        let pinned = table.pinned.values();
        pinned.filter_map(|pinned| pinned.view.clone()).collect()
    }

    pub(crate) fn counts(&self) -> SessionCounts {
        let table = self.read();
        let pinned = table.pinned.values();
        SessionCounts {
            sessions: table.sessions.len() as u64,
            views: pinned.filter(|pinned| pinned.view.is_some()).count() as u64,
            bytes: table.bytes,
        }
    }

    /// Returns the pinned view of a viewer, without counting as a request of the viewer.
    pub(crate) fn peek(&self, viewer: NodeIndex) -> Option<V> {
        self.read().pinned.get(&viewer)?.view.clone()
    }

    /// Returns the pinned view of a viewer, and records the time of this request.
    pub(crate) fn pinned(&self, viewer: NodeIndex) -> Option<V> {
        if self.viewers.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let table = self.read();
        let pinned = table.pinned.get(&viewer)?;
        pinned.asked_ms.store(self.now_ms(), Ordering::Relaxed);
        pinned.view.clone()
    }

    /// Begins a session. It pins `view` of this many bytes, unless another session of this viewer
    /// exists: then that session's view stays pinned.
    pub(crate) fn begin(
        &self,
        viewer: NodeIndex,
        view: V,
        bytes: u64,
    ) -> Result<SessionId, Refusal> {
        let mut random = [0; 16];
        let failed =
            |error| serving::Refusal::internal(format!("no random number for a session: {error}"));
        OsRng.try_fill_bytes(&mut random).map_err(failed)?;
        let id = SessionId(u128::from_le_bytes(random));
        let mut table = self.write();
        if table.sessions.len() >= self.sessions_max {
            return Err(Refusal::busy("sessions", self.sessions_max as u64));
        }
        let now = self.now_ms();
        if !table.pinned.contains_key(&viewer) {
            if table.bytes + bytes > self.bytes_max {
                let what = "bytes of views that sessions keep";
                return Err(Refusal::busy(what, self.bytes_max));
            }
            table.bytes += bytes;
            let pinned = Pinned {
                view: Some(view),
                bytes,
                sessions: 0,
                asked_ms: AtomicU64::new(now),
            };
            table.pinned.insert(viewer, pinned);
        }
        if let Some(pinned) = table.pinned.get_mut(&viewer) {
            pinned.sessions += 1;
            pinned.asked_ms.store(now, Ordering::Relaxed);
        }
        table.sessions.insert(id, viewer);
        self.viewers.store(table.pinned.len(), Ordering::Relaxed);
        Ok(id)
    }

    /// Pins a rebuilt view, if its viewer has a session and `replaces` returns true for the pinned
    /// view. Returns whether a view of the viewer is pinned now, this one or the other.
    pub(crate) fn renew(
        &self,
        viewer: NodeIndex,
        view: &V,
        bytes: u64,
        replaces: impl FnOnce(&V) -> bool,
    ) -> bool {
        if self.viewers.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut table = self.write();
        let all = table.bytes;
        let Some(pinned) = table.pinned.get_mut(&viewer) else {
            return false;
        };
        if pinned.view.as_ref().is_some_and(|view| !replaces(view)) {
            return true;
        }
        let others = all - pinned.bytes;
        let fits = others + bytes <= self.bytes_max;
        pinned.view = fits.then(|| view.clone());
        pinned.bytes = if fits { bytes } else { 0 };
        table.bytes = if fits { others + bytes } else { others };
        fits
    }

    /// Ends a session, if it exists. Returns the view that is no longer pinned.
    pub(crate) fn end(&self, id: SessionId) -> Option<(NodeIndex, V)> {
        let mut table = self.write();
        let viewer = table.sessions.remove(&id)?;
        let pinned = table.pinned.get_mut(&viewer)?;
        pinned.sessions -= 1;
        if pinned.sessions > 0 {
            return None;
        }
        let pinned = table.pinned.remove(&viewer)?;
        table.bytes -= pinned.bytes;
        self.viewers.store(table.pinned.len(), Ordering::Relaxed);
        Some((viewer, pinned.view?))
    }

    /// Ends the sessions of viewers without a request for the idle time.
    pub(crate) fn end_idle(&self) {
        if self.viewers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let idle_ms = u64::try_from(self.idle.as_millis()).unwrap_or(u64::MAX);
        let now = self.now_ms();
        let mut table = self.write();
        let asked = |pinned: &Pinned<V>| pinned.asked_ms.load(Ordering::Relaxed);
        let gone = table.pinned.iter();
        let gone = gone.filter(|(_, pinned)| now.saturating_sub(asked(pinned)) >= idle_ms);
        let gone: HashSet<NodeIndex> = gone.map(|(&viewer, _)| viewer).collect();
        for viewer in &gone {
            if let Some(pinned) = table.pinned.remove(viewer) {
                table.bytes -= pinned.bytes;
            }
        }
        table.sessions.retain(|_, viewer| !gone.contains(viewer));
        self.viewers.store(table.pinned.len(), Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from((self.clock)().duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<V>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<V>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(sessions_max: usize, bytes_max: u64, session_idle_ms_max: u64) -> Sessions<u32> {
        let limits = Limits {
            view_cache_bytes_max: bytes_max * SESSION_VIEWS_SHARE,
            sessions_max,
            session_idle_ms_max,
            ..Limits::DEFAULT
        };
        Sessions::new(&limits, Instant::now)
    }

    /// Returns the numbers of sessions, pinned views and bytes.
    fn counts(sessions: &Sessions<u32>) -> (u64, u64, u64) {
        let counts = sessions.counts();
        (counts.sessions, counts.views, counts.bytes)
    }

    const ANN: NodeIndex = NodeIndex::new(1);
    const BEN: NodeIndex = NodeIndex::new(2);

    #[test]
    fn a_view_is_pinned_until_its_last_session_ends() {
        let sessions = sessions(9, 100, 1_000_000);
        assert_eq!(sessions.pinned(ANN), None);
        let one = sessions.begin(ANN, 10, 60).unwrap();
        let other = sessions.begin(ANN, 11, 60).unwrap();
        assert_ne!(one, other);
        assert_eq!(sessions.pinned(ANN), Some(10));
        assert_eq!(counts(&sessions), (2, 1, 60));
        assert_eq!(sessions.end(one), None);
        assert_eq!(sessions.end(one), None, "ended before");
        assert_eq!(sessions.end(other), Some((ANN, 10)));
        assert_eq!((sessions.pinned(ANN), counts(&sessions)), (None, (0, 0, 0)));
    }

    #[test]
    fn number_and_memory_are_bounded() {
        let sessions = sessions(2, 100, 1_000_000);
        let limit_of = |outcome: Result<SessionId, Refusal>| match outcome {
            Err(refusal) => ["what", "limit"].map(|name| refusal.figure(name).map(str::to_owned)),
            Ok(session) => panic!("{session}"),
        };
        let figures = |what, limit| [what, limit].map(|figure: &str| Some(figure.to_owned()));
        let ann = sessions.begin(ANN, 10, 60).unwrap();
        let memory = limit_of(sessions.begin(BEN, 20, 41));
        assert_eq!(memory, figures("bytes of views that sessions keep", "100"));
        let ben = sessions.begin(BEN, 20, 40).unwrap();
        assert_eq!(
            limit_of(sessions.begin(ANN, 10, 60)),
            figures("sessions", "2")
        );
        sessions.end(ann);
        sessions.end(ben);
        sessions.begin(ANN, 10, 100).unwrap();
    }

    #[test]
    fn a_newer_view_is_pinned_if_it_fits() {
        let sessions = sessions(9, 100, 1_000_000);
        assert!(!sessions.renew(ANN, &10, 10, |_| true), "no session");
        let ann = sessions.begin(ANN, 10, 60).unwrap();
        assert!(!sessions.renew(BEN, &10, 10, |_| true), "no session");
        assert!(sessions.renew(ANN, &9, 60, |_| false));
        assert_eq!(sessions.pinned(ANN), Some(10));
        assert!(sessions.renew(ANN, &11, 100, |_| true));
        assert_eq!(
            (sessions.pinned(ANN), sessions.counts().bytes),
            (Some(11), 100)
        );
        assert!(!sessions.renew(ANN, &12, 101, |_| true));
        assert_eq!((sessions.pinned(ANN), sessions.counts().bytes), (None, 0));
        assert!(sessions.renew(ANN, &13, 50, |_| true));
        assert_eq!(
            (sessions.pinned(ANN), sessions.counts().bytes),
            (Some(13), 50)
        );
        assert_eq!(sessions.end(ann), Some((ANN, 13)));
    }

    #[test]
    fn idle_sessions_end() {
        let patient = sessions(9, 100, 1_000_000);
        patient.begin(ANN, 10, 60).unwrap();
        patient.end_idle();
        assert_eq!(counts(&patient), (1, 1, 60));
        let hurried = sessions(9, 100, 0);
        hurried.begin(ANN, 10, 60).unwrap();
        hurried.begin(BEN, 20, 40).unwrap();
        hurried.end_idle();
        assert_eq!((hurried.pinned(BEN), counts(&hurried)), (None, (0, 0, 0)));
    }

    #[test]
    fn only_names_that_were_given_are_names() {
        let id = sessions(9, 100, 9).begin(ANN, 10, 60).unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "0", "+0000000000000000000000000000abc", "\u{e9}"] {
            assert!(text.parse::<SessionId>().is_err(), "{text}");
        }
    }
}
