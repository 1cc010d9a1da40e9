//! Power losses at any moment of the real server's life: at every write, sync and change of a name.
//!
//! The server is traced with strace, so the record covers every crate: the log, snapshots,
//! overlays, manifests, and the stores below `live/`. A [`Replay`](replay::Replay) brings a
//! [`Disk`](disk::Disk) to each moment of the trace. After a power loss the disk holds the synced
//! changes, and some of the others. A server is started there in this process, queried for
//! everything, and compared with the model. It must be at one SCN, at least at the last one that
//! was acknowledged.
//!
//! The tests also show that the syncs are needed: without any one kind of them, some moment must
//! fail the same check.

mod client;
mod disk;
mod file;
mod folder;
mod journal;
mod life;
mod recovery;
mod replay;
mod rot;
mod run;
mod story;
mod trace;
mod tree;
mod trial;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Instant;

use life::{End, Script, Serving, Step, check_strace};
use run::Run;
use story::Story;
use trial::{Outcome, lose_power, runtime, some_disks, with_every_sync, without_sync};

/// The flags for a server that keeps no second snapshot to fall back to.
const KEEP_ONE: &[&str] = &["--snapshots-kept", "1"];

const fn life(steps: &'static [Step], end: End) -> Script {
    Script::Serve(Serving {
        inject: None,
        flags: KEEP_ONE,
        steps,
        end,
    })
}

const fn injected(inject: &'static str, steps: &'static [Step], end: End) -> Script {
    Script::Serve(Serving {
        inject: Some(inject),
        flags: KEEP_ONE,
        steps,
        end,
    })
}

/// Lives with windows, snapshots, and each way to end.
const LIVES: [Script; 5] = [
    life(
        &[
            Step::Publish(2),
            Step::Together(5),
            Step::TakeSnapshot,
            Step::Publish(2),
        ],
        End::Killed,
    ),
    life(
        &[Step::Publish(1), Step::TakeSnapshot, Step::Publish(2)],
        End::Terminated,
    ),
    life(&[Step::Publish(2)], End::Terminated),
    // It ends before a written window is synced. The sync is the log's, since no other thread
    // reaches its 8th sync by then.
    injected(
        "fdatasync:signal=KILL:when=8",
        &[Step::Publish(12)],
        End::KilledAtCall,
    ),
    life(
        &[Step::Publish(2), Step::TakeSnapshot, Step::Publish(1)],
        End::Terminated,
    ),
];

/// The first life ends before the sync of the folder in which the log's first segment was named.
const ENDED_EARLY: [Script; 2] = [
    injected("fsync:signal=KILL:when=3", &[], End::KilledAtCall),
    life(&[Step::Publish(3)], End::Killed),
];

/// Lives on a disk that sometimes fails to sync, for any file. Each thread and each call has its
/// own count. A start on existing files syncs less often than 7 times: a server that cannot open
/// its files reports it.
const FAILING: [Script; 3] = [
    life(&[Step::Publish(1)], End::Terminated),
    injected(
        "fdatasync,fsync:error=EIO:when=7+23",
        &[
            Step::Publish(6),
            Step::Together(6),
            Step::TakeSnapshot,
            Step::Publish(4),
            Step::TakeSnapshot,
        ],
        End::TerminatedBadly,
    ),
    life(
        &[Step::Publish(2), Step::TakeSnapshot, Step::Publish(1)],
        End::Terminated,
    ),
];

/// A life on a disk on which the stores below `live/` are missing.
const RESTORED: [Script; 1] = [life(&[Step::Publish(2)], End::Killed)];

/// Lives with a log of several segments. Segments that the snapshot does not need are deleted: by
/// size, then by age.
const SEGMENTS: [Script; 2] = [
    Script::Serve(Serving {
        inject: None,
        flags: &[
            "--snapshots-kept",
            "1",
            "--log-segment-bytes",
            "4KiB",
            "--log-bytes-max",
            "1",
        ],
        steps: &[
            Step::Publish(40),
            Step::TakeSnapshot,
            Step::AwaitRetention,
            Step::Publish(2),
        ],
        end: End::Killed,
    }),
    Script::Serve(Serving {
        inject: None,
        flags: &[
            "--snapshots-kept",
            "1",
            "--log-segment-bytes",
            "4KiB",
            "--log-age-ms-max",
            "1ms",
        ],
        steps: &[Step::Publish(40), Step::TakeSnapshot, Step::AwaitRetention],
        end: End::Terminated,
    }),
];

/// The first build of a site, and the first life on it.
const BUILT: [Script; 2] = [Script::Build, life(&[Step::Publish(1)], End::Killed)];

/// A start on a disk after a power loss.
const RECOVERY: [Script; 1] = [life(&[Step::Publish(1)], End::Killed)];

const SEED: u64 = 11;

/// The runs, with a name for the special property of each. They run once for all tests.
struct Runs {
    story: Story,
    named: [(&'static str, Run); 6],
}

fn runs() -> &'static Runs {
    static RUNS: OnceLock<Runs> = OnceLock::new();
    RUNS.get_or_init(|| {
        check_strace();
        let begun = Instant::now();
        let story = Story::new(24, 120, SEED);
        let runtime = runtime();
        let on_a_new_site =
            |scripts: &'static [Script]| runtime.block_on(Run::on_a_new_site(&story, scripts));
        let (ordinary, early, failing) = (
            on_a_new_site(&LIVES),
            on_a_new_site(&ENDED_EARLY),
            on_a_new_site(&FAILING),
        );
        let (end, promised) = ordinary.end();
        let without_live = end.without("snapshot/live");
        let restored = Run::after(&without_live, promised, &story, &RESTORED);
        let restored = runtime.block_on(restored);
        let segments = on_a_new_site(&SEGMENTS);
        let built = runtime.block_on(Run::on_nothing(&story, &BUILT));
        println!("seed {SEED}, lived in {:?}", begun.elapsed());
        let named = [
            ("five lives", ordinary),
            ("ended while the log was made", early),
            ("syncs that fail", failing),
            ("without live stores", restored),
            ("a log of several segments", segments),
            ("a site that is built", built),
        ];
        Runs { story, named }
    })
}

/// Returns the number for `make test`, or that for `make test-long`.
fn many(few: usize, long: usize) -> usize {
    if std::env::var_os("CLOUD_TEST_LONG").is_some() {
        long
    } else {
        few
    }
}

/// Prints the figures. Panics if a recovery broke a promise.
fn judge(name: &str, outcome: &Outcome, begun: Instant) {
    let Outcome {
        moments,
        disks,
        recovered,
        failures,
    } = outcome;
    println!(
        "{name}: {moments} moments, {disks} different disks, {recovered} recovered from in {:?}",
        begun.elapsed()
    );
    let shown: Vec<&String> = failures.iter().take(5).collect();
    assert!(
        failures.is_empty(),
        "{} of {recovered} are not as promised, among them {shown:#?}",
        failures.len()
    );
}

#[test]
fn every_moment_of_a_servers_life_can_be_its_last() {
    let runs = runs();
    for ((name, run), few) in runs.named.iter().zip([100, 15, 40, 15, 60, 40]) {
        let begun = Instant::now();
        let outcome = lose_power(run, &runs.story, many(2, 20), many(few, few * 30), SEED);
        judge(name, &outcome, begun);
    }
}

#[test]
fn a_recovery_may_be_cut_off_too() {
    let runs = runs();
    let [(_, ordinary), (_, early), (_, failing), ..] = &runs.named;
    for (name, run) in [
        ("five lives", ordinary),
        ("ended early", early),
        ("syncs that fail", failing),
    ] {
        for (tree, promised) in some_disks(run, many(1, 10), SEED) {
            let begun = Instant::now();
            let recovery = runtime().block_on(Run::after(&tree, promised, &runs.story, &RECOVERY));
            let outcome = lose_power(&recovery, &runs.story, many(2, 10), many(15, 100), SEED);
            judge(&format!("recovery in {name}"), &outcome, begun);
        }
    }
}

/// The syncs that no power loss can miss, by the beginning of their kind's name, with the reason.
const NEVER_MISSED: [(&str, &str); 5] = [
    (
        "snapshot/live/profiles.redb",
        "the log also holds the content of the live profiles, and redb is responsible for finding \
         its last whole commit",
    ),
    (
        "snapshot/live/building-profiles.redb",
        "live profiles that are damaged are made again from the snapshot and the log",
    ),
    (
        "log/ after nothing",
        "the deletion of segments syncs before each one, and before the first there is nothing to \
         sync",
    ),
    (
        "snapshot/.building-PID/scratch/",
        "the loader writes its own format there, and the folder is deleted when the snapshot gets \
         its name",
    ),
    (
        "snapshot/.building-PID/search/.part-",
        "tantivy syncs the folder and the list of its segment, and both are deleted when the \
         snapshot gets its name",
    ),
];

fn is_never_missed(kind: &str) -> bool {
    NEVER_MISSED
        .iter()
        .any(|(beginning, _)| kind.starts_with(beginning))
}

#[test]
fn no_kind_of_sync_can_be_left_out() {
    let runs = runs();
    let kinds: BTreeSet<String> = runs
        .named
        .iter()
        .flat_map(|(_, run)| run.sync_kinds())
        .collect();
    for (beginning, why) in NEVER_MISSED {
        let kinds = kinds.iter().filter(|kind| kind.starts_with(beginning));
        let count = kinds.count();
        println!("never missed: {count} kinds of syncs of {beginning}: {why}");
        assert!(count > 0, "there is none of {beginning}");
    }
    let with_every_sync: Vec<_> = runs
        .named
        .iter()
        .map(|(_, run)| with_every_sync(run))
        .collect();
    let mut not_missed = Vec::new();
    for kind in kinds.iter().filter(|kind| !is_never_missed(kind)) {
        let mut tried = 0;
        let missed =
            runs.named
                .iter()
                .zip(&with_every_sync)
                .find_map(|((name, run), with_every_sync)| {
                    let (recoveries, found) =
                        without_sync(run, &runs.story, kind, with_every_sync, many(40, 400));
                    tried += recoveries;
                    found.map(|found| format!("{name}, {found}"))
                });
        match missed {
            Some(found) => println!("without the sync of {kind}: {found:.400} ({tried} tried)"),
            None => not_missed.push(format!("{kind} ({tried} tried)")),
        }
    }
    println!("{} kinds of syncs", kinds.len());
    assert!(
        not_missed.is_empty(),
        "nothing fails without the syncs of {not_missed:?}"
    );
}

#[test]
fn rot_in_any_file_of_a_site_is_never_served() {
    let runs = runs();
    let [(_, ordinary), ..] = &runs.named;
    let (tree, promised) = ordinary.end();
    let (begun, flips) = (Instant::now(), many(80, 10_000));
    let (served, failures) = rot::rot(&tree, &runs.story, promised, flips, SEED);
    println!(
        "{flips} bits flipped in {} files, {served} served all the same in {:?}",
        tree.files.len(),
        begun.elapsed()
    );
    assert!(
        failures.is_empty(),
        "{} of {flips}: {:#?}",
        failures.len(),
        failures.iter().take(5).collect::<Vec<_>>()
    );
}
