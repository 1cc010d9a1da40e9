//! Tries many power losses, each once: recovers on two threads, and judges the result.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::runtime::Runtime;

use crate::disk::{Data, Loss, Names};
use crate::recovery::{Promised, check};
use crate::run::{Moment, Run};
use crate::story::Story;
use crate::tree::Tree;

pub(crate) const THREADS: usize = 2;

/// The losses that decide without chance which unsynced changes are kept.
pub(crate) const PLAIN_LOSSES: [Loss; 6] = [
    Loss {
        names: Names::Kept,
        data: Data::Lost,
    },
    Loss {
        names: Names::Lost,
        data: Data::Kept,
    },
    Loss {
        names: Names::Lost,
        data: Data::Lost,
    },
    Loss {
        names: Names::Kept,
        data: Data::Zeros,
    },
    Loss {
        names: Names::Kept,
        data: Data::Kept,
    },
    Loss {
        names: Names::Last,
        data: Data::Kept,
    },
];

/// The losses that decide by chance.
const CHANCES: [Loss; 3] = [
    Loss {
        names: Names::Prefix,
        data: Data::Sectors,
    },
    Loss {
        names: Names::Prefix,
        data: Data::Torn,
    },
    Loss {
        names: Names::Prefix,
        data: Data::Kept,
    },
];

/// The results of the power losses of a run.
pub(crate) struct Outcome {
    /// The number of moments of the run.
    pub(crate) moments: usize,
    /// The number of power losses that left different disks.
    pub(crate) disks: usize,
    /// The number of those disks that were recovered from.
    pub(crate) recovered: usize,
    /// The failures.
    pub(crate) failures: Vec<String>,
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Simulates a power loss at every moment of the run, in each plain way and `chances` times by
/// chance. Recovers from at most `recoveries_max` of the different disks, evenly spread over the
/// run.
pub(crate) fn lose_power(
    run: &Run,
    story: &Story,
    chances: usize,
    recoveries_max: usize,
    seed: u64,
) -> Outcome {
    let mut disks = 0;
    let moments = every_disk(run, chances, seed, &mut |_, _, _, _| disks += 1);
    let share = recoveries_max as f64 / disks.max(1) as f64;
    let (jobs, queue) = sync_channel::<(String, Tree, Promised)>(THREADS);
    let (queue, judged) = (Mutex::new(queue), Mutex::new((0, Vec::new())));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = runtime();
                loop {
                    let job = queue.lock().expect("nobody panics with the queue").recv();
                    let Ok((what, tree, promised)) = job else {
                        return;
                    };
                    let checked = check(&runtime, &tree, story, promised);
                    let mut judged = judged.lock().expect("nobody panics with the judgement");
                    judged.0 += 1;
                    judged.1.extend(
                        checked
                            .err()
                            .map(|error| format!("{what}, {promised:?}: {error}")),
                    );
                }
            });
        }
        let mut due = 0.0;
        every_disk(run, chances, seed, &mut |moment, loss, tree, promised| {
            due += share;
            if due >= 1.0 {
                due -= 1.0;
                let what = format!("{}, {loss:?}", run.describe(moment));
                jobs.send((what, tree, promised))
                    .expect("somebody takes it");
            }
        });
        drop(jobs);
    });
    let (recovered, failures) = judged
        .into_inner()
        .expect("nobody panics with the judgement");
    Outcome {
        moments,
        disks,
        recovered,
        failures,
    }
}

/// Calls `take` with each disk that differs from those before, or has more promises. Returns the
/// number of moments.
fn every_disk(
    run: &Run,
    chances: usize,
    seed: u64,
    take: &mut dyn FnMut(Moment, Loss, Tree, Promised),
) -> usize {
    let mut moments = 0;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut seen = BTreeSet::new();
    run.go_through(&|_| true, &mut |moment, disk, promised| {
        moments += 1;
        let by_chance = (0..chances).map(|_| CHANCES[random.random_range(0..CHANCES.len())]);
        let losses: Vec<Loss> = PLAIN_LOSSES.into_iter().chain(by_chance).collect();
        for loss in losses {
            let tree = disk.after(loss, &mut random);
            if seen.insert((tree.digest(), promised)) {
                take(moment, loss, tree, promised);
            }
        }
        true
    });
    moments
}

/// Disks by their digests, each with its promises.
pub(crate) type Seen = BTreeSet<(u64, Promised)>;

/// Returns the disks that plain losses leave if every sync takes effect.
pub(crate) fn with_every_sync(run: &Run) -> Seen {
    // No plain loss uses the random numbers.
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut seen = Seen::new();
    run.go_through(&|_| true, &mut |_, disk, promised| {
        for loss in PLAIN_LOSSES {
            seen.insert((disk.after(loss, &mut random).digest(), promised));
        }
        true
    });
    seen
}

/// Returns how a check fails if syncs of this kind make nothing durable, or `None` if it never
/// does; and the number of tries. It tries disks that do not occur if every sync takes effect. The
/// first ones are those with a new promise a moment before, then come the others, up to
/// `recoveries_max`.
pub(crate) fn without_sync(
    run: &Run,
    story: &Story,
    kind: &str,
    with_every_sync: &Seen,
    recoveries_max: usize,
) -> (usize, Option<String>) {
    let runtime = runtime();
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut seen = with_every_sync.clone();
    let (mut tried, mut found) = (0, None);
    for only_new_promises in [true, false] {
        let mut before = None;
        run.go_through(&|sync| sync != kind, &mut |moment, disk, promised| {
            let is_new = before.replace(promised) != Some(promised);
            if only_new_promises && !is_new {
                return true;
            }
            for loss in PLAIN_LOSSES {
                if found.is_some() || tried >= recoveries_max {
                    return false;
                }
                let tree = disk.after(loss, &mut random);
                if seen.insert((tree.digest(), promised)) {
                    tried += 1;
                    let checked = check(&runtime, &tree, story, promised);
                    found = checked
                        .err()
                        .map(|error| format!("{}, {loss:?}: {error}", run.describe(moment)));
                }
            }
            true
        });
    }
    (tried, found)
}

/// Returns disks that a power loss may leave at random moments of the run, with the promises by
/// then.
pub(crate) fn some_disks(run: &Run, count: usize, seed: u64) -> Vec<(Tree, Promised)> {
    let mut moments = 0;
    run.go_through(&|_| true, &mut |_, _, _| {
        moments += 1;
        true
    });
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let chosen: BTreeSet<usize> = (0..count)
        .map(|_| random.random_range(0..moments))
        .collect();
    let (mut disks, mut at) = (Vec::new(), 0);
    run.go_through(&|_| true, &mut |_, disk, promised| {
        if chosen.contains(&at) {
            let loss = CHANCES[random.random_range(0..CHANCES.len())];
            disks.push((disk.after(loss, &mut random), promised));
        }
        at += 1;
        true
    });
    disks
}
