//! Single facts about changes. The names of the tests state them.

use std::sync::Arc;

use cloud_engine::{
    ApplyError, Base, Budget, Created, Graph, GraphChange, NodeIndex, Scratch, View, Writer,
};
use cloud_model::{ConnectionTime, LineageId, Scn};

use crate::model::member;

fn connect(one: u64, other: u64) -> GraphChange {
    GraphChange::ConnectionAdded {
        existing_only: false,
        member: member(one),
        other: member(other),
        time: ConnectionTime::UNKNOWN,
    }
}

fn disconnect(one: u64, other: u64) -> GraphChange {
    GraphChange::ConnectionRemoved {
        member: member(one),
        other: member(other),
    }
}

fn removed(id: u64) -> GraphChange {
    GraphChange::MemberRemoved(member(id))
}

/// Builds a row of members 1 to 9: 1-2-3-...-9.
fn row() -> Writer {
    let members: Vec<_> = (1..=9).map(member).collect();
    let edges: Vec<_> = (1..9)
        .map(|id| (member(id), member(id + 1), ConnectionTime::UNKNOWN))
        .collect();
    Writer::new(
        Arc::new(Base::from_edges(&members, &edges).expect("a graph")),
        Scn::new(10),
    )
}

fn connections(graph: &Graph, id: u64) -> Vec<u64> {
    let node = graph.known_node(member(id)).expect("known");
    graph
        .neighbours(node)
        .map(|node| graph.member(node).get())
        .collect()
}

#[test]
fn the_last_change_of_a_pair_in_a_window_wins() {
    let mut writer = row();
    writer
        .apply(
            Scn::new(11),
            &[connect(1, 5), disconnect(1, 5), connect(1, 5)],
        )
        .expect("applies");
    writer
        .apply(
            Scn::new(12),
            &[disconnect(1, 5), connect(1, 5), disconnect(5, 1)],
        )
        .expect("applies");
    let version = writer.version();
    assert_eq!(
        connections(&version.graph_at(Scn::new(11)).expect("kept"), 1),
        [2, 5]
    );
    assert_eq!(connections(&version.graph(), 1), [2]);
}

#[test]
fn a_removed_member_comes_back_to_the_old_node_without_connections() {
    let mut writer = row();
    let node = writer.version().graph().node(member(5)).expect("exists");
    let applied = writer.apply(Scn::new(11), &[removed(5)]).expect("applies");
    assert_eq!(applied.removed, [(member(5), node)]);
    assert_eq!(writer.version().graph().node(member(5)), None);
    assert_eq!(connections(&writer.version().graph(), 4), [3]);
    let applied = writer
        .apply(
            Scn::new(12),
            &[GraphChange::MemberAdded(member(5)), connect(5, 9)],
        )
        .expect("applies");
    assert_eq!(
        applied.created,
        [Created {
            member: member(5),
            node,
            by_connection: false
        }]
    );
    assert_eq!(connections(&writer.version().graph(), 5), [9]);
    assert_eq!(
        connections(&writer.version().graph_at(Scn::new(10)).expect("kept"), 5),
        [4, 6]
    );
}

#[test]
fn a_connection_creates_members_that_are_not_there() {
    let mut writer = row();
    let applied = writer
        .apply(
            Scn::new(11),
            &[removed(9), connect(100, 9), connect(100, 100)],
        )
        .expect("applies");
    let nodes: Vec<_> = applied
        .created
        .iter()
        .map(|created| (created.node, created.by_connection))
        .collect();
    assert_eq!(
        nodes,
        [(NodeIndex::new(9), true), (NodeIndex::new(8), true)]
    );
    assert_eq!(applied.ignored, 1);
    let graph = writer.version().graph();
    assert_eq!(connections(&graph, 100), [9]);
    assert_eq!((graph.member_count(), graph.connection_count()), (10, 8));
    assert_eq!(writer.version().stats().members_created_by_connections, 2);
    assert!(
        !writer
            .version()
            .graph_at(Scn::new(10))
            .expect("kept")
            .exists(NodeIndex::new(9))
    );
}

#[test]
fn what_is_true_already_takes_no_memory() {
    let mut writer = row();
    let nothing_new = [
        disconnect(1, 9),
        disconnect(1, 1_000),
        removed(1_000),
        GraphChange::MemberAdded(member(3)),
    ];
    let applied = writer.apply(Scn::new(11), &nothing_new).expect("applies");
    assert_eq!(applied, cloud_engine::Applied::default());
    assert_eq!(writer.version().stats().entries, 0);
    writer
        .apply(Scn::new(12), &[connect(1, 9), connect(9, 1)])
        .expect("applies");
    assert_eq!(writer.version().stats().entries, 2);
}

#[test]
fn a_window_at_or_below_the_published_scn_is_refused() {
    let mut writer = row();
    writer.publish(Scn::new(20)).expect("ascends");
    for scn in [0, 10, 19, 20].map(Scn::new) {
        let refused = ApplyError::NotAbove {
            scn,
            published: Scn::new(20),
        };
        assert_eq!(writer.apply(scn, &[connect(1, 9)]), Err(refused));
        assert_eq!(writer.publish(scn), Err(refused));
    }
    assert_eq!(connections(&writer.version().graph(), 1), [2]);
}

#[test]
fn views_outlive_changes_elsewhere() {
    let mut writer = row();
    let before = writer.version().graph();
    let node = |id| before.node(member(id)).expect("exists");
    let view = View::build(
        &before,
        node(1),
        &mut Scratch::new(),
        &mut Budget::unlimited(),
    )
    .expect("unlimited");
    writer.publish(Scn::new(11)).expect("ascends");
    assert!(view.holds_for(&writer.version().graph()), "nothing changed");
    writer
        .apply(Scn::new(12), &[connect(3, 9), disconnect(4, 5)])
        .expect("applies");
    assert!(
        view.holds_for(&writer.version().graph()),
        "member 3 stands at 2nd degree: its connections are not the view's"
    );
    writer
        .apply(Scn::new(13), &[connect(2, 9)])
        .expect("applies");
    assert!(
        !view.holds_for(&writer.version().graph()),
        "member 2 stands at 1st degree"
    );
    let after = writer.version().graph();
    let later = View::build(
        &after,
        node(1),
        &mut Scratch::new(),
        &mut Budget::unlimited(),
    )
    .expect("unlimited");
    assert!(!later.holds_for(&before));
    assert!(view.holds_for(&writer.version().graph_at(Scn::new(12)).expect("kept")));
    writer
        .apply(Scn::new(14), &[connect(8, 6)])
        .expect("applies");
    assert!(later.holds_for(&writer.version().graph()) && later.holds_for(&after));
}

#[test]
fn an_empty_base_grows_from_the_log() {
    let mut writer = Writer::new(Arc::new(Base::empty(LineageId::new(1))), Scn::BEGINNING);
    assert_eq!(writer.version().graph().node(member(1)), None);
    writer
        .apply(Scn::new(3), &[connect(7, 1), connect(7, 2)])
        .expect("applies");
    assert_eq!(connections(&writer.version().graph(), 7), [1, 2]);
}

#[test]
fn a_hub_that_changes_all_day_is_searched_from_the_other_side() {
    let mut writer = Writer::new(Arc::new(Base::empty(LineageId::new(1))), Scn::BEGINNING);
    for scn in 1..=100_000 {
        writer
            .apply(Scn::new(scn), &[connect(1, scn + 1)])
            .expect("applies");
    }
    let graph = writer.version().graph();
    assert_eq!(graph.degree_of_node(NodeIndex::new(0)), 100_000);
    let half = writer.version().graph_at(Scn::new(50_000)).expect("kept");
    assert_eq!(half.degree_of_node(NodeIndex::new(0)), 50_000);
    assert_eq!(half.node_bound(), 50_001);
    assert_eq!(half.node(member(60_000)), None);
    assert!(graph.connected(NodeIndex::new(0), NodeIndex::new(70_000)));
}
