//! `loader build`: from a dump of members, positions and connections to a snapshot that a server starts from.
//!
//! ```text
//! connections.csv --blocks of lines--> parse on all cores --> partitions by source --> sort each --> graph.csr, times.bin
//! members.csv ----> rows sorted by member --+
//!                                           +--> profiles in node order --> profiles.bin, search/
//! positions.csv --> rows sorted by member --+
//! ```
//!
//! The same rows make the same snapshot, byte for byte, in whatever order they come: nodes are ranks of ascending member ids,
//! and of repeated connections the earliest known time is kept. (Positions without a `position_id` are numbered in row order,
//! so theirs counts.) Nothing is guessed: a row that cannot be right stops the build with file, line and reason.
//!
//! Memory: connections are held as 16 bytes a connection, or 32 when they have times (see `half_edge.rs`); people are sorted
//! on disk when they are many, and only pass through.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let connections = directory.path().join("connections.csv");
//! std::fs::write(&connections, "member_id,other_id\n3,1\n1,2\n2,1\n")?;
//! let summary = loader::build::build(&loader::build::Options {
//!     connections: vec![connections],
//!     out: directory.path().join("site"),
//!     ..Default::default()
//! })?;
//! assert_eq!((summary.manifest.members, summary.manifest.connections), (3, 2));
//! assert_eq!(summary.dropped.repeated_connections, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adjacency;
mod arguments;
mod block_reader;
mod column_map;
mod connections;
mod csv_rows;
mod distinct_ids;
mod dump_file;
mod error;
mod graph;
mod half_edge;
mod layout;
mod member_table;
mod options;
mod partitions;
mod people;
mod person_fields;
mod place;
mod plain_rows;
mod profiles;
mod progress;
mod raw_edges;
mod row_fault;
mod segment_name;
mod sorted_rows;
mod staging;
mod summary;
mod time_unit;

use std::fs;
use std::path::Path;

use cloud_engine::{
    GraphContent, LineageHasher, LineageId, Manifest, ManifestFile, NodeIndex, write_graph,
};
use cloud_search::{BASE_INDEX_NAME, BaseIndexWriter, PROFILES_NAME, ProfileFileWriter};

pub use arguments::Arguments;
pub use column_map::{ColumnMap, DumpKind, MapError};
pub use dump_file::RowFormat;
pub use error::Error;
pub use layout::HeaderFault;
pub use options::Options;
pub use progress::Stage;
pub use row_fault::RowFault;
pub use summary::{Degrees, Dropped, Summary};
pub use time_unit::TimeUnit;

use graph::{BuiltGraph, build_graph};
use options::Dump;
use people::People;
use profiles::{ProfileCounts, Profiles};
use progress::{Progress, Unit};
use segment_name::name_segment;
use staging::Staging;
use summary::peak_memory_bytes;

/// The graph has left the memory when the index is built.
const INDEX_MEMORY_BYTES: usize = 1 << 30;
/// Always as many, so that the index is put together alike on every machine.
const INDEX_THREADS: usize = 2;

/// Builds what the command line asks for and prints the summary.
pub fn run(arguments: Arguments) -> Result<(), Error> {
    let summary = build(&arguments.into())?;
    print!("{summary}");
    Ok(())
}

/// Builds a snapshot. It is there, whole and synced, when this returns `Ok`; otherwise there is none.
pub fn build(options: &Options) -> Result<Summary, Error> {
    let dump = options.open()?;
    let staging = Staging::create(&options.out, options.scn())?;
    let scratch = staging.create_scratch()?;
    let mut progress = Progress::new(options.shows_progress);
    let delimiter = options.format.delimiter;

    let mut people = read_people(&dump, delimiter, &scratch, &mut progress)?;
    let ids = people
        .as_mut()
        .map(|people| std::mem::take(&mut people.ids));
    let graph = build_graph(ids, &dump.connections, delimiter, &mut progress)?;
    let degrees = summary::Degrees::of(&graph.adjacency.offsets);
    let connections = graph.adjacency.targets.len() as u64 / 2;

    let (profiles, counts) = write_profiles(
        &graph.member_ids,
        people.as_ref(),
        staging.path(),
        &mut progress,
    )?;
    let (lineage_id, mut files, graph) =
        write_graph_and_seal(graph, profiles, staging.path(), &mut progress)?;
    files.extend(write_index(
        &graph.member_ids,
        people.as_ref(),
        staging.path(),
        &mut progress,
    )?);

    progress.begin("sync", 0, Unit::None);
    fs::remove_dir_all(&scratch).map_err(Error::file("remove", &scratch))?;
    let manifest = Manifest {
        lineage_id,
        scn: options.scn(),
        stands_at: options.manifest_stands_at(),
        sources: Vec::new(),
        members: graph.member_ids.len() as u64,
        connections,
        files,
    };
    manifest.write(staging.path())?;
    let snapshot = staging.publish()?;
    Ok(Summary {
        snapshot,
        manifest,
        connection_rows: graph.counts.rows,
        positions: counts.positions,
        dropped: Dropped {
            connections_with_themselves: graph.counts.with_themselves,
            repeated_connections: graph.adjacency.repeated,
            repeated_members: counts.repeated_members,
            repeated_positions: counts.repeated_positions,
        },
        degrees,
        stages: progress.finish(),
        peak_memory_bytes: peak_memory_bytes(),
        unused_columns: unused_columns(dump),
    })
}

/// `None` when the dump has no members files.
fn read_people(
    dump: &Dump,
    delimiter: u8,
    scratch: &Path,
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
    People::read(dump, delimiter, scratch, progress).map(Some)
}

/// Writes the profiles, whose header waits for the lineage.
fn write_profiles(
    member_ids: &[u64],
    people: Option<&People>,
    directory: &Path,
    progress: &mut Progress,
) -> Result<(ProfileFileWriter, ProfileCounts), Error> {
    progress.begin("write profiles", member_ids.len() as u64, Unit::Members);
    let mut writer = ProfileFileWriter::create(&directory.join(PROFILES_NAME))?;
    let mut profiles = Profiles::new(member_ids, people)?;
    while let Some(profile) = profiles.next()? {
        writer.push(&profile)?;
        progress.advance_one();
    }
    Ok((writer, profiles.counts))
}

/// Writes the graph and seals the profiles with the lineage of both. The graph's arrays are freed.
fn write_graph_and_seal(
    mut graph: BuiltGraph,
    profiles: ProfileFileWriter,
    directory: &Path,
    progress: &mut Progress,
) -> Result<(LineageId, Vec<ManifestFile>, BuiltGraph), Error> {
    progress.begin("write graph", 0, Unit::None);
    let content = GraphContent {
        member_ids: &graph.member_ids,
        nodes_by_id: &[],
        offsets: &graph.adjacency.offsets,
        targets: &graph.adjacency.targets,
        times: &graph.adjacency.times,
    };
    let mut hasher = LineageHasher::new();
    hasher.graph(&content);
    hasher.section("profiles", profiles.content_digest());
    let lineage_id = hasher.finish();
    let mut files = write_graph(directory, lineage_id, &content)?;
    files.push(profiles.finish(lineage_id)?);
    graph.adjacency.offsets = Vec::new();
    graph.adjacency.targets = Vec::new();
    graph.adjacency.times = Vec::new();
    Ok((lineage_id, files, graph))
}

fn write_index(
    member_ids: &[u64],
    people: Option<&People>,
    directory: &Path,
    progress: &mut Progress,
) -> Result<Vec<ManifestFile>, Error> {
    progress.begin("index profiles", member_ids.len() as u64, Unit::Members);
    let mut writer = BaseIndexWriter::create(
        &directory.join(BASE_INDEX_NAME),
        INDEX_MEMORY_BYTES,
        INDEX_THREADS,
    )?;
    let mut profiles = Profiles::new(member_ids, people)?;
    let mut nodes = (0..).map(NodeIndex::new);
    while let (Some(profile), Some(node)) = (profiles.next()?, nodes.next()) {
        writer.push(node, &profile)?;
        progress.advance_one();
    }
    name_segment(directory, writer.finish()?)
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
