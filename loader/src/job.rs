//! `loader build`: builds a snapshot, from which a server starts, from a dump of members, positions
//! and connections, or from the tables of a core database.
//!
//! ```text
//! connections.csv --blocks of lines--> parse on all cores --> partitions by source
//!     --> sort each --> graph.csr, times.bin
//! members.csv ----> rows sorted by member --+
//!                                           +--> profiles in node order --> profiles.bin, search/
//! positions.csv --> rows sorted by member --+
//! ```
//!
//! The rows of a core database take the same way. They are read by several sessions under one
//! exported snapshot. Rows of several tables may make a profile, so they are merged as a server
//! merges changes. What belongs to a member that does not exist is dropped.
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
    Arguments, Dropped, Error, NodeOrder, Options, REJECTS_NAME, Rejected, Summary, WithoutMember,
    job::{
        options::Dump,
        progress::{Progress, Unit},
        summary::{KeptSlot, peak_memory_bytes},
    },
    snapshot::{
        database::core_database::CoreDatabase,
        graph::{
            connections::ConnectionSource,
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

/// Builds a snapshot, and makes the slot of a core database. When this returns `Ok`, the snapshot
/// is complete and fsynced.
///
/// # Errors
/// With the file and line of a bad row, or with the file that cannot be read or written. There is
/// no snapshot then.
pub fn build(options: &Options) -> Result<Summary, Error> {
    let Built {
        mut summary,
        database,
    } = build_snapshot(options)?;
    if let Some(database) = database {
        summary.slot = Some(kept_slot(&database));
        keep_slot(database, &summary.snapshot)?;
    }
    Ok(summary)
}

/// A snapshot that was built, and the core database that it was built from. The database's slot is
/// temporary yet.
pub(crate) struct Built {
    pub(crate) summary: Summary,
    pub(crate) database: Option<CoreDatabase>,
}

/// Builds a snapshot.
pub(crate) fn build_snapshot(options: &Options) -> Result<Built, Error> {
    let dump = options.open()?;
    let staging = Staging::create(&options.out, options.scn())?;
    let scratch = staging.create_scratch()?;
    let rejects = Rejects::new(options.on_error, &scratch);
    let memory = Memory::new(options.memory);
    let mut progress = Progress::new(options.shows_progress);

    let database = match &options.from_postgres {
        None => None,
        Some(of_database) => Some(CoreDatabase::open(
            of_database,
            options.on_error,
            &scratch,
            &mut progress,
        )?),
    };

    let sorter_bytes = options.memory.sorter_bytes();
    let mut people = match &database {
        None => read_people(
            &dump,
            &rejects,
            &scratch,
            sorter_bytes,
            &memory,
            &mut progress,
        )?,
        Some(database) => database.read_people(&scratch, sorter_bytes, &memory, &mut progress)?,
    };
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
    let connections = match &database {
        None => ConnectionSource::Dump(&dump, &rejects),
        Some(database) => ConnectionSource::Database(database),
    };
    let mut graph = build_graph(ids, connections, site, &mut progress)?;
    if options.order == NodeOrder::Community {
        progress.begin("order nodes", 0, Unit::None);
        graph = by_community(graph, &by_id, staging.path(), &memory)?;
    }

    if database.is_some() && graph.repeated > 0 {
        return Err(Error::RepeatedPairs(graph.repeated));
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
    let (counts, without_member) = people_files.counts();
    let mut files = graph.unsealed.seal(lineage_id)?;
    let index_bytes = options.memory.index_bytes();
    files.extend(people_files.finish(lineage_id, staging.path(), index_bytes, &mut progress)?);

    drop(people);
    let rejected = match &database {
        None => write_rejects(rejects, &dump, &scratch, &staging, &mut progress)?,
        Some(database) => publish_refused(database, &staging)?,
    };
    progress.begin("sync", 0, Unit::None);
    fs::remove_dir_all(&scratch).map_err(Error::file("remove", &scratch))?;
    let scn = options.scn();
    let manifest = Manifest {
        members,
        connections: graph.connections,
        files: files.into_iter().map(|file| file.at(scn)).collect(),
        sources: database.iter().map(|database| database.mark(scn)).collect(),
        mapping_digest: database
            .as_ref()
            .map(|database| database.mapping.digest.clone()),
        ..Manifest::new(lineage_id, scn, options.manifest_stands_at()?)
    };
    manifest.write(staging.path())?;
    let snapshot = staging.publish()?;
    let without_member = WithoutMember {
        connections: database
            .as_ref()
            .map_or(0, CoreDatabase::dropped_connections),
        ..without_member
    };
    let summary = Summary {
        snapshot,
        manifest,
        graph_sections,
        connection_rows: graph.counts.rows,
        times: graph.counts.times,
        positions: counts.positions,
        slot: None,
        dropped: Dropped {
            connections_with_themselves: graph.counts.with_themselves,
            members: graph.dropped_members,
            repeated_connections: graph.repeated,
            repeated_members: counts.repeated_members,
            repeated_positions: counts.repeated_positions,
            without_member,
        },
        rejected,
        degrees: graph.degrees.degrees(),
        components: graph.components,
        stages: progress.finish(),
        peak_memory_bytes: peak_memory_bytes(),
        unused_columns: unused_columns(dump),
    };
    Ok(Built { summary, database })
}

/// Reads the members and positions. Returns `None` if the dump has no members files.
fn read_people(
    dump: &Dump,
    rejects: &Rejects,
    scratch: &Path,
    sorter_bytes: usize,
    memory: &Memory,
    progress: &mut Progress,
) -> Result<Option<People<'static>>, Error> {
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

/// Moves the list of refused rows of a core database, if there are any, beside the snapshot-to-be.
fn publish_refused(database: &CoreDatabase, staging: &Staging) -> Result<Option<Rejected>, Error> {
    let Some((rows, list)) = database.refused.finish()? else {
        return Ok(None);
    };
    staging.publish_rejects(list)?;
    let list = staging.rejects_path();
    Ok(Some(Rejected { rows, list }))
}

/// Describes the permanent slot that a core database gets.
pub(crate) fn kept_slot(database: &CoreDatabase) -> KeptSlot {
    KeptSlot {
        name: database.slot().to_owned(),
        lsn: database.lsn(),
    }
}

/// Makes the permanent slot, now that the snapshot is durable. Without a slot, no capture could go
/// on from the snapshot: it is removed if the slot cannot be made.
fn keep_slot(database: CoreDatabase, snapshot: &Path) -> Result<(), Error> {
    if let Err(error) = database.keep_slot() {
        fs::remove_dir_all(snapshot).map_err(Error::file("remove", snapshot))?;
        return Err(error);
    }
    Ok(())
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
