//! From the connections of a dump to the arrays of the graph.

use std::sync::{Mutex, PoisonError};

use super::adjacency::{Adjacency, adjacency};
use super::connections::{ById, ByNode, ConnectionCounts, read_connections};
use super::distinct_ids::distinct_ids;
use super::dump_file::DumpFile;
use super::error::Error;
use super::half_edge::{HalfEdge, Timed, Untimed};
use super::member_table::{MEMBERS_MAX, MemberTable};
use super::partitions::{Partitions, Scatter};
use super::plain_rows::EdgeColumns;
use super::progress::{Progress, Unit};
use super::raw_edges::RawEdges;

/// The members and their connections.
#[derive(Debug)]
pub(crate) struct BuiltGraph {
    /// By node.
    pub(crate) member_ids: Vec<u64>,
    pub(crate) adjacency: Adjacency,
    pub(crate) counts: ConnectionCounts,
}

/// Bytes of the shortest rows that are usual: two ids of six digits. Only the number of partitions hangs on it.
const ROW_BYTES: u64 = 14;

/// `members`: ascending ids of all members; `None` when they are the ends of the connections.
pub(crate) fn build_graph(
    members: Option<Vec<u64>>,
    files: &[DumpFile],
    delimiter: u8,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    let bytes = files.iter().map(|file| file.bytes).sum();
    progress.begin("read connections", bytes, Unit::Bytes);
    let is_timed = files
        .iter()
        .any(|file| EdgeColumns::new(&file.layout, delimiter).timed());
    match (members, is_timed) {
        (Some(ids), true) => of_members::<Timed>(ids, files, delimiter, progress),
        (Some(ids), false) => of_members::<Untimed>(ids, files, delimiter, progress),
        (None, true) => of_ends::<Timed, true>(files, delimiter, progress),
        (None, false) => of_ends::<Untimed, false>(files, delimiter, progress),
    }
}

fn of_members<E: HalfEdge>(
    ids: Vec<u64>,
    files: &[DumpFile],
    delimiter: u8,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    let members = member_table(ids)?;
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let partitions = Partitions::<E>::new(members.len(), 2 * bytes / ROW_BYTES);
    let new_sink = || ByNode {
        members: &members,
        scatter: Scatter::new(&partitions),
    };
    let (sinks, counts) = read_connections(files, delimiter, progress, new_sink)?;
    drop(sinks);
    finish(members, partitions, counts, progress)
}

fn of_ends<E: HalfEdge, const TIMED: bool>(
    files: &[DumpFile],
    delimiter: u8,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    let (sinks, counts) = read_connections(files, delimiter, progress, ById::<TIMED>::default)?;
    let blocks: Vec<RawEdges> = sinks.into_iter().flat_map(ById::into_blocks).collect();
    progress.begin("number members", 0, Unit::None);
    let members = member_table(distinct_ids(&blocks))?;
    let half_edges = blocks.iter().map(|block| 2 * block.len() as u64).sum();
    let partitions = Partitions::<E>::new(members.len(), half_edges);
    scatter(&members, blocks, &partitions);
    finish(members, partitions, counts, progress)
}

fn member_table(ids: Vec<u64>) -> Result<MemberTable, Error> {
    if ids.len() > MEMBERS_MAX {
        return Err(Error::TooManyMembers {
            members: ids.len() as u64,
            limit: MEMBERS_MAX as u64,
        });
    }
    Ok(MemberTable::new(ids))
}

/// Frees each block when its connections are in their partitions.
fn scatter<E: HalfEdge>(members: &MemberTable, blocks: Vec<RawEdges>, partitions: &Partitions<E>) {
    let blocks = Mutex::new(blocks.into_iter());
    rayon::broadcast(|_| {
        let mut scatter = Scatter::new(partitions);
        let next = || blocks.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(block) = next() {
            for (member, other, time) in block.iter() {
                let (Some(member), Some(other)) = (members.rank(member), members.rank(other))
                else {
                    unreachable!("the members were collected from these connections");
                };
                scatter.connection(member, other, time);
            }
        }
    });
}

fn finish<E: HalfEdge>(
    members: MemberTable,
    partitions: Partitions<E>,
    counts: ConnectionCounts,
    progress: &mut Progress,
) -> Result<BuiltGraph, Error> {
    progress.begin("sort connections", 0, Unit::None);
    let adjacency = adjacency(members.len(), partitions);
    Ok(BuiltGraph {
        member_ids: members.into_ids(),
        adjacency,
        counts,
    })
}
