//! Who is connected with whom: three passes over the members, as the LDBC SNB data generator makes friendships.
//!
//! Each pass puts the members into an order in which those who have something in common stand together (same school and
//! year; same company and place; the last order is random) and connects each with others a little ahead, near ones
//! most likely. The passes make 45, 45 and 10 % of the connections that each member shall have; what one pass could not
//! place is left to the next. Erling et al., "The LDBC Social Network Benchmark: Interactive Workload", SIGMOD'15.

use rand::Rng;
use rayon::prelude::*;

use super::pairs::PairSet;
use super::people::{Person, YEAR_FIRST};
use super::progress::Progress;
use super::queue::Queue;
use super::random::{Purpose, stream};
use super::scramble::{fraction, scramble_index, unscramble_index};

/// What a pass goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    School,
    Company,
    Anyone,
}

impl Pass {
    const ALL: [Pass; 3] = [Pass::School, Pass::Company, Pass::Anyone];

    fn stage(self) -> &'static str {
        match self {
            Pass::School => "connecting schoolmates",
            Pass::Company => "connecting colleagues",
            Pass::Anyone => "connecting anyone",
        }
    }

    /// The share of a member's connections that is made when the pass is over.
    fn made_by_its_end(self) -> f64 {
        match self {
            Pass::School => 0.45,
            Pass::Company => 0.9,
            Pass::Anyone => 1.0,
        }
    }
}

/// Connects the people until they have the degrees wanted, but for a few that find nobody. Some pairs that are
/// schoolmates and colleagues too may be there twice.
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
    for (number, pass) in Pass::ALL.into_iter().enumerate() {
        let stage = progress.stage(pass.stage(), people.len() as u64);
        let mut queue = Queue::default();
        for person in ordered(people, pass, seed) {
            let index = person as usize;
            if let (Some(&wanted), Some(made)) = (wanted.get(index), made.get_mut(index)) {
                let share = f64::from(wanted) * pass.made_by_its_end();
                let rounded = (share + fraction(u64::from(person) ^ rounding)) as u32;
                let due = rounded.min(wanted);
                if due > *made {
                    queue.push(person, due - *made);
                    *made = due;
                }
            }
        }
        queue.connect(
            &mut stream(seed, Purpose::Pass, number as u32),
            &mut pairs,
            &stage,
        );
        for (person, left) in queue.left_over() {
            if let Some(made) = made.get_mut(person as usize) {
                *made -= left;
            }
        }
        stage.finish();
    }
    pairs
}

/// Everybody's number, in the order of a pass. Those alike in what it goes by stand in random order: by number, members
/// with ids close to each other would know each other.
fn ordered(people: &[Person], pass: Pass, seed: u64) -> impl Iterator<Item = u32> {
    let shuffle = stream(seed, Purpose::Order, pass as u32).random::<u32>();
    let key = |(number, person): (usize, &Person)| {
        let alike = match pass {
            Pass::School => {
                (u64::from(person.school) << 7) | u64::from(person.graduated - YEAR_FIRST)
            }
            Pass::Company => (u64::from(person.company) << 9) | u64::from(person.place),
            Pass::Anyone => 0,
        };
        (alike << 32) | u64::from(scramble_index(number as u32 ^ shuffle))
    };
    let mut keys: Vec<u64> = people.par_iter().enumerate().map(key).collect();
    keys.par_sort_unstable();
    keys.into_iter()
        .map(move |key| unscramble_index(key as u32) ^ shuffle)
}
