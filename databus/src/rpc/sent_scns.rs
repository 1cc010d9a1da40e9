//! The progress of each subscription: the SCN of the last window that was sent whole.

use cloud_model::Scn;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The open subscriptions of a server, by number.
#[derive(Debug, Default)]
pub(super) struct SentScns(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    begun: u64,
    open: BTreeMap<u64, Arc<AtomicU64>>,
}

/// The progress of one subscription. The subscription is listed until this value is dropped.
#[derive(Debug)]
pub(super) struct SentScn {
    all: Arc<SentScns>,
    number: u64,
    scn: Arc<AtomicU64>,
}

impl SentScns {
    /// Lists a subscription that begins after an SCN, under the next number.
    pub(super) fn begin(self: &Arc<Self>, after: Scn) -> SentScn {
        let scn = Arc::new(AtomicU64::new(after.get()));
        let mut numbered = self.lock();
        numbered.begun += 1;
        let number = numbered.begun;
        numbered.open.insert(number, Arc::clone(&scn));
        SentScn {
            all: Arc::clone(self),
            number,
            scn,
        }
    }

    /// Returns the number of each open subscription, and its SCN.
    pub(super) fn list(&self) -> Vec<(u64, Scn)> {
        let numbered = self.lock();
        let scn = |scn: &AtomicU64| Scn::new(scn.load(Ordering::Relaxed));
        let open = numbered.open.iter();
        open.map(|(number, sent)| (*number, scn(sent))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Numbered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SentScn {
    pub(super) fn get(&self) -> Scn {
        Scn::new(self.scn.load(Ordering::Relaxed))
    }

    pub(super) fn set(&self, scn: Scn) {
        self.scn.store(scn.get(), Ordering::Relaxed);
    }
}

impl Drop for SentScn {
    fn drop(&mut self) {
        self.all.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_listed_while_it_is_open() {
        let all = Arc::new(SentScns::default());
        let [first, second] = [3, 5].map(|scn| all.begin(Scn::new(scn)));
        second.set(Scn::new(9));
        assert_eq!(all.list(), [(1, Scn::new(3)), (2, Scn::new(9))]);
        drop(first);
        assert_eq!(all.list(), [(2, second.get())]);
    }
}
