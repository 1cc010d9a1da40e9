//! Connects the members in three passes, as the LDBC SNB data generator makes friendships.
//!
//! The first two passes order the members so that those with something in common are close: the
//! same school and year, then the same company and place. Each member is connected with others a
//! little ahead, near ones most likely. The last pass connects random members.
//!
//! The passes make 45, 45 and 10 % of each member's target degree; the next pass makes up for what
//! one missed. Erling et al., "The LDBC Social Network Benchmark: Interactive Workload", SIGMOD'15.
//! (There, the last pass walks along a random order. That creates groups of strangers who are all
//! connected with each other.)

use rand::{Rng, seq::SliceRandom};
use rayon::prelude::*;

use crate::{
    pairs::PairSet,
    people::{Person, YEAR_FIRST},
    progress::Progress,
    queue::Queue,
    random::{Purpose, stream},
    scramble::{fraction, scramble_index, unscramble_index},
};

/// The property that members have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Community {
    School,
    Company,
}

impl Community {
    fn stage(self) -> &'static str {
        match self {
            Community::School => "connecting schoolmates",
            Community::Company => "connecting colleagues",
        }
    }

    /// Returns the share of a member's connections that exists when its pass is over.
    fn made_by_its_end(self) -> f64 {
        match self {
            Community::School => 0.45,
            Community::Company => 0.9,
        }
    }

    /// Returns a sort key: equal for members of one community, and close for similar ones. It fits
    /// in 32 bits.
    fn of(self, person: &Person) -> u64 {
        match self {
            Community::School => {
                (u64::from(person.school) << 7) | u64::from(person.graduated - YEAR_FIRST)
            }
            Community::Company => (u64::from(person.company) << 9) | u64::from(person.place),
        }
    }
}

/// Connects the people up to their target degrees, except for a few that find no partner. A pair
/// that shares both school and company may occur twice.
pub(super) fn connect(
    people: &[Person],
    wanted: &[u32],
    seed: u64,
    progress: &Progress,
) -> PairSet {
    let total: u64 = wanted.iter().map(|&degree| u64::from(degree)).sum();
    let mut pairs = PairSet::with_capacity(total.div_ceil(2) as usize, seed);
    let mut made = vec![0_u32; people.len()];
    let rounding = stream(seed, Purpose::Keys, 1).random::<u64>();
    for community in [Community::School, Community::Company] {
        let stage = progress.stage(community.stage(), people.len() as u64);
        let mut queue = Queue::default();
        for person in ordered(people, community, seed) {
            let index = person as usize;
            // Rounds up or down at random, the same way for both passes.
            let share = f64::from(wanted[index]) * community.made_by_its_end();
            let due = (share + fraction(u64::from(person) ^ rounding)) as u32;
            let due = due.min(wanted[index]);
            if due > made[index] {
                queue.push(person, due - made[index]);
                made[index] = due;
            }
        }
        let mut random = stream(seed, Purpose::Pass, community as u32);
        queue.connect(&mut random, &mut pairs, &stage);
        for (person, left) in queue.left_over() {
            made[person as usize] -= left;
        }
        stage.finish();
    }
    let stage = progress.stage("connecting anyone", 1);
    connect_anyone(wanted, &made, seed, &mut pairs);
    stage.finish();
    pairs
}

/// Returns all people's numbers, ordered by community. Members of one community are in random
/// order. Ordered by number, those with ids close to each other would be connected.
fn ordered(people: &[Person], community: Community, seed: u64) -> impl Iterator<Item = u32> {
    let shuffle = stream(seed, Purpose::Order, community as u32).random::<u32>();
    let key = |(number, person): (usize, &Person)| {
        (community.of(person) << 32) | u64::from(scramble_index(number as u32 ^ shuffle))
    };
    let mut keys: Vec<u64> = people.par_iter().enumerate().map(key).collect();
    keys.par_sort_unstable();
    keys.into_iter()
        .map(move |key| unscramble_index(key as u32) ^ shuffle)
}

/// Puts each member into a bag, once for each missing connection, and draws pairs.
fn connect_anyone(wanted: &[u32], made: &[u32], seed: u64, pairs: &mut PairSet) {
    let missing = wanted
        .iter()
        .zip(made)
        .map(|(wanted, made)| (wanted - made) as usize);
    let mut bag: Vec<u32> = Vec::with_capacity(missing.clone().sum());
    for (person, missing) in missing.enumerate() {
        bag.extend(std::iter::repeat_n(person as u32, missing));
    }
    bag.shuffle(&mut stream(seed, Purpose::Strangers, 0));
    for pair in bag.chunks_exact(2) {
        if pair[0] != pair[1] {
            pairs.push(pair[0], pair[1]);
        }
    }
}
