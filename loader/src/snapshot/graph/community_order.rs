//! An order of nodes that places connected members near each other.
//!
//! The order is that of a breadth-first search. So the connections of one member, who are often
//! connected with each other, get consecutive numbers.
//!
//! It is the order of Cuthill and McKee, "Reducing the bandwidth of sparse symmetric matrices", ACM
//! 1969, without the sort by degree. Apostolico and Drovandi, "Graph compression by BFS",
//! Algorithms 2 (2009), measured its effect on the gaps in graphs of this kind. Well-connected
//! members are reached first, so their numbers are close to each other: they make up most of a
//! viewer's 2nd degree.
//!
//! Label propagation makes smaller gaps and takes several times as long, but its views are not
//! faster. The bench group `order` prints the effect of this order.

/// The degree from which a member is a hub. A hub's connections have nothing else in common: the
/// hub gets its place, but the search does not continue through it.
const HUB_DEGREE_MIN: usize = 1_000;

/// Returns the nodes in their new order, which is a function of the graph alone. `row` returns the
/// neighbours of a node. Takes O(n + m) time, and 4 bytes and 1 bit per node.
pub(crate) fn community_order<'a>(nodes: u32, row: impl Fn(u32) -> &'a [u32]) -> Vec<u32> {
    let mut order = Vec::with_capacity(nodes as usize);
    let mut placed = Placed(vec![0; (nodes as usize).div_ceil(64)]);
    let mut walked = 0;
    for start in 0..nodes {
        if placed.insert(start) {
            order.push(start);
        }
        while let Some(&node) = order.get(walked) {
            walked += 1;
            let row = row(node);
            if row.len() < HUB_DEGREE_MIN {
                order.extend(row.iter().copied().filter(|&other| placed.insert(other)));
            }
        }
    }
    order
}

/// The nodes that have a place, as one bit each.
struct Placed(Vec<u64>);

impl Placed {
    /// Adds a node and returns whether it is new.
    fn insert(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.0[node as usize / 64], 1 << (node % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Returns the order of an undirected graph.
    fn order(nodes: u32, edges: &[(u32, u32)]) -> Vec<u32> {
        let edges = edges.iter().filter(|(one, other)| one != other);
        let both: BTreeSet<(u32, u32)> = edges
            .flat_map(|&(one, other)| [(one, other), (other, one)])
            .collect();
        let mut rows = vec![Vec::new(); nodes as usize];
        for (one, other) in both {
            rows[one as usize].push(other);
        }
        community_order(nodes, |node| &rows[node as usize])
    }

    proptest! {
        #[test]
        fn every_node_has_one_place(
            (nodes, edges) in (1u32..300).prop_flat_map(|nodes| {
                let edges = prop::collection::vec((0..nodes, 0..nodes), 0..900);
                (Just(nodes), edges)
            }),
        ) {
            let mut sorted = order(nodes, &edges);
            sorted.sort();
            prop_assert!(sorted.into_iter().eq(0..nodes));
        }
    }

    #[test]
    fn neighbours_of_a_path_stand_at_most_two_apart() {
        // The path visits all nodes, since 101 is prime, but not in the order of their numbers.
        let path: Vec<u32> = (0..101).map(|step| (50 + step * 37) % 101).collect();
        let edges: Vec<(u32, u32)> = path.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let order = order(101, &edges);
        let place = |node: u32| order.iter().position(|&placed| placed == node);
        for (one, other) in edges {
            let (one, other) = (place(one).unwrap(), place(other).unwrap());
            assert!(one.abs_diff(other) <= 2, "{order:?}");
        }
    }

    #[test]
    fn the_walk_does_not_go_through_a_hub() {
        // Nodes 0 to 999 and their hub, 1,000. Node 0 is also connected with 1,001, and that with
        // 1,002.
        let mut edges: Vec<(u32, u32)> = (0..1_000).map(|node| (node, 1_000)).collect();
        edges.extend([(0, 1_001), (1_001, 1_002)]);
        assert_eq!(order(1_003, &edges)[..5], [0, 1_000, 1_001, 1_002, 1]);
    }

    #[test]
    fn an_empty_graph_has_an_order() {
        assert_eq!(order(0, &[]), Vec::<u32>::new());
    }
}
