//! `loader build`: builds a snapshot, from which a server starts, from a dump of members, positions
//! and connections.
//!
//! ```text
//! connections.csv --blocks of lines--> parse on all cores --> partitions by source
//!     --> sort each --> graph.csr, times.bin
//! members.csv ----> rows sorted by member --+
//!                                           +--> profiles in node order --> profiles.bin, search/
//! positions.csv --> rows sorted by member --+
//! ```
//!
//! A dump without members files has no profiles: its profiles and index are a few bytes, for any
//! number of members.
//!
//! The same rows make the same snapshot, byte for byte, in any order of the rows. Nodes are the
//! ranks of the ascending member ids, or have an order that depends on the graph alone
//! (`node_order.rs`). The earliest known time of repeated connections is kept. There is one
//! exception: positions without a `position_id` are numbered in row order, so their order matters.
//!
//! The loader does not guess. An invalid row stops the build with file, line and reason. With
//! `--on-error skip` the row is listed with them in `rejects.csv` beside the snapshot instead.
//!
//! Files may be compressed (gzip, zstd). Rows are CSV, or text written by PostgreSQL's `COPY`. In
//! files of connections, lines that begin with `#` are comments; in the other files they are rows.
//!
//! Memory: a connection takes 16 bytes, or 32 with times (see `half_edge.rs`). Connections and rows
//! of members and positions that do not fit the limit go to files in a scratch folder. `memory.rs`
//! describes how the limit is shared out. The graph's arrays and the profiles are never in memory
//! as a whole.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let connections = directory.path().join("connections.csv");
//! std::fs::write(&connections, "member_id,other_id\n3,1\n1,2\n2,1\n")?;
//! let summary = loader::build(&loader::Options {
//!     connections: vec![connections],
//!     out: directory.path().join("site"),
//!     ..Default::default()
//! })?;
//! assert_eq!((summary.manifest.members, summary.manifest.connections), (3, 2));
//! assert_eq!(summary.dropped.repeated_connections, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod arguments;
pub(crate) mod error;
pub(crate) mod options;
pub(crate) mod progress;
pub(crate) mod summary;

use std::fs;
use std::path::Path;

use cloud_engine::{LineageHasher, Manifest};
use cloud_search::NoProfiles;
use cloud_terminal::print;

use crate::{
    Arguments, Dropped, Error, NodeOrder, Options, REJECTS_NAME, Rejected, Summary,
    job::{
        options::Dump,
        progress::{Progress, Unit},
        summary::peak_memory_bytes,
    },
    snapshot::{
        graph::{
            graph_files::{Site, build_graph},
            renumbered_graph::by_community,
        },
        memory::Memory,
        people::{
            people_files::PeopleFiles, people_rows::People, profiles_by_node::ProfilesByNode,
        },
        rejects::Rejects,
        staging::Staging,
    },
};

/// Builds a snapshot as the command line says and prints the summary.
///
/// # Errors
/// When the arguments contradict each other, as [`build`], and if stdout cannot be written.
pub fn run(arguments: Arguments) -> Result<(), Error> {
    let summary = build(&arguments.try_into()?)?;
    print(summary).map_err(Error::Print)
}

/// Builds a snapshot. When this returns `Ok`, the snapshot is complete and fsynced.
///
/// # Errors
/// With the file and line of a bad row, or with the file that cannot be read or written. There is
/// no snapshot then.
pub fn build(options: &Options) -> Result<Summary, Error> {
    let dump = options.open()?;
    let staging = Staging::create(&options.out, options.scn())?;
    let scratch = staging.create_scratch()?;
    let rejects = Rejects::new(options.on_error, &scratch);
    let memory = Memory::new(options.memory);
    let mut progress = Progress::new(options.shows_progress);

    let sorter_bytes = options.memory.sorter_bytes();
    let mut people = read_people(
        &dump,
        &rejects,
        &scratch,
        sorter_bytes,
        &memory,
        &mut progress,
    )?;
    if let Some(people) = &people {
        memory.take(people.members.bytes() + people.positions.bytes());
    }
    let ids = people
        .as_mut()
        .map(|people| std::mem::take(&mut people.ids));
    let by_id = scratch.join("by-id");
    let directory = match options.order {
        NodeOrder::Id => staging.path(),
        NodeOrder::Community => {
            fs::create_dir(&by_id).map_err(Error::file("create", &by_id))?;
            &by_id
        }
    };
    let site = Site {
        directory,
        scratch: &scratch,
        memory: &memory,
        is_read_again: options.order == NodeOrder::Community,
    };
    let mut graph = build_graph(ids, &dump, &rejects, site, &mut progress)?;
    if options.order == NodeOrder::Community {
        progress.begin("order nodes", 0, Unit::None);
        graph = by_community(graph, &by_id, staging.path(), &memory)?;
    }

    let members = graph.member_ids.len() as u64;
    let people_files = match &people {
        None => PeopleFiles::Empty(NoProfiles::new(graph.member_ids.len() as u32)),
        Some(people) => {
            progress.begin("write profiles", members, Unit::Members);
            let by_node = ProfilesByNode::new(
                &graph.member_ids,
                &graph.nodes_by_id,
                people,
                &rejects,
                &scratch,
                sorter_bytes,
            )?;
            PeopleFiles::write(by_node, &rejects, staging.path(), &mut progress)?
        }
    };
    progress.begin("seal graph and profiles", 0, Unit::None);
    let mut lineage = LineageHasher::new();
    graph.unsealed.add_to(&mut lineage);
    lineage.section("profiles", people_files.content_digest());
    let lineage_id = lineage.finish();
    let graph_sections = graph.unsealed.graph_sections();
    let counts = people_files.counts();
    let mut files = graph.unsealed.seal(lineage_id)?;
    let index_bytes = options.memory.index_bytes();
    files.extend(people_files.finish(lineage_id, staging.path(), index_bytes, &mut progress)?);

    let rejected = write_rejects(rejects, &dump, &scratch, &staging, &mut progress)?;
    progress.begin("sync", 0, Unit::None);
    fs::remove_dir_all(&scratch).map_err(Error::file("remove", &scratch))?;
    let scn = options.scn();
    let manifest = Manifest {
        members,
        connections: graph.connections,
        files: files.into_iter().map(|file| file.at(scn)).collect(),
        ..Manifest::new(lineage_id, scn, options.manifest_stands_at())
    };
    manifest.write(staging.path())?;
    let snapshot = staging.publish()?;
    Ok(Summary {
        snapshot,
        manifest,
        graph_sections,
        connection_rows: graph.counts.rows,
        times: graph.counts.times,
        positions: counts.positions,
        dropped: Dropped {
            connections_with_themselves: graph.counts.with_themselves,
            members: graph.dropped_members,
            repeated_connections: graph.repeated,
            repeated_members: counts.repeated_members,
            repeated_positions: counts.repeated_positions,
        },
        rejected,
        degrees: graph.degrees.degrees(),
        components: graph.components,
        stages: progress.finish(),
        peak_memory_bytes: peak_memory_bytes(),
        unused_columns: unused_columns(dump),
    })
}

/// Reads the members and positions. Returns `None` if the dump has no members files.
fn read_people(
    dump: &Dump,
    rejects: &Rejects,
    scratch: &Path,
    sorter_bytes: usize,
    memory: &Memory,
    progress: &mut Progress,
) -> Result<Option<People>, Error> {
    if dump.members.is_empty() {
        return Ok(None);
    }
    let bytes = dump
        .members
        .iter()
        .chain(&dump.positions)
        .map(|file| file.bytes)
        .sum();
    progress.begin("read members and positions", bytes, Unit::Bytes);
    People::read(dump, rejects, scratch, sorter_bytes, memory, progress).map(Some)
}

/// Writes the list of rejected rows, if there are any, and moves it beside the snapshot-to-be.
fn write_rejects(
    mut rejects: Rejects,
    dump: &Dump,
    scratch: &Path,
    staging: &Staging,
    progress: &mut Progress,
) -> Result<Option<Rejected>, Error> {
    if !rejects.has_rows() {
        return Ok(None);
    }
    progress.begin("list rejected rows", 0, Unit::None);
    let list = scratch.join(REJECTS_NAME);
    let rows = rejects.write(dump, &list)?;
    staging.publish_rejects(&list)?;
    let list = staging.rejects_path();
    Ok(Some(Rejected { rows, list }))
}

fn unused_columns(dump: Dump) -> Vec<(std::path::PathBuf, Vec<String>)> {
    let files = dump
        .members
        .into_iter()
        .chain(dump.positions)
        .chain(dump.connections);
    files
        .filter(|file| !file.layout.unused.is_empty())
        .map(|file| (file.path, file.layout.unused))
        .collect()
}
