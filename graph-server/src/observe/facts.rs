//! What a request was about and what it cost, for the line that a slow one gets in the log.
//!
//! Kept with the request's task, so that whoever learns a fact notes it without its being handed through, and without
//! an allocation. Outside of a request there is nowhere to note it, and nothing is.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

tokio::task_local! {
    static FACTS: Facts;
}

/// What is known of one request.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) viewer_id: Cell<Option<u64>>,
    pub(crate) member_id: Cell<Option<u64>>,
    edges: Cell<u64>,
    /// Visited by what was given to another thread last, which goes on counting when nobody waits for it any more.
    elsewhere: RefCell<Option<Arc<AtomicU64>>>,
    /// The answer's `as_of`.
    pub(crate) scn: Cell<Option<u64>>,
}

impl Facts {
    /// Visited so far, to within some 10,000 of what is not at its end.
    pub(crate) fn edges(&self) -> u64 {
        let elsewhere = self.elsewhere.borrow();
        let elsewhere = elsewhere.as_ref();
        self.edges.get() + elsewhere.map_or(0, |edges| edges.load(Ordering::Relaxed))
    }
}

/// `answer` with a place for facts, which stay there when it is done.
pub(crate) type WithFacts<F> = tokio::task::futures::TaskLocalFuture<Facts, F>;

pub(crate) fn with_facts<F: Future>(answer: F) -> WithFacts<F> {
    FACTS.scope(Facts::default(), answer)
}

/// The request named this member in `field`.
pub(crate) fn named(field: &str, id: u64) {
    note(|facts| match field {
        "viewer_id" => facts.viewer_id.set(Some(id)),
        _ => facts.member_id.set(Some(id)),
    });
}

/// The request visited as many edges more.
pub(crate) fn visited(edges: u64) {
    note(|facts| facts.edges.set(facts.edges.get() + edges));
}

/// Another thread visits edges for the request, and counts them there.
pub(crate) fn visited_elsewhere(edges: &Arc<AtomicU64>) {
    note(|facts| {
        let so_far = facts.edges();
        facts.elsewhere.replace(Some(Arc::clone(edges)));
        facts.edges.set(so_far);
    });
}

/// The request is answered as of `scn`.
pub(crate) fn answered_as_of(scn: u64) {
    note(|facts| facts.scn.set(Some(scn)));
}

fn note(note: impl FnOnce(&Facts)) {
    // Fails outside of a request, as in tests of one function.
    let _ = FACTS.try_with(note);
}
