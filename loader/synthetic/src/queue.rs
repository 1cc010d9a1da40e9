//! A queue of members with missing connections, and the walk along it that connects them.

use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use crate::{pairs::PairSet, progress::Stage};

/// The chance to connect with the next member ahead. Each further step multiplies it by this again.
const NEARNESS: f64 = 0.95;
/// The least of these chances, so that members with high target degrees reach them.
const NEARNESS_MIN: f64 = 0.2;
/// The missing connections at which a member is accepted half as often as the distance alone
/// decides. Members with more are accepted more often. As in real networks, well-connected members
/// connect with each other, so networks reach far.
const HALF_EAGER: u64 = 16;
/// The number of members to look ahead: this, and more for each missing connection.
const WINDOW: usize = 200;
const WINDOW_PER_CONNECTION: usize = 40;
/// The number of members between two reports of progress.
const REPORT_EVERY: usize = 1 << 18;

/// Members, ordered so that close ones should connect, with the missing connections of each.
#[derive(Debug, Default)]
pub(super) struct Queue {
    people: Vec<u32>,
    wanted: Vec<u32>,
}

impl Queue {
    /// Appends a person.
    pub(super) fn push(&mut self, person: u32, wanted: u32) {
        self.people.push(person);
        self.wanted.push(wanted);
    }

    /// Connects each member, from the front, with others ahead that still miss connections.
    /// O(people x (window + missing)) at most, and mostly a few steps each. No pair is made twice
    /// in one walk.
    pub(super) fn connect(&mut self, random: &mut ChaCha8Rng, pairs: &mut PairSet, stage: &Stage) {
        let chances = Chances::new();
        let mut people = self.people.as_slice();
        let mut wanted = self.wanted.as_mut_slice();
        while let (Some((&person, others)), Some((wants, theirs))) =
            (people.split_first(), wanted.split_first_mut())
        {
            if *wants > 0 {
                meet(person, wants, others, theirs, &chances, random, pairs);
            }
            if others.len() % REPORT_EVERY == 0 {
                stage.advance(REPORT_EVERY as u64);
            }
            (people, wanted) = (others, theirs);
        }
    }

    /// Returns all members, each with the number of connections that it still misses.
    pub(super) fn left_over(&self) -> impl Iterator<Item = (u32, u32)> {
        self.people.iter().copied().zip(self.wanted.iter().copied())
    }
}

/// Connects a person with some of the members ahead.
fn meet(
    person: u32,
    wants: &mut u32,
    others: &[u32],
    theirs: &mut [u32],
    chances: &Chances,
    random: &mut ChaCha8Rng,
    pairs: &mut PairSet,
) {
    let window = WINDOW + WINDOW_PER_CONNECTION * *wants as usize;
    let ahead = others.iter().zip(theirs).take(window).enumerate();
    for (distance, (&other, other_wants)) in ahead {
        if *other_wants > 0 && random.next_u32() < chances.of(distance, *other_wants) {
            pairs.push(person, other);
            *other_wants -= 1;
            *wants -= 1;
            if *wants == 0 {
                return;
            }
        }
    }
}

/// The chance to connect, as a share of 2^32.
struct Chances {
    near: Vec<u32>,
    far: u32,
}

impl Chances {
    fn new() -> Self {
        let of_range = |chance: f64| (chance * f64::from(u32::MAX)) as u32;
        let falling = std::iter::successors(Some(NEARNESS), |chance| Some(chance * NEARNESS));
        Chances {
            near: falling
                .take_while(|&chance| chance > NEARNESS_MIN)
                .map(of_range)
                .collect(),
            far: of_range(NEARNESS_MIN),
        }
    }

    fn of(&self, distance: usize, wants: u32) -> u32 {
        let near = self.near.get(distance).copied().unwrap_or(self.far);
        let wants = u64::from(wants);
        (u64::from(near) * wants / (wants + HALF_EAGER)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        progress::Progress,
        random::{Purpose, stream},
    };

    fn walk(wanted: &[u32]) -> (Queue, PairSet) {
        let mut queue = Queue::default();
        for (person, &wanted) in wanted.iter().enumerate() {
            queue.push(person as u32, wanted);
        }
        let mut pairs = PairSet::with_capacity(0, 1);
        let stage = Progress::silent().stage("walk", wanted.len() as u64);
        queue.connect(&mut stream(1, Purpose::Pass, 0), &mut pairs, &stage);
        (queue, pairs)
    }

    #[test]
    fn nobody_gets_more_than_wanted_and_most_get_all() {
        let wanted: Vec<u32> = (0..2_000).map(|person| person % 7).collect();
        let (queue, pairs) = walk(&wanted);
        let mut got = vec![0; wanted.len()];
        for (one, other) in pairs.iter() {
            got[one as usize] += 1;
            got[other as usize] += 1;
        }
        let mut missed = 0;
        for (person, left) in queue.left_over() {
            assert_eq!(got[person as usize] + left, wanted[person as usize]);
            missed += left;
        }
        assert!(missed < wanted.iter().sum::<u32>() / 50, "{missed}");
    }

    #[test]
    fn those_near_each_other_meet_most() {
        let (_, pairs) = walk(&[5; 10_000]);
        let near = pairs
            .iter()
            .filter(|(one, other)| one.abs_diff(*other) <= 40)
            .count();
        assert!(near * 2 > pairs.len(), "{near} of {}", pairs.len());
    }

    #[test]
    fn one_who_wants_many_finds_them_further_away() {
        let mut wanted = vec![40; 20_000];
        wanted[0] = 2_000;
        let (queue, _) = walk(&wanted);
        assert_eq!(queue.left_over().next(), Some((0, 0)));
    }
}
