//! petgraph's algorithms run on the graph, with the same results as on petgraph's own.

use std::collections::{BTreeMap, BTreeSet};

use cloud_engine::NodeIndex;
use petgraph::{
    algo::{connected_components, dijkstra, kosaraju_scc, maximal_cliques},
    graph::UnGraph,
    visit::{Bfs, Dfs, EdgeCount, EdgeRef, IntoEdgeReferences, IntoNodeIdentifiers, NodeCount},
};
use proptest::prelude::*;

use crate::{histories::replay, model::member, shapes::histories};

proptest! {
    #[test]
    fn algorithms_agree(history in histories(14, 6)) {
        let (writer, models) = replay(&history);
        for (scn, model) in models {
            let graph = writer.version().graph_at(scn).expect("published");
            let mut own = UnGraph::<u64, ()>::new_undirected();
            let nodes: BTreeMap<u64, _> =
                model.0.keys().map(|&id| (id, own.add_node(id))).collect();
            for (one, other, _) in model.edges() {
                own.add_edge(nodes[&one.get()], nodes[&other.get()], ());
            }
            let removed = graph.node_bound() as usize - model.0.len();
            prop_assert_eq!(
                connected_components(&graph),
                connected_components(&own) + removed
            );
            prop_assert_eq!(graph.edge_count(), own.edge_count());
            prop_assert_eq!((&graph).node_identifiers().count(), graph.node_count());
            prop_assert!(
                graph
                    .edge_references()
                    .all(|edge| edge.id() == (edge.source(), edge.target()))
            );
            let cliques = maximal_cliques(&graph).into_iter();
            let cliques = cliques.map(|clique| {
                clique
                    .iter()
                    .map(|&node| graph.member(node).get())
                    .collect()
            });
            let mut cliques: Vec<BTreeSet<u64>> = cliques.collect();
            // A removed member is a node without neighbours, and so a clique of one.
            cliques.retain(|clique| clique.iter().all(|id| model.0.contains_key(id)));
            // An empty graph may have an empty clique.
            cliques.retain(|clique| !clique.is_empty());
            let expected = maximal_cliques(&own).into_iter();
            let expected = expected.map(|clique| clique.iter().map(|&node| own[node]).collect());
            let mut expected: Vec<BTreeSet<u64>> = expected.collect();
            expected.retain(|clique| !clique.is_empty());
            cliques.sort();
            expected.sort();
            prop_assert_eq!(cliques, expected);
            prop_assert_eq!(kosaraju_scc(&graph).len(), connected_components(&graph));
            for (&id, &own_start) in &nodes {
                let start = graph.node(member(id)).expect("exists");
                let id_of = |node: &NodeIndex| graph.member(*node).get();
                let found = dijkstra(&graph, start, None, |_| 1u32);
                let found: BTreeMap<u64, u32> = found
                    .iter()
                    .map(|(node, cost)| (id_of(node), *cost))
                    .collect();
                let expected = dijkstra(&own, own_start, None, |_| 1u32);
                let expected: BTreeMap<u64, u32> = expected
                    .iter()
                    .map(|(node, cost)| (own[*node], *cost))
                    .collect();
                prop_assert_eq!(&found, &expected);
                prop_assert_eq!(&found, &model.distances(id));
                let (mut bfs, mut dfs) = (Bfs::new(&graph, start), Dfs::new(&graph, start));
                let reached =
                    std::iter::from_fn(|| bfs.next(&graph)).map(|node| found[&id_of(&node)]);
                prop_assert!(reached.is_sorted());
                prop_assert_eq!(std::iter::from_fn(|| dfs.next(&graph)).count(), found.len());
            }
        }
    }
}
