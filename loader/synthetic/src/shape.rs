//! The measured shape of a graph: degrees, hubs, communities, and the reach of a viewer's network.

use rand::Rng;
use rayon::prelude::*;

use crate::{
    degrees::Hubs,
    pairs::PairSet,
    people::Person,
    random::{Purpose, stream},
};

/// The number of viewers whose networks are counted.
const VIEWERS: usize = 200;
/// The number of connections in the sample for the share inside communities.
const COMMUNITY_SAMPLE: usize = 1_000_000;

/// The shape of a graph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// The greatest degree of half of the members.
    pub degree_p50: u32,
    /// The greatest degree of 90 % of the members.
    pub degree_p90: u32,
    /// The greatest degree of 99 % of the members.
    pub degree_p99: u32,
    /// The greatest degree of all members.
    pub degree_max: u32,
    /// The number of members with at least the degree of a hub.
    pub hubs: u64,
    /// The share of connections between members of one company or school, in a sample.
    pub inside_communities: f64,
    /// The share of all members at 3rd degree of a viewer, drawn by degree: the median of 200
    /// viewers.
    pub third_degree_median: f64,
}

impl Shape {
    /// Measures a graph. O(members + connections + 200 x the edges within three degrees); about 4
    /// bytes a half-edge and 8 a member.
    pub(super) fn measure(
        pairs: &PairSet,
        hubs: Hubs,
        inside_communities: f64,
        members: u32,
        seed: u64,
    ) -> Self {
        let graph = Adjacency::new(pairs, members);
        let mut degrees: Vec<u32> = (0..members)
            .map(|node| graph.of(node).len() as u32)
            .collect();
        degrees.par_sort_unstable();
        let percentile = |share: f64| {
            let rank = (share * degrees.len() as f64).ceil() as usize;
            degrees.get(rank.saturating_sub(1)).copied().unwrap_or(0)
        };
        Shape {
            degree_p50: percentile(0.5),
            degree_p90: percentile(0.9),
            degree_p99: percentile(0.99),
            degree_max: percentile(1.0),
            hubs: degrees
                .iter()
                .filter(|&&degree| degree >= hubs.degree_min)
                .count() as u64,
            inside_communities,
            third_degree_median: graph.third_degree_median(seed),
        }
    }
}

/// Returns the share of pairs with a common company or school, among the first ones. Pairs are in
/// no order.
pub(super) fn share_inside_communities(pairs: &PairSet, people: &[Person]) -> f64 {
    let sample = pairs.len().min(COMMUNITY_SAMPLE);
    let inside = pairs
        .range(0..sample)
        .filter(
            |&(one, other)| match (people.get(one as usize), people.get(other as usize)) {
                (Some(one), Some(other)) => {
                    one.company == other.company || one.school == other.school
                }
                _ => false,
            },
        )
        .count();
    inside as f64 / sample.max(1) as f64
}

/// A graph in compressed rows: the neighbours of `node` are `targets[offsets[node]..offsets[node +
/// 1]]`.
struct Adjacency {
    offsets: Vec<u64>,
    targets: Vec<u32>,
}

impl Adjacency {
    /// Builds the rows: counts the degrees, sums them up, and places each target from the end of
    /// its row.
    fn new(pairs: &PairSet, members: u32) -> Self {
        let mut offsets = vec![0_u64; members as usize + 1];
        for (one, other) in pairs.iter() {
            offsets[one as usize] += 1;
            offsets[other as usize] += 1;
        }
        let mut end = 0;
        for offset in &mut offsets {
            end += *offset;
            *offset = end;
        }
        let mut targets = vec![0_u32; pairs.len() * 2];
        let mut place = |node: u32, target: u32| {
            let offset = &mut offsets[node as usize];
            *offset -= 1;
            targets[*offset as usize] = target;
        };
        for (one, other) in pairs.iter() {
            place(one, other);
            place(other, one);
        }
        Adjacency { offsets, targets }
    }

    fn of(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.targets[self.offsets[node] as usize..self.offsets[node + 1] as usize]
    }

    fn third_degree_median(&self, seed: u64) -> f64 {
        if self.targets.is_empty() {
            return 0.0;
        }
        let members = self.offsets.len() - 1;
        let mut random = stream(seed, Purpose::Viewers, 0);
        // One end of a random connection is a member drawn by degree.
        let viewers: Vec<u32> = (0..VIEWERS)
            .map(|_| self.targets[random.random_range(0..self.targets.len())])
            .collect();
        let mut counts: Vec<u64> = viewers
            .par_iter()
            .map_init(
                || vec![0_u64; members.div_ceil(64)],
                |seen, &viewer| self.third_degree(viewer, seen),
            )
            .collect();
        counts.sort_unstable();
        counts[counts.len() / 2] as f64 / members as f64
    }

    /// Counts the members at a distance of exactly three connections. `seen` is a scratch bitset.
    fn third_degree(&self, viewer: u32, seen: &mut [u64]) -> u64 {
        seen.fill(0);
        let mut see = |node: u32| {
            let word = &mut seen[node as usize / 64];
            let bit = 1 << (node % 64);
            let new = *word & bit == 0;
            *word |= bit;
            new
        };
        see(viewer);
        let mut level = vec![viewer];
        for _ in 0..2 {
            let mut next = Vec::new();
            for &node in &level {
                next.extend(self.of(node).iter().copied().filter(|&target| see(target)));
            }
            level = next;
        }
        let of_third =
            |&node: &u32| self.of(node).iter().filter(|&&target| see(target)).count() as u64;
        level.iter().map(of_third).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_five_has_one_member_at_third_degree_of_an_end() {
        let mut pairs = PairSet::with_capacity(4, 1);
        for node in 0..4 {
            pairs.push(node, node + 1);
        }
        let graph = Adjacency::new(&pairs, 5);
        let mut seen = vec![0; 1];
        assert_eq!(graph.third_degree(0, &mut seen), 1);
        assert_eq!(graph.third_degree(2, &mut seen), 0);
        assert_eq!(graph.of(0), [1]);
        let hubs = Hubs {
            count: 0,
            degree_min: 2,
            degree_max: 2,
        };
        let shape = Shape::measure(&pairs, hubs, 0.0, 5, 1);
        assert_eq!((shape.degree_p50, shape.degree_max, shape.hubs), (2, 2, 3));
    }

    #[test]
    fn a_site_without_connections_has_a_shape() {
        let shape = Shape::measure(&PairSet::with_capacity(0, 1), Hubs::of(1, 0.0), 0.0, 1, 1);
        assert_eq!((shape.degree_max, shape.third_degree_median), (0, 0.0));
    }
}
