//! A question with the right answers, computed in the plain way from lists and sets of neighbours.

use std::collections::BTreeSet;

use cloud_engine::{Budget, Degree, Graph, NodeIndex, Scratch, View};
use cloud_model::MemberId;

use crate::{
    outcome::{Outcome, check_equal},
    questions::Question,
    rivals::{PAGE, Shared},
};

/// A viewer, a page of members, and one of them for questions about two members.
#[derive(Clone, Debug)]
pub struct Exam {
    /// The viewer and the page, with their degrees.
    pub question: Question,
    /// The one member.
    pub other: u64,
    /// The connections that the viewer and the member share.
    pub shared: Shared,
    /// The numbers of members at the viewer's 1st and 2nd degree.
    pub sizes: [u64; 2],
    /// The connections on a shortest path to the member, if they are at most three.
    hops: Option<usize>,
    graph: Graph,
}

impl Exam {
    /// Computes the answers of a question. Each number selects another kind of target as the one
    /// member.
    pub fn new(
        graph: &Graph,
        question: &Question,
        number: usize,
        scratch: &mut Scratch,
    ) -> Outcome<Self> {
        let target = question
            .targets
            .get(number % question.targets.len().max(1))
            .ok_or("a question without targets")?;
        let view = View::build(graph, question.viewer, scratch, &mut Budget::unlimited())?;
        let neighbours = |node| graph.neighbours(node).collect::<BTreeSet<NodeIndex>>();
        let mine = neighbours(question.viewer);
        let mut ids: Vec<u64> = neighbours(target.node)
            .intersection(&mine)
            .map(|&node| graph.member(node).get())
            .collect();
        ids.sort_unstable();
        let total = ids.len() as u64;
        ids.truncate(PAGE);
        let hops = match target.degree {
            Degree::Itself => Some(0),
            Degree::First => Some(1),
            Degree::Second => Some(2),
            Degree::Third => Some(3),
            Degree::OutOfNetwork => None,
        };
        Ok(Self {
            other: target.id,
            shared: Shared { total, page: ids },
            sizes: [view.first().len(), view.second().len()],
            hops,
            question: question.clone(),
            graph: graph.clone(),
        })
    }

    /// Checks a shortest path: both ends, the right length, and a connection at each step. Any
    /// shortest path is right.
    pub fn check_path(&self, what: impl Fn() -> String, path: &[u64]) -> Outcome<()> {
        let Some(hops) = self.hops else {
            return check_equal(what, 0, path.len());
        };
        let ends = (path.len(), path.first().copied(), path.last().copied());
        let right = (hops + 1, Some(self.question.viewer_id), Some(self.other));
        check_equal(&what, right, ends)?;
        let node = |id: u64| MemberId::new(id).and_then(|member| self.graph.node(member));
        for step in path.windows(2) {
            let [from, to] = [0, 1].map(|end| step.get(end).and_then(|&id| node(id)));
            let is_connected = from.zip(to).is_some_and(|(from, to)| {
                self.graph.neighbours(from).any(|neighbour| neighbour == to)
            });
            check_equal(
                || format!("{}: the step {step:?}", what()),
                true,
                is_connected,
            )?;
        }
        Ok(())
    }
}
