//! Reading ahead: a page's members, and a member's connections, lie anywhere in arrays of a gigabyte, so each look-up waits for
//! memory. Asked for together, before the first is needed, they come together.
//!
//! (Benches at 22 M members: "100 degrees on a warm view, in the engine", "view in the engine", "3rd-degree size".)
#![expect(
    unsafe_code,
    reason = "asking the processor for a cache line takes a pointer"
)]

use crate::budget::Stopped;
use crate::change::GraphChange;
use crate::graph::Graph;
use crate::ids::{MemberId, NodeIndex};
use crate::neighbours::Neighbours;
use crate::version::Version;

/// Rows that are asked for while one is visited; their bounds twice as far ahead.
const ROWS_AHEAD: usize = 8;
/// Of a row; what is behind, the processor sees coming.
const LINES_AHEAD: usize = 4;
pub(crate) const LINE_BYTES: usize = 64;

/// Asks the processor for the cache line of a number, and goes on at once. For one that is not there, nothing.
#[inline]
pub(crate) fn read_ahead<T>(numbers: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(number) = numbers.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults nowhere; the pointer is that of a number in the slice besides.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(number).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, index);
}

/// The same for the beginning of a slice.
#[inline]
pub(crate) fn read_ahead_slice<T>(numbers: &[T]) {
    let per_line = (LINE_BYTES / size_of::<T>().max(1)).max(1);
    for line in 0..LINES_AHEAD.min(numbers.len().div_ceil(per_line)) {
        read_ahead(numbers, line * per_line);
    }
}

/// Asks for the rows of a page of nodes.
pub(crate) fn read_rows_ahead(graph: &Graph, nodes: impl Iterator<Item = NodeIndex> + Clone) {
    nodes
        .clone()
        .for_each(|node| graph.version().read_bounds_ahead(node));
    nodes.for_each(|node| graph.version().read_row_ahead(node));
}

/// Asks for what applying these changes reads of the members that they name, one step of all after the other. (Bench: "connection
/// changes applied per second, windows of 1,000".)
pub(crate) fn read_changes_ahead(version: &Version, changes: &[GraphChange]) {
    if changes.len() == 1 {
        return;
    }
    let members: Vec<MemberId> = changes.iter().flat_map(GraphChange::members).collect();
    version.base.read_ids_ahead(&members);
    let nodes = members
        .iter()
        .filter_map(|&member| version.known_node(member));
    let nodes: Vec<NodeIndex> = nodes.collect();
    nodes.iter().for_each(|&node| {
        version.read_bounds_ahead(node);
        version.overlay.read_head_ahead(node);
    });
    nodes.iter().for_each(|&node| version.read_row_ahead(node));
}

/// Calls `visit` with the neighbours of each node, in order.
#[inline]
pub(crate) fn each_row<'a>(
    graph: &'a Graph,
    nodes: &[NodeIndex],
    mut visit: impl FnMut(Neighbours<'a>) -> Result<(), Stopped>,
) -> Result<(), Stopped> {
    let version = graph.version();
    for (number, &node) in nodes.iter().enumerate() {
        if let Some(&node) = nodes.get(number + 2 * ROWS_AHEAD) {
            version.read_bounds_ahead(node);
        }
        if let Some(&node) = nodes.get(number + ROWS_AHEAD) {
            version.read_row_ahead(node);
        }
        visit(graph.neighbours(node))?;
    }
    Ok(())
}
