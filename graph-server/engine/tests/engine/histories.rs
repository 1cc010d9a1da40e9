//! After any history, the graph equals the model at every SCN, and a view is exact wherever it
//! claims to hold.

use std::sync::Arc;

use cloud_engine::{Budget, Graph, GraphChange, Scratch, View, Writer};
use cloud_model::Scn;
use proptest::prelude::*;

use crate::{
    model::{Model, check_graph},
    shapes::{History, histories},
};

/// Applies a history. Returns the writer, and the model at each SCN that it published, including
/// the beginning.
pub(crate) fn replay(history: &History) -> (Writer, Vec<(Scn, Model)>) {
    let mut model = history.model.clone();
    let mut writer = Writer::new(Arc::new(model.base()), history.begins);
    let mut models = vec![(history.begins, model.clone())];
    for window in &history.windows {
        let before: Vec<u64> = model.0.keys().copied().collect();
        writer
            .apply(window.scn, &window.changes)
            .expect("SCNs ascend");
        window.changes.iter().for_each(|change| model.apply(change));
        let graph = writer.version().graph();
        assert_eq!(graph.scn(), window.scn);
        assert_eq!(graph.member_count(), model.0.len() as u64, "{before:?}");
        assert_eq!(graph.connection_count(), model.connection_count());
        models.push((window.scn, model.clone()));
    }
    (writer, models)
}

/// Returns the graph at each SCN from the first to the last, including SCNs between windows, with
/// its model.
fn graphs_of(writer: &Writer, models: &[(Scn, Model)]) -> Vec<(Graph, Model)> {
    let (first, last) = (models[0].0.get(), models[models.len() - 1].0.get());
    let at = |scn: u64| {
        let (_, model) = models
            .iter()
            .rfind(|(published, _)| published.get() <= scn)
            .expect("not below the first");
        (
            writer.version().graph_at(Scn::new(scn)).expect("published"),
            model.clone(),
        )
    };
    (first..=last).map(at).collect()
}

proptest! {
    #[test]
    fn the_graph_equals_the_model_at_every_scn(history in histories(14, 10)) {
        let (writer, models) = replay(&history);
        for (graph, model) in graphs_of(&writer, &models) {
            check_graph(&graph, &model, &history.known);
        }
        let (begins, published) = (writer.version().oldest(), writer.version().published());
        prop_assert!(
            writer
                .version()
                .graph_at(Scn::new(published.get() + 1))
                .is_none()
        );
        prop_assert!(
            begins.get() == 0
                || writer
                    .version()
                    .graph_at(Scn::new(begins.get() - 1))
                    .is_none()
        );
    }

    #[test]
    fn applying_a_window_twice_changes_nothing(history in histories(14, 8)) {
        let (mut writer, models) = replay(&history);
        if let (Some(window), Some((_, model))) = (history.windows.last(), models.last()) {
            // A change of existing members only depends on those that exist before it.
            let is_stated = |change: &&GraphChange| {
                !matches!(
                    change,
                    GraphChange::ConnectionAdded {
                        existing_only: true,
                        ..
                    }
                )
            };
            let again = Scn::new(window.scn.get() + 1);
            let stated: Vec<_> = window.changes.iter().filter(is_stated).copied().collect();
            if stated.len() == window.changes.len() {
                writer.apply(again, &stated).expect("SCNs ascend");
                check_graph(&writer.version().graph(), model, &history.known);
            }
        }
    }

    #[test]
    fn views_hold_where_they_say_so(history in histories(12, 8)) {
        let (writer, models) = replay(&history);
        let graphs = graphs_of(&writer, &models);
        let mut scratch = Scratch::new();
        let mut build = |graph: &Graph, viewer| {
            View::build(graph, viewer, &mut scratch, &mut Budget::unlimited()).expect("unlimited")
        };
        for (graph, _) in &graphs {
            for viewer in graph.nodes() {
                let view = build(graph, viewer);
                prop_assert!(view.holds_for(graph));
                for (other, _) in &graphs {
                    if view.holds_for(other) {
                        let fresh = build(other, viewer);
                        prop_assert_eq!(view.first(), fresh.first());
                        prop_assert_eq!(view.second(), fresh.second());
                    }
                }
            }
        }
    }
}
