//! Long random histories against the model: small and large windows, repeats, new bases and
//! restarts. Readers read older SCNs, also of previous versions, with cached views. One reader runs
//! in its own thread all the time.
//!
//! Two generators draw the changes. One draws them uniformly. In the other, members join, gather
//! around a few, and leave.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use cloud_engine::{
    ApplyError, Base, Budget, Current, Graph, GraphChange, Manifest, ResidentCopy, Scratch,
    StandsAt, Version, View, Writer, degrees, read_overlay,
};
use cloud_model::{ConnectionTime, LogId, Scn};
use tempfile::TempDir;

use crate::{
    folding::folded,
    model::{Model, NodeOrder, check_graph, member},
    policy::{Policy, change_of_policy},
};

const MEMBERS: u64 = 24;
const STEPS: u64 = 500;
const LOG: u128 = 77;
/// The most answers of the concurrent reader that are kept. All are compared.
const SEEN_MAX: usize = 20_000;
/// The previous versions whose readers are still active.
const BEFORE_MAX: usize = 3;

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Draws a window's changes.
type Generator = fn(&mut Random, step: u64) -> Vec<GraphChange>;

fn connected(random: &mut Random, one: u64, other: u64) -> GraphChange {
    GraphChange::ConnectionAdded {
        existing_only: random.below(5) == 0,
        member: member(one),
        other: member(other),
        time: ConnectionTime::from_millis(random.below(1 << 41)),
    }
}

/// Draws changes uniformly over all members.
fn uniform(random: &mut Random, _: u64) -> Vec<GraphChange> {
    let large = random.below(60) == 0;
    let count = random.below(if large { 400 } else { 5 });
    let change = |_| {
        let (one, other) = (1 + random.below(MEMBERS), 1 + random.below(MEMBERS));
        match random.below(14) {
            12.. => {
                let (choice, number) = (random.below(8), random.below(40));
                change_of_policy(choice as u32, member(one), member(other), number)
            }
            0 => GraphChange::MemberRemoved(member(one)),
            1 => GraphChange::MemberAdded(member(one)),
            2..=5 => GraphChange::ConnectionRemoved {
                member: member(one),
                other: member(other),
            },
            _ => connected(random, one, other),
        }
    };
    (0..count).map(change).collect()
}

/// Draws arrivals around the few members with many connections at the moment, and departures in
/// crowds that later return.
fn seasons(random: &mut Random, step: u64) -> Vec<GraphChange> {
    let season = step / 50;
    let hub = 1 + (season * 7 + random.below(2)) % MEMBERS;
    let other = 1 + random.below(MEMBERS);
    match (season % 3, random.below(6)) {
        (2, 0) => vec![GraphChange::MemberRemoved(member(hub))],
        (2, 1..=3) => vec![GraphChange::MemberRemoved(member(other))],
        (_, 0) => vec![
            GraphChange::MemberRemoved(member(other)),
            connected(random, other, hub),
        ],
        (_, 1) => vec![GraphChange::ConnectionRemoved {
            member: member(hub),
            other: member(other),
        }],
        _ => vec![
            connected(random, hub, other),
            connected(random, other, 1 + (other + 1) % MEMBERS),
        ],
    }
}

/// The result of a history so far.
struct Site {
    folder: TempDir,
    writer: Writer,
    base: (Arc<Base>, Manifest),
    folding: Option<Graph>,
    before: Vec<Arc<Version>>,
    models: BTreeMap<Scn, Model>,
    views: BTreeMap<u64, View>,
}

fn manifest(base: &Base, scn: Scn) -> Manifest {
    let log_id = LogId::new(LOG);
    Manifest {
        members: base.member_count(),
        connections: base.connection_count(),
        ..Manifest::new(
            base.lineage(),
            scn,
            StandsAt::AtScn {
                log_id,
                scn,
                history: None,
            },
        )
    }
}

impl Site {
    fn begin(random: &mut Random) -> Self {
        let mut model = Model(
            BTreeMap::new(),
            NodeOrder::Hashed(random.next()),
            Policy::default(),
        );
        for change in uniform(random, 0).into_iter().chain(seasons(random, 0)) {
            model.apply(&change);
        }
        // A base in memory has no policy.
        model.2 = Policy::default();
        let base = Arc::new(model.base());
        let manifest = manifest(&base, Scn::BEGINNING);
        Self {
            folder: tempfile::tempdir().expect("a directory"),
            writer: Writer::new(Arc::clone(&base), Scn::BEGINNING),
            base: (base, manifest),
            folding: None,
            before: Vec::new(),
            models: BTreeMap::from([(Scn::BEGINNING, model)]),
            views: BTreeMap::new(),
        }
    }

    fn model(&self, scn: Scn) -> &Model {
        let newest = self.models.range(..=scn).next_back();
        newest.expect("it has begun").1
    }

    fn apply(&mut self, random: &mut Random, changes: &[GraphChange]) {
        let published = self.writer.version().published();
        let scn = Scn::new(published.get() + 1 + random.below(3));
        let mut model = self.model(published).clone();
        self.writer.apply(scn, changes).expect("SCNs ascend");
        changes.iter().for_each(|change| model.apply(change));
        self.models.insert(scn, model);
        // A repeat is rejected, and changes nothing.
        if random.below(10) == 0 {
            let again = self.writer.apply(published, changes);
            assert!(
                matches!(again, Err(ApplyError::NotAbove { .. })),
                "{again:?}"
            );
        }
    }

    fn swap(&mut self, graph: Graph) {
        let scn = graph.scn();
        // Files of an earlier base may still be mapped, so they stay unchanged.
        let directory = self.folder.path().join(format!("base-{scn}"));
        std::fs::create_dir_all(&directory).expect("a directory");
        let (manifest, base) = folded(graph, &directory);
        std::fs::remove_dir_all(&directory).expect("removes");
        let base = Arc::new(base);
        self.before.push(self.writer.swap(Arc::clone(&base)));
        if self.before.len() > BEFORE_MAX {
            self.before.remove(0);
        }
        self.base = (base, manifest);
    }

    /// Copies the base into memory, and goes over to the copy.
    fn move_base(&mut self) {
        if let Some(copy) = ResidentCopy::begin(&self.base.0).expect("memory") {
            let base = Arc::new(copy.finish().expect("the same bytes"));
            self.before.push(self.writer.move_to(Arc::clone(&base)));
            self.base.0 = base;
        }
    }

    fn restart(&mut self) {
        let log_id = LogId::new(LOG);
        let published = self.writer.version().published();
        let written = self
            .writer
            .write_overlay(self.folder.path(), log_id, &[], &[]);
        written.expect("writes");
        let (base, manifest) = &self.base;
        let recovered = read_overlay(self.folder.path(), base, manifest, log_id).expect("reads");
        assert_eq!(recovered.scn, published);
        self.writer = recovered.writer;
        // Views, versions and folds are lost with the process.
        self.folding = None;
        self.before.clear();
        self.views.clear();
    }

    /// Puts a few questions at an SCN in the valid range.
    fn ask(&mut self, random: &mut Random) {
        let versions = self.before.len() as u64 + 1;
        let at = random.below(versions) as usize;
        let version = self.before.get(at).unwrap_or(self.writer.version());
        let (oldest, published) = (version.oldest().get(), version.published().get());
        let back = random.below((published - oldest).min(12) + 1);
        let graph = version
            .graph_at(Scn::new(published - back))
            .expect("published");
        let model = self.model(graph.scn()).clone();
        let known = [1 + random.below(MEMBERS), 1 + random.below(MEMBERS)];
        let Some(viewer) = graph.node(member(known[0])) else {
            assert!(!model.0.contains_key(&known[0]));
            return;
        };
        assert_eq!(
            graph.degree_of_node(viewer),
            model.connections(known[0]).len()
        );
        let budget = &mut Budget::unlimited();
        let kept = self.views.remove(&known[0]);
        let usable = kept.filter(|view| view.cost_at(&graph).is_some());
        let view = usable.unwrap_or_else(|| {
            View::build(&graph, viewer, &mut Scratch::new(), budget).expect("unlimited")
        });
        if let Some(target) = graph.node(member(known[1])) {
            let mut asked = view.at(&graph, budget).expect("unlimited").expect("usable");
            let found = degrees(&mut asked, &[target], budget).expect("unlimited");
            let expected = model.degree(known[0], known[1]);
            assert_eq!(found, [expected], "{known:?} at {}", graph.scn());
        }
        self.views.insert(known[0], view);
    }

    fn check(&self) {
        let known: Vec<u64> = (1..=MEMBERS).collect();
        for version in self.before.iter().chain([self.writer.version()]) {
            let graph = version.graph();
            check_graph(&graph, self.model(graph.scn()), &known);
        }
        let graph = self.writer.current().graph();
        let model = self.model(graph.scn());
        assert_eq!(graph.member_count(), model.0.len() as u64);
        assert_eq!(graph.connection_count(), model.connection_count());
    }
}

/// The connections of a member at an SCN. `None` if there was no such member.
type Seen = (Scn, u64, Option<Vec<u64>>);

/// Reads the current version at its SCN and slightly older ones, until the history has ended.
fn watch(current: &Mutex<Current>, has_ended: &AtomicBool, mut random: Random) -> Vec<Seen> {
    let mut seen = Vec::new();
    while !has_ended.load(Ordering::Relaxed) && seen.len() < SEEN_MAX {
        let now = current.lock().expect("the lock is not poisoned").clone();
        let newest = now.graph();
        let back = random.below(4).min(newest.scn().get());
        // The SCN may be older than the new base.
        let Some(graph) = now.graph_at(Scn::new(newest.scn().get() - back)) else {
            continue;
        };
        let id = 1 + random.below(MEMBERS);
        let known = graph.node(member(id)).map(|node| {
            let neighbours = graph.neighbours(node);
            let mut ids: Vec<_> = neighbours.map(|node| graph.member(node).get()).collect();
            ids.sort_unstable();
            ids
        });
        seen.push((graph.scn(), id, known));
        std::thread::yield_now();
    }
    seen
}

/// Runs a history, and returns the number of answers of the concurrent reader.
fn run(generator: Generator, seed: u64) -> usize {
    let mut random = Random(seed);
    let mut site = Site::begin(&mut random);
    let (current, has_ended) = (
        Mutex::new(site.writer.current().clone()),
        AtomicBool::new(false),
    );
    let seen = std::thread::scope(|scope| {
        let watcher = Random(random.next());
        let watcher = scope.spawn(|| watch(&current, &has_ended, watcher));
        // Stops the reader however the history ends.
        let _end = EndsAtDrop(&has_ended);
        steps(generator, &mut random, &mut site, &current);
        has_ended.store(true, Ordering::Relaxed);
        watcher.join().expect("the reader does not panic")
    });
    for (scn, id, known) in &seen {
        let model = site.model(*scn);
        let expected = model
            .0
            .contains_key(id)
            .then(|| model.connections(*id).into_keys().collect());
        assert_eq!(*known, expected, "member {id} at SCN {scn}");
    }
    seen.len()
}

struct EndsAtDrop<'a>(&'a AtomicBool);

impl Drop for EndsAtDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn steps(generator: Generator, random: &mut Random, site: &mut Site, current: &Mutex<Current>) {
    for step in 0..STEPS {
        match random.below(200) {
            0..=5 => site.folding = Some(site.writer.begin_fold()),
            6..=14 => {
                if let Some(graph) = site.folding.take() {
                    site.swap(graph);
                }
            }
            15 => {
                site.folding = None;
                site.writer.abandon_fold();
            }
            16 => {
                site.restart();
                *current.lock().expect("the lock is not poisoned") = site.writer.current().clone();
            }
            17..=19 => site.move_base(),
            _ => {
                let changes = generator(random, step);
                site.apply(random, &changes);
            }
        }
        site.ask(random);
        if step % 100 == 99 {
            site.check();
        }
    }
}

fn run_all(generator: Generator, first_seed: u64) {
    let histories = if std::env::var_os("CLOUD_TEST_LONG").is_some() {
        10_000
    } else {
        100
    };
    let mut seen = 0;
    for seed in first_seed..first_seed + histories {
        let outcome = std::panic::catch_unwind(|| run(generator, seed));
        match outcome {
            Ok(beside) => seen += beside,
            Err(panic) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{histories} histories, {seen} answers to readers beside them");
    assert!(seen as u64 > 100 * histories, "too few to prove anything");
}

#[test]
fn uniform_histories_equal_the_model() {
    run_all(uniform, 1);
}

#[test]
fn histories_of_seasons_equal_the_model() {
    run_all(seasons, 1_000_000);
}
