//! Rewrites a graph in order of member ids as the same graph with its nodes near their neighbours.

use std::fs;
use std::path::Path;

use cloud_engine::{GraphArrays, GraphWriter, Manifest, StandsAt};
use cloud_model::{LineageId, Scn};

use crate::{
    job::error::Error,
    snapshot::{
        graph::{community_order::community_order, graph_files::BuiltGraph, renumber::Renumbering},
        memory::Memory,
    },
};

/// Renumbers a graph whose files are in `by_id`, in order of member ids, and writes the new files
/// into `directory`. Removes the folder `by_id`.
///
/// The old files are mapped, so the system may reclaim their pages. 16 bytes per node stay in
/// memory, and a batch of rows that fits the memory for sorting.
pub(crate) fn by_community(
    graph: BuiltGraph,
    by_id: &Path,
    directory: &Path,
    memory: &Memory,
) -> Result<BuiltGraph, Error> {
    // This manifest is used by this process alone: no part of it gets into the snapshot.
    let manifest = Manifest {
        members: graph.member_ids.len() as u64,
        connections: graph.connections,
        files: graph.unsealed.seal(LineageId::default())?,
        ..Manifest::new(LineageId::default(), Scn::BEGINNING, StandsAt::Beginning {})
    };
    let arrays = GraphArrays::open(by_id, &manifest)?;
    let nodes = arrays.node_count();
    let renumbering = Renumbering::new(community_order(nodes, |node| arrays.row(node)));
    let mut writer = GraphWriter::create(directory, nodes, graph.targets_max)?;
    writer.bypass_cache();
    let times = |node| {
        if graph.is_timed {
            arrays.times(node)
        } else {
            &[]
        }
    };
    renumbering.for_each_batch(
        memory.sort_bytes(),
        |node| arrays.row(node),
        times,
        |batch| {
            let times = graph.is_timed.then_some(batch.times.as_slice());
            writer.push(&batch.degrees, &batch.targets, times)
        },
    )?;
    drop(arrays);
    fs::remove_dir_all(by_id).map_err(Error::file("remove", by_id))?;
    let member_ids = renumbering.reordered(&graph.member_ids);
    let mut nodes_by_id = renumbering.into_new();
    if nodes_by_id.is_sorted() {
        nodes_by_id.clear();
    }
    Ok(BuiltGraph {
        unsealed: writer.finish(&member_ids, &nodes_by_id)?,
        member_ids,
        nodes_by_id,
        ..graph
    })
}
