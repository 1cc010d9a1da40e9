//! The connected components of a graph: their number and the size of the largest, for the summary.
//!
//! They are found while the rows are written to the file, so the graph need not be in memory. This
//! takes 5 bytes per member.

use petgraph::unionfind::UnionFind;

/// The counts of connected components. A member without connections is a component of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Components {
    /// The number of components.
    pub count: u64,
    /// The number of members in the largest component.
    pub largest: u64,
}

/// Joins the nodes of each connection while the rows are written.
#[derive(Debug)]
pub(crate) struct ComponentFinder {
    sets: UnionFind<u32>,
    /// The node whose row comes next.
    next: u32,
}

impl ComponentFinder {
    pub(crate) fn new(nodes: u32) -> Self {
        Self {
            sets: UnionFind::new(nodes as usize),
            next: 0,
        }
    }

    /// Adds the rows of the next nodes, which are concatenated in `targets`. Each connection is in
    /// the rows of both its ends. Takes nearly O(1) per connection.
    pub(crate) fn add(&mut self, degrees: &[u32], targets: &[u32]) {
        let mut rest = targets;
        for &degree in degrees {
            let (row, after) = rest
                .split_at_checked(degree as usize)
                .unwrap_or((rest, &[]));
            rest = after;
            let mut root = self.next;
            for &target in row.iter().take_while(|&&target| target < self.next) {
                // Most targets are in the same large set already.
                let other = self.sets.find_mut(target);
                if other != root {
                    self.sets.union(root, other);
                    root = self.sets.find_mut(root);
                }
            }
            self.next += 1;
        }
    }

    /// Counts the sets, in O(n).
    pub(crate) fn finish(self) -> Components {
        let labels = self.sets.into_labeling();
        let mut sizes = vec![0u32; labels.len()];
        for label in labels {
            if let Some(size) = sizes.get_mut(label as usize) {
                *size += 1;
            }
        }
        Components {
            count: sizes.iter().filter(|size| **size > 0).count() as u64,
            largest: sizes.into_iter().max().map_or(0, u64::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Compares the components of these edges with those found by a walk from each node.
    fn check(nodes: usize, edges: &[(usize, usize)]) {
        let mut rows = vec![Vec::new(); nodes];
        for &(one, other) in edges.iter().filter(|(one, other)| one != other) {
            rows[one].push(other as u32);
            rows[other].push(one as u32);
        }
        let mut expected = Components::default();
        let mut is_seen = vec![false; nodes];
        for start in 0..nodes {
            let (mut size, mut open) = (0, vec![start]);
            while let Some(node) = open.pop() {
                if !std::mem::replace(&mut is_seen[node], true) {
                    size += 1;
                    open.extend(rows[node].iter().map(|&neighbour| neighbour as usize));
                }
            }
            expected.count += u64::from(size > 0);
            expected.largest = expected.largest.max(size);
        }
        let mut sets = ComponentFinder::new(nodes as u32);
        for rows in rows.chunks_mut(7) {
            rows.iter_mut().for_each(|row| row.sort_unstable());
            let degrees: Vec<u32> = rows.iter().map(|row| row.len() as u32).collect();
            sets.add(&degrees, &rows.concat());
        }
        assert_eq!(sets.finish(), expected);
    }

    proptest! {
        #[test]
        fn components_equal_those_of_a_walk(
            nodes in 1usize..3000,
            seeds in prop::collection::vec(
                (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
                0..4000,
            ),
        ) {
            let edges: Vec<_> = seeds
                .iter()
                .map(|(one, other)| (one.index(nodes), other.index(nodes)))
                .collect();
            check(nodes, &edges);
        }
    }

    #[test]
    fn extreme_graphs_have_components_too() {
        check(0, &[]);
        check(5, &[]);
        let path: Vec<_> = (1..20_000).map(|node| (node - 1, node)).collect();
        check(20_000, &path);
        let star: Vec<_> = (1..20_000).map(|node| (19_999, 19_999 - node)).collect();
        check(20_000, &star);
        let pairs: Vec<_> = (0..10_000).map(|node| (node, 19_999 - node)).collect();
        check(20_000, &pairs);
    }
}
