//! "How large is my network?"

use crate::{
    graph::Graph,
    questions::{
        budget::{Budget, Stopped},
        third::gather_third,
        view::View,
    },
    sets::scratch::Scratch,
};

/// The number of members at each degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// At 1st degree.
    pub first: u64,
    /// At 2nd degree.
    pub second: u64,
    /// At 3rd degree, when it was requested.
    pub third: Option<u64>,
}

/// Returns the sizes of a view, which must hold for the graph. The view has the counts of 1st and
/// 2nd degree. Counting the 3rd visits every edge of the members at 2nd degree.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn network_sizes(
    graph: &Graph,
    view: &View,
    third: bool,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<Sizes, Stopped> {
    debug_assert!(view.holds_for(graph));
    let third = if third {
        gather_third(graph, view, scratch, budget)?;
        Some(scratch.drain_count())
    } else {
        None
    };
    Ok(Sizes {
        first: view.first().len(),
        second: view.second().len(),
        third,
    })
}
