//! The connected components of a graph: how many there are and how large the largest is, for the summary.
//!
//! Found while the rows pass by on their way to the file, so that the graph need not be in memory: 4 bytes a member.

/// Members without connections are components of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Components {
    /// How many.
    pub count: u64,
    /// Members of the largest.
    pub largest: u64,
}

/// Disjoint sets of nodes: each points to one with a lower number in its set, the lowest to itself.
///
/// After Tarjan and van Leeuwen, "Worst-case Analysis of Set Union Algorithms", J. ACM 31 (1984): linking by index, halving paths.
#[derive(Debug)]
pub(crate) struct UnionFind {
    parents: Vec<u32>,
    /// Whose row comes next.
    next: u32,
}

impl UnionFind {
    pub(crate) fn new(nodes: u32) -> Self {
        Self {
            parents: (0..nodes).collect(),
            next: 0,
        }
    }

    /// The rows of the next nodes, one behind the other; each connection stands in both rows. Nearly O(1) a connection.
    pub(crate) fn add(&mut self, degrees: &[u32], targets: &[u32]) {
        let mut rest = targets;
        for &degree in degrees {
            let (row, after) = rest
                .split_at_checked(degree as usize)
                .unwrap_or((rest, &[]));
            rest = after;
            let node = self.next;
            let mut root = self.root(node);
            for &target in row.iter().take_while(|&&target| target < node) {
                // Most are in the same large set already, and point to its root.
                if self.parent(target) != root {
                    root = self.join(root, target);
                }
            }
            self.next += 1;
        }
    }

    /// O(n).
    pub(crate) fn finish(mut self) -> Components {
        let mut sizes = vec![0u32; self.parents.len()];
        for node in 0..self.parents.len() as u32 {
            if let Some(size) = sizes.get_mut(self.root(node) as usize) {
                *size += 1;
            }
        }
        Components {
            count: sizes.iter().filter(|size| **size > 0).count() as u64,
            largest: sizes.into_iter().max().map_or(0, u64::from),
        }
    }

    #[inline]
    fn parent(&self, node: u32) -> u32 {
        self.parents.get(node as usize).copied().unwrap_or(node)
    }

    fn root(&mut self, mut node: u32) -> u32 {
        loop {
            let parent = self.parent(node);
            let next = self.parent(parent);
            if parent == next {
                return parent;
            }
            self.point(node, next);
            node = next;
        }
    }

    /// The root of both.
    fn join(&mut self, root: u32, other: u32) -> u32 {
        let other = self.root(other);
        let (low, high) = (root.min(other), root.max(other));
        self.point(high, low);
        low
    }

    fn point(&mut self, node: u32, to: u32) {
        if let Some(parent) = self.parents.get_mut(node as usize) {
            *parent = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of these edges, and the components found by walking from each node.
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
        let mut sets = UnionFind::new(nodes as u32);
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
            seeds in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4000),
        ) {
            let edges: Vec<_> = seeds.iter().map(|(one, other)| (one.index(nodes), other.index(nodes))).collect();
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
