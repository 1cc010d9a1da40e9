//! Pages of lists by member id equal those of a sorted list, from any id, in any order of the
//! nodes, and with members that came after the base.

use std::sync::Arc;

use cloud_engine::{Base, Budget, Graph, GraphChange, MemberList, NodeIndex, NodeSet, Writer};
use cloud_model::{ConnectionTime, MemberId, Scn};
use proptest::prelude::*;

use crate::model::member;

const HUBS: [u64; 2] = [1, 2];

/// A graph with two hubs: the members of its base in their order, those that were added later, and
/// which of them the hubs are connected to.
#[derive(Clone, Debug)]
struct Hubs {
    base: Vec<u64>,
    added: Vec<u64>,
    of_one: Vec<bool>,
    of_other: Vec<bool>,
}

fn hubs() -> impl Strategy<Value = Hubs> {
    let ids = prop::collection::btree_set(3..3_000u64, 1..300);
    let all = ids.prop_flat_map(|ids| Just(Vec::from_iter(ids)).prop_shuffle());
    let density = || prop::sample::select(vec![0.02, 0.3, 1.0]);
    let parts = (all, 0..=4usize, 0..=4usize, density(), density());
    let hubs = parts.prop_flat_map(|(mut ids, sorted, added, one, other)| {
        // A share of the ids is ascending, as a loader numbers members, and a share is added.
        let ascending = ids.len() * sorted / 4;
        ids[..ascending].sort_unstable();
        let added = ids.split_off(ids.len() - ids.len() * added / 8);
        let count = ids.len() + added.len();
        let connected = |share| prop::collection::vec(prop::bool::weighted(share), count);
        (Just(ids), Just(added), connected(one), connected(other))
    });
    hubs.prop_map(|(base, added, of_one, of_other)| Hubs {
        base,
        added,
        of_one,
        of_other,
    })
}

impl Hubs {
    fn connected(&self, to: &[bool]) -> Vec<u64> {
        let ids = self.base.iter().chain(&self.added).zip(to);
        ids.filter(|(_, connected)| **connected)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Builds the base with the connections of its members, and adds the others as a change.
    fn graph(&self) -> Graph {
        let members: Vec<MemberId> = HUBS
            .iter()
            .chain(&self.base)
            .map(|&id| member(id))
            .collect();
        let time = ConnectionTime::UNKNOWN;
        let (mut edges, mut changes) = (Vec::new(), Vec::new());
        for (hub, to) in HUBS.iter().zip([&self.of_one, &self.of_other]) {
            for id in self.connected(to) {
                let (member, other) = (member(*hub), member(id));
                if self.base.contains(&id) {
                    edges.push((member, other, time));
                } else {
                    changes.push(GraphChange::ConnectionAdded {
                        member,
                        other,
                        time,
                        existing_only: false,
                    });
                }
            }
        }
        let base = Base::in_node_order(&members, &edges).expect("a graph");
        let mut writer = Writer::new(Arc::new(base), Scn::BEGINNING);
        writer.apply(Scn::new(1), &changes).expect("a window");
        writer.version().graph()
    }
}

fn check(
    graph: &Graph,
    list: &MemberList<'_>,
    mut expected: Vec<u64>,
    after: u64,
    limit: usize,
) -> Result<(), TestCaseError> {
    expected.sort_unstable();
    let total = list.total(&mut Budget::unlimited()).expect("unlimited");
    prop_assert_eq!(total, expected.len() as u64);
    expected.retain(|&id| id > after);
    let more = expected.len() > limit;
    expected.truncate(limit);
    let budget = &mut Budget::unlimited();
    let page = list.page(graph, (MemberId::new(after), limit), total, budget);
    let page = page.expect("unlimited");
    prop_assert_eq!((page.total, page.more), (total, more));
    prop_assert!(page.members.iter().map(|member| member.get()).eq(expected));
    Ok(())
}

proptest! {
    #[test]
    fn a_page_from_any_id_is_that_of_a_sorted_list(
        hubs in hubs(),
        places in prop::collection::vec((0..3_100u64, 1..40usize), 1..20),
    ) {
        let graph = hubs.graph();
        let [one, other] = HUBS.map(|hub| graph.node(member(hub)).expect("exists"));
        let (of_one, of_other) = (hubs.connected(&hubs.of_one), hubs.connected(&hubs.of_other));
        let both = of_one.iter().copied().filter(|id| of_other.contains(id));
        let both: Vec<u64> = both.collect();
        let nodes: Vec<u32> = graph.neighbours(one).map(NodeIndex::get).collect();
        let set = NodeSet::from_ascending(&nodes);
        for (after, limit) in places {
            let row = MemberList::connections(&graph, one);
            check(&graph, &row, of_one.clone(), after, limit)?;
            check(&graph, &MemberList::nodes(&set), of_one.clone(), after, limit)?;
            let shared = MemberList::shared(&graph, one, other);
            check(&graph, &shared, both.clone(), after, limit)?;
        }
    }
}

#[test]
fn a_page_costs_the_page_wherever_it_stands() {
    let base: Vec<u64> = (3..200_003).collect();
    let every = |step: usize| (0..base.len()).map(|place| place % step == 0).collect();
    let hubs = Hubs {
        of_one: every(2),
        of_other: every(3),
        added: Vec::new(),
        base: base.clone(),
    };
    let graph = hubs.graph();
    let [one, other] = HUBS.map(|hub| graph.node(member(hub)).expect("exists"));
    let lists = [
        (MemberList::connections(&graph, one), 1_001),
        (MemberList::shared(&graph, one, other), 6_000),
    ];
    for (list, edges_max) in lists {
        for after in [0, 100_000, 190_000] {
            let never = || false;
            let budget = &mut Budget::new(edges_max, &never);
            let page = list.page(&graph, (MemberId::new(after), 1_000), 0, budget);
            let page = page.expect("within the budget");
            assert_eq!((page.members.len(), page.more), (1_000, true));
        }
    }
}

#[test]
fn rows_are_the_same_until_they_change() {
    let hubs = Hubs {
        base: vec![3, 4, 5],
        added: vec![6],
        of_one: vec![true, true, false, true],
        of_other: vec![false, false, true, false],
    };
    let graph = hubs.graph();
    let node = |id| graph.node(member(id)).expect("exists");
    let before = |id| graph.has_same_row_at(node(id), Scn::BEGINNING);
    assert_eq!([1, 2, 3, 6].map(before), [false, true, true, false]);
    assert!(graph.has_same_row_at(node(1), graph.scn()));
    assert!(
        !graph.has_same_row_at(node(2), Scn::new(2)),
        "it is not known yet"
    );
}
