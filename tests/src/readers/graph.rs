//! `graph.csr`: opens the file, and runs every query on it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cloud_engine::{
    Base, Budget, Csr, FileError, FileRole, Fold, GRAPH_NAME, Graph, GraphChange, LineageHasher,
    Manifest, ManifestFile, NodeIndex, Scratch, StandsAt, TIMES_NAME, View, Writer, degrees,
    network_sizes, shared_connections, shortest_path,
};
use cloud_model::{ConnectionTime, MemberId, Scn};

use super::scratch::{folder, named};
use super::{Mutated, Reader, end_of_section, field, seal};

pub(super) const READER: Reader = Reader {
    name: "graph",
    valid: || snapshot(GRAPH_NAME).1,
    reseal,
    read,
    mutated: Mutated::RefusedOrSame,
};

const HEADER_BYTES: usize = 128;

/// Returns a snapshot of a small graph with times, and the bytes of one of its files. It is written
/// once a thread.
pub(super) fn snapshot(name: &str) -> (Manifest, Vec<u8>) {
    thread_local! {
        static MANIFEST: Manifest = write();
    }
    let manifest = MANIFEST.with(Manifest::clone);
    let bytes = fs::read(folder("written").join(name)).expect("reads");
    (manifest, bytes)
}

fn write() -> Manifest {
    let member = |id: u64| MemberId::new(id).expect("not 0");
    // Each of 1 to 40 once, in an order other than by number, so that the file holds both orders.
    let numbers = (1..=40).map(|number| number * 17 % 41);
    let members: Vec<_> = numbers.map(|number| member(number * number)).collect();
    let edge = |one: usize, other: usize| {
        (
            members[one],
            members[other],
            ConnectionTime::from_millis((one * 1000 + other) as u64),
        )
    };
    let ring = (0..30).map(|node| edge(node, (node + 1) % 30));
    let star = (2..25).map(|node| edge(0, node));
    let edges: Vec<_> = ring.chain(star).collect();
    let csr = Csr::in_node_order(&members, &edges).expect("a graph");
    let mut lineage = LineageHasher::new();
    lineage.graph(&csr.content());
    let lineage_id = lineage.finish();
    let base = Base::from_content(lineage_id, &csr.content()).expect("a graph");
    // The graph is folded, so that there are nodes without a member.
    let mut writer = Writer::new(Arc::new(base), Scn::BEGINNING);
    let changes = [
        GraphChange::MemberRemoved(members[7]),
        GraphChange::MemberRemoved(members[35]),
        GraphChange::MemberAdded(member(5_000)),
    ];
    writer.apply(Scn::new(1), &changes).expect("ascends");
    let mut fold = Fold::create(writer.begin_fold(), &folder("written")).expect("creates");
    while fold.step().expect("writes") {}
    let folded = fold.finish().expect("writes");
    Manifest {
        members: folded.members,
        connections: folded.connections,
        files: folded.files,
        ..Manifest::new(lineage_id, Scn::BEGINNING, StandsAt::Beginning {})
    }
}

fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let number = |at| field(&bytes, at).map(u64::from_le_bytes).unwrap_or(0);
    let short = |at| field(&bytes, at).map(u32::from_le_bytes).unwrap_or(0);
    let (nodes, targets, width, order) = (number(32), number(40), short(12), short(48));
    let sections = [
        (nodes.saturating_add(1), u64::from(width)),
        (targets, 4),
        (nodes, 8),
        (if order == 0 { 0 } else { nodes }, 4),
        (number(72), 4),
    ];
    let mut start = HEADER_BYTES;
    for (place, (count, width)) in sections.into_iter().enumerate() {
        let Some(end) = end_of_section(start, count, width) else {
            break;
        };
        seal(&mut bytes, start..end, 52 + place * 4);
        start = end;
    }
    seal(&mut bytes, 0..124, 124);
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let (mut manifest, times) = snapshot(TIMES_NAME);
    let folder = folder("graph");
    fs::write(folder.join(TIMES_NAME), times).expect("writes");
    let path = folder.join(GRAPH_NAME);
    replace(&path, &mut manifest, bytes);
    // A graph of another size is refused because of the times beside it.
    let error = |error: FileError| {
        let times_name =
            matches!(&error, FileError::WrongLength { path, .. } if path.ends_with(TIMES_NAME));
        named(error, if times_name { &folder } else { &path })
    };
    let base = Base::open(&folder, &manifest).map_err(error)?;
    ask(&Writer::new(Arc::new(base), manifest.scn).version().graph())
        .map_err(|error| named(error, &folder))
}

/// Writes the file, and puts its entry in the manifest.
pub(super) fn replace(path: &Path, manifest: &mut Manifest, bytes: &[u8]) {
    fs::write(path, bytes).expect("writes");
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    manifest.files.retain(|file| file.name != name);
    manifest.files.push(ManifestFile::new(
        FileRole::Other,
        name.to_owned(),
        bytes.len() as u64,
        crc32c::crc32c(bytes),
    ));
}

/// Reads all nodes, and runs a few queries for a few viewers.
pub(super) fn ask(graph: &Graph) -> Result<String, FileError> {
    let mut told = format!(
        "{} members, {} connections\n",
        graph.member_count(),
        graph.connection_count()
    );
    let nodes: Vec<_> = graph.nodes().collect();
    for &node in &nodes {
        told += &format!("{} {:?}\n", graph.member(node), graph.connections(node)?);
    }
    told += &policy(graph);
    let (mut scratch, mut budget) = (Scratch::new(), Budget::unlimited());
    let asked = nodes.iter().take(3).copied();
    for viewer in asked.chain(nodes.last().copied()) {
        let view = View::build(graph, viewer, &mut scratch, &mut budget).expect("no limit");
        let page = degrees(&mut view.whole(graph), &nodes, &mut budget).expect("no limit");
        let sizes = network_sizes(graph, &view, true, &mut scratch, &mut budget).expect("no limit");
        told += &format!("{page:?} {sizes:?}\n");
        for &node in nodes.iter().take(10) {
            let path = shortest_path(&mut view.whole(graph), node, &mut budget).expect("no limit");
            let shared = shared_connections(graph, viewer, node, &mut budget).expect("no limit");
            told += &format!("{path:?} {shared:?}\n");
        }
    }
    Ok(told)
}

/// Reads who may not see whom, of all nodes, existing or not.
pub(super) fn policy(graph: &Graph) -> String {
    let nodes = (0..graph.node_bound()).map(NodeIndex::new);
    let facts = nodes.map(|node| {
        format!(
            "{} {:?} {:?} {} {}\n",
            graph.member(node),
            graph.blocks(node),
            graph.restrictions(node),
            graph.is_restricted(node),
            graph.has_closed_list(node)
        )
    });
    facts.collect()
}
