//! Builds the graph's files from the connections of a dump or a core database.
//!
//! The rows come out of the partitions in id order and are never all in memory: they are pushed
//! into a [`GraphWriter`]. A later stage that needs the whole graph takes it from
//! [`BuiltGraph::unsealed`]. After sealing, [`Base::open`](cloud_engine::Base::open) can map
//! `graph.csr` and `times.bin` in `directory`, in id order. To write the rows in another order, the
//! stage uses a `GraphWriter` of its own in another directory.

use std::path::Path;

use cloud_engine::{GraphWriter, UnsealedGraph};

use crate::{
    job::{
        error::Error,
        progress::{Progress, Unit},
        summary::{DegreeCounts, DroppedMembers},
    },
    snapshot::{
        graph::{
            components::{ComponentFinder, Components},
            connections::{ById, ByNode, ConnectionCounts, ConnectionSource, LoneMembers},
            graph_rows::for_each_rows,
            member_table::{MEMBERS_MAX, MemberTable},
        },
        memory::Memory,
        sort::{
            distinct_ids::distinct_ids,
            half_edge::{HalfEdge, Timed, Untimed},
            partitions::{Partitions, Scatter},
            raw_edges::RawBlocks,
        },
    },
};

/// The members and their connections.
pub(crate) struct BuiltGraph {
    /// The member id of each node.
    pub(crate) member_ids: Vec<u64>,
    /// The nodes in ascending order of member ids. Empty if the nodes are in that order themselves.
    pub(crate) nodes_by_id: Vec<u32>,
    /// True if the dump has times.
    pub(crate) is_timed: bool,
    /// The largest number of targets that was possible. It decides how wide the offsets are.
    pub(crate) targets_max: u64,
    /// The files, which are sealed when the lineage is known.
    pub(crate) unsealed: UnsealedGraph,
    /// The number of connections in the files.
    pub(crate) connections: u64,
    pub(crate) degrees: DegreeCounts,
    pub(crate) components: Components,
    /// The number of surplus rows: those that repeat a connection, in either direction.
    pub(crate) repeated: u64,
    /// The members who had only connections with themselves: there are no such members.
    pub(crate) dropped_members: DroppedMembers,
    pub(crate) counts: ConnectionCounts,
}

/// The folders and the memory with which a graph is built.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    /// The folder of the graph's files.
    pub(crate) directory: &'a Path,
    /// The folder for data that does not fit the memory.
    pub(crate) scratch: &'a Path,
    pub(crate) memory: &'a Memory,
    /// True if this process reads the graph's files again.
    pub(crate) is_read_again: bool,
}

/// The number of connections whose members are looked up together, so that one look-up does not
/// wait for the memory access of another.
const LOOKED_UP: usize = 256;

/// Builds the graph's files. `members` holds the ids of all members, ascending; if it is `None`,
/// the members are the ends of the connections.
pub(crate) fn build_graph(
    members: Option<Vec<u64>>,
    source: ConnectionSource<'_>,
    site: Site<'_>,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    progress.begin("read connections", source.bytes(), Unit::Bytes);
    match (members, source.is_timed()) {
        (Some(ids), true) => of_members::<Timed>(ids, source, site, progress),
        (Some(ids), false) => of_members::<Untimed>(ids, source, site, progress),
        (None, true) => of_ends::<Timed, true>(source, site, progress),
        (None, false) => of_ends::<Untimed, false>(source, site, progress),
    }
}

fn of_members<E: HalfEdge>(
    ids: Vec<u64>,
    source: ConnectionSource<'_>,
    site: Site<'_>,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    let members = member_table(ids, site.memory)?;
    let half_edges = 2 * source.rows();
    let partitions = Partitions::<E>::new(members.len(), half_edges, site.scratch, site.memory)?;
    let new_sink = || ByNode {
        members: &members,
        scatter: Scatter::new(&partitions),
    };
    let (sinks, counts) = source.read(progress, new_sink)?;
    for mut sink in sinks {
        sink.scatter.outcome()?;
    }
    write(members, partitions, counts, site, progress)
}

fn of_ends<E: HalfEdge, const TIMED: bool>(
    source: ConnectionSource<'_>,
    site: Site<'_>,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    let blocks = RawBlocks::new(site.scratch, site.memory)?;
    let new_sink = || ById::<TIMED>::new(&blocks);
    let (sinks, counts) = source.read(progress, new_sink)?;
    let finished: Vec<_> = sinks
        .into_iter()
        .map(ById::finish)
        .collect::<Result<_, _>>()?;
    let (ends, lone): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
    let lone = lone.into_iter().reduce(LoneMembers::join);
    let ends = ends.into_iter().flatten().reduce(|one, other| {
        let ((low, high), (other_low, other_high)) = (one, other);
        (low.min(other_low), high.max(other_high))
    });
    progress.begin("number members", 0, Unit::None);
    let members = member_table(distinct_ids(&blocks, ends, site.memory)?, site.memory)?;
    let half_edges = 2 * blocks.len();
    let partitions = Partitions::<E>::new(members.len(), half_edges, site.scratch, site.memory)?;
    scatter(&members, blocks, &partitions)?;
    let dropped_members = lone.map(|lone| lone.count_unknown(&members));
    let graph = write(members, partitions, counts, site, progress)?;
    Ok(BuiltGraph {
        dropped_members: dropped_members.unwrap_or_default(),
        ..graph
    })
}

fn member_table(ids: Vec<u64>, memory: &Memory) -> Result<MemberTable, Error> {
    if ids.len() > MEMBERS_MAX {
        return Err(Error::TooManyMembers {
            members: ids.len() as u64,
            limit: MEMBERS_MAX as u64,
        });
    }
    memory.take_for_members(ids.len())?;
    Ok(MemberTable::new(ids))
}

/// Moves all connections into their partitions, and frees each block when its connections are
/// there.
fn scatter<E: HalfEdge>(
    members: &MemberTable,
    blocks: RawBlocks<'_>,
    partitions: &Partitions<'_, E>,
) -> Result<(), Error> {
    let new_state = || (Scatter::new(partitions), Vec::new());
    blocks.drain(new_state, |(scatter, ranks), block| {
        let mut times = block.times();
        for ends in block.ends().chunks(LOOKED_UP) {
            members.ranks(ends, ranks);
            for (ends, time) in ranks.iter().zip(&mut times) {
                let [Some(member), Some(other)] = *ends else {
                    unreachable!("the members were collected from these connections");
                };
                scatter.connection(member, other, time);
            }
        }
        scatter.outcome()
    })
}

/// Sorts the rows and writes them.
fn write<E: HalfEdge>(
    members: MemberTable,
    partitions: Partitions<'_, E>,
    counts: ConnectionCounts,
    site: Site<'_>,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    progress.begin(
        "sort and write connections",
        members.len() as u64,
        Unit::Members,
    );
    let half_edges_max = 2 * (counts.rows - counts.with_themselves);
    let nodes = members.len() as u32;
    let mut writer = GraphWriter::create(site.directory, nodes, half_edges_max)?;
    if !site.is_read_again {
        // Bench: "connections -> graph snapshot" takes a fifth longer without this call.
        writer.bypass_cache();
    }
    let mut degrees = DegreeCounts::default();
    let mut components = ComponentFinder::new(nodes);
    let mut targets = 0;
    let repeated = for_each_rows(members.len(), partitions, site.memory, |rows| {
        let times = E::TIMED.then_some(rows.times.as_slice());
        writer.push(&rows.degrees, &rows.targets, times)?;
        degrees.add(&rows.degrees);
        components.add(&rows.degrees, &rows.targets);
        targets += rows.targets.len() as u64;
        progress.advance(rows.degrees.len() as u64);
        Ok(())
    })?;
    let member_ids = members.into_ids();
    Ok(BuiltGraph {
        unsealed: writer.finish(&member_ids, &[])?,
        member_ids,
        nodes_by_id: Vec::new(),
        is_timed: E::TIMED,
        targets_max: half_edges_max,
        connections: targets / 2,
        degrees,
        components: components.finish(),
        repeated,
        dropped_members: DroppedMembers::default(),
        counts,
    })
}
