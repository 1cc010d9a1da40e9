//! Checks, with loom, publishing a window and switching to the next version, under every order of
//! steps that the memory model allows.
//!
//! The model is the protocol alone, in as few steps as possible: its order of stores and loads is
//! that of the engine's `chains.rs`, `version.rs` and `current.rs`. Models that break one order
//! each fail, which shows that the orders matter.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says why and fails"
)]

use std::array;

use loom::{
    model::Builder,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// The number of windows. Each appends one entry to the chain of each of the two ends.
const WINDOWS: usize = 2;
/// The most switches between threads in the middle of a step, in one run.
const PREEMPTIONS_MAX: usize = 3;

/// The defect of the writer, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The SCN is published before the window's last entry is written.
    PublishedEarly,
    /// The SCN is stored without the ordering that makes the entries visible.
    PublishedRelaxed,
    /// The next version lacks the window that came after its base.
    SwappedWithoutWindow,
    /// The next version begins below the SCN that was published.
    SwappedBelow,
}

/// A chain: its newest entry, and each entry's SCN. Entry n follows entry n - 1; 0 is none.
struct Chain {
    touched: AtomicBool,
    head: AtomicUsize,
    scns: [AtomicUsize; WINDOWS + 1],
}

impl Chain {
    fn new() -> Self {
        Self {
            touched: AtomicBool::new(false),
            head: AtomicUsize::new(0),
            scns: array::from_fn(|_| AtomicUsize::new(0)),
        }
    }

    fn append(&self, scn: usize) {
        let number = self.head.load(Ordering::Relaxed) + 1;
        self.scns[number].store(scn, Ordering::Relaxed);
        self.head.store(number, Ordering::Release);
        self.touched.store(true, Ordering::Release);
    }

    /// Counts the entries at or below `scn`.
    fn count(&self, scn: usize) -> usize {
        if !self.touched.load(Ordering::Relaxed) {
            return 0;
        }
        let newest = self.head.load(Ordering::Acquire);
        let scns = self.scns[1..=newest].iter();
        scns.filter(|at| at.load(Ordering::Relaxed) <= scn).count()
    }
}

/// Two ends' chains, and the published SCN.
struct Version {
    ends: [Chain; 2],
    published: AtomicUsize,
}

impl Version {
    fn new() -> Self {
        Self {
            ends: [Chain::new(), Chain::new()],
            published: AtomicUsize::new(0),
        }
    }
}

/// A version and the next one, and which of them readers load.
struct Graph {
    versions: [Version; 2],
    current: AtomicUsize,
}

/// Applies the first window while a base is built, switches to the next version, then applies the
/// second window.
fn write(graph: &Graph, fault: Fault) {
    let [before, next] = &graph.versions;
    let [one, other] = &before.ends;
    one.append(1);
    if fault == Fault::PublishedEarly {
        before.published.store(1, Ordering::Release);
    }
    other.append(1);
    if fault != Fault::SwappedWithoutWindow {
        next.ends.iter().for_each(|end| end.append(1));
    }
    let order = match fault {
        Fault::PublishedRelaxed => Ordering::Relaxed,
        _ => Ordering::Release,
    };
    before.published.store(1, order);
    let begins = if fault == Fault::SwappedBelow { 0 } else { 1 };
    next.published.store(begins, Ordering::Relaxed);
    graph.current.store(1, Ordering::Release);
    next.ends.iter().for_each(|end| end.append(2));
    next.published.store(2, Ordering::Release);
}

/// Loads the version and then its SCN, and checks that it sees all windows up to it at both ends
/// and nothing else. Returns the SCN.
fn read(graph: &Graph) -> usize {
    let version = &graph.versions[graph.current.load(Ordering::Acquire)];
    let scn = version.published.load(Ordering::Acquire);
    for end in &version.ends {
        assert_eq!(end.count(scn), scn, "entries at SCN {scn}");
    }
    scn
}

fn explore(fault: Fault) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.check(move || {
        let graph = Arc::new(Graph {
            versions: [Version::new(), Version::new()],
            current: AtomicUsize::new(0),
        });
        let written = Arc::clone(&graph);
        let writer = thread::spawn(move || write(&written, fault));
        let (first, second) = (read(&graph), read(&graph));
        assert!(first <= second, "SCNs go back from {first} to {second}");
        writer.join().expect("the writer ends");
        assert_eq!(read(&graph), 2);
    });
}

#[test]
fn readers_see_whole_windows_and_scns_do_not_go_back() {
    explore(Fault::None);
}

#[test]
#[should_panic(expected = "entries at SCN 1")]
fn an_scn_published_before_the_last_entry_is_found_out() {
    explore(Fault::PublishedEarly);
}

#[test]
#[should_panic(expected = "entries at SCN 1")]
fn an_scn_published_without_order_is_found_out() {
    explore(Fault::PublishedRelaxed);
}

#[test]
#[should_panic(expected = "entries at SCN")]
fn a_next_version_that_lacks_a_window_is_found_out() {
    explore(Fault::SwappedWithoutWindow);
}

#[test]
#[should_panic(expected = "SCNs go back")]
fn a_next_version_that_begins_below_is_found_out() {
    explore(Fault::SwappedBelow);
}
