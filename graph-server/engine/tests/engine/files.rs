//! A snapshot reads back as it was written. Damaged files, files of another snapshot, and files of
//! a newer version are rejected by name.

use std::{
    fs,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use cloud_engine::{
    Base, Csr, FileError, LineageHasher, Manifest, NodeIndex, ResidentCopy, SourceOffset, StandsAt,
    Writer, newest_snapshots, snapshot_name, write_graph,
};
use cloud_model::{LineageId, LogId, Scn, SourceMark};
use proptest::prelude::*;

use crate::{
    folding::folded,
    model::{Model, check_graph, member},
    overlays::damage,
    shapes::graphs,
};

/// Writes a snapshot of a graph into a directory of its own.
fn snapshot(model: &Model) -> (tempfile::TempDir, Manifest) {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = write(directory.path(), &model.csr());
    (directory, manifest)
}

fn write(directory: &Path, csr: &Csr) -> Manifest {
    let mut lineage = LineageHasher::new();
    lineage.graph(&csr.content());
    let lineage_id = lineage.finish();
    let manifest = Manifest {
        sources: vec![SourceMark {
            source_id: "core".to_owned(),
            offset: 7,
            scn: Scn::new(3),
        }],
        members: csr.member_ids.len() as u64,
        connections: csr.targets.len() as u64 / 2,
        files: write_graph(directory, lineage_id, &csr.content()).expect("writes"),
        ..Manifest::new(
            lineage_id,
            Scn::BEGINNING,
            StandsAt::AtSourceOffsets {
                offsets: vec![SourceOffset {
                    source_id: "core".to_owned(),
                    offset: u64::MAX,
                }],
            },
        )
    };
    manifest.write(directory).expect("writes");
    manifest
}

/// Opens a snapshot and reads all of it.
fn read_all(directory: &Path) -> Result<(), FileError> {
    let manifest = Manifest::read(directory)?;
    let base = Base::open(directory, &manifest)?;
    let graph = Writer::new(Arc::new(base), manifest.scn).version().graph();
    for node in graph.nodes() {
        graph.connections(node)?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_snapshot_reads_back(model in graphs(20)) {
        let (directory, manifest) = snapshot(&model);
        prop_assert_eq!(&Manifest::read(directory.path()).expect("reads"), &manifest);
        let base = Base::open(directory.path(), &manifest).expect("opens");
        prop_assert_eq!(base.lineage(), manifest.lineage_id);
        let known: Vec<u64> = model.0.keys().copied().chain([12_345]).collect();
        let mut writer = Writer::new(Arc::new(base), Scn::BEGINNING);
        check_graph(&writer.version().graph(), &model, &known);
        let copy = ResidentCopy::begin(writer.version().base()).expect("memory");
        let mut copy = copy.expect("mapped");
        while copy.step() {}
        let (copied, all) = copy.progress();
        prop_assert_eq!(copied, all);
        let copied = writer.move_to(Arc::new(copy.finish().expect("the same bytes")));
        drop(copied);
        check_graph(&writer.version().graph(), &model, &known);
        for file in &manifest.files {
            let bytes = fs::read(directory.path().join(&file.name)).expect("reads");
            prop_assert_eq!(
                (file.bytes, file.crc32c),
                (bytes.len() as u64, crc32c::crc32c(&bytes))
            );
        }
    }

    #[test]
    fn damage_is_refused_by_name(
        model in graphs(20),
        file in 0..3usize,
        place in any::<prop::sample::Index>(),
        bit in 0..8u32,
        cut in any::<bool>(),
    ) {
        let (directory, _) = snapshot(&model);
        let path = directory.path().join(["graph.csr", "times.bin", "manifest.json"][file]);
        damage(&path, place, bit, cut);
        let error = read_all(directory.path()).expect_err("damaged");
        prop_assert!(error.to_string().starts_with(path.to_str().expect("UTF-8")), "{}", error);
    }

    #[test]
    fn bytes_that_change_under_the_map_are_not_copied(
        model in graphs(20),
        place in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let (directory, manifest) = snapshot(&model);
        let base = Arc::new(Base::open(directory.path(), &manifest).expect("opens"));
        let path = directory.path().join("graph.csr");
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).expect("opens");
        let place = place.index(file.metadata().expect("a length").len() as usize) as u64;
        let mut byte = [0];
        file.read_exact_at(&mut byte, place).expect("reads");
        file.write_all_at(&[byte[0] ^ 1 << bit], place).expect("writes");
        let copy = ResidentCopy::begin(&base).expect("memory").expect("mapped");
        let refused = copy.finish().expect_err("changed").to_string();
        prop_assert!(refused.starts_with(path.to_str().expect("UTF-8")), "{}", refused);
    }

    #[test]
    fn any_bytes_are_refused_without_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        file in 0..3usize,
    ) {
        let (directory, _) = snapshot(&Model::default());
        fs::write(
            directory
                .path()
                .join(["graph.csr", "times.bin", "manifest.json"][file]),
            bytes,
        )
        .expect("writes");
        prop_assert!(read_all(directory.path()).is_err());
    }
}

/// The length of the header of `graph.csr`.
const HEADER_BYTES: usize = 128;

/// Builds a graph whose times take several blocks: a ring of 30,000 members.
fn ring() -> Csr {
    let members: Vec<_> = (1..=30_000).map(member).collect();
    let edge = |id: u64| {
        (
            member(id),
            member(id % 30_000 + 1),
            cloud_model::ConnectionTime::from_millis(id),
        )
    };
    Csr::from_edges(&members, &(1..=30_000).map(edge).collect::<Vec<_>>()).expect("a graph")
}

#[test]
fn a_rotten_block_of_times_is_found_when_it_is_read_and_not_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = write(directory.path(), &ring());
    let path = directory.path().join("times.bin");
    let mut bytes = fs::read(&path).expect("reads");
    let in_third_block = 64 + 2 * 65_536 + 1_000;
    bytes[in_third_block] ^= 4;
    fs::write(&path, bytes).expect("writes");
    let base = Base::open(directory.path(), &manifest).expect("the graph is sound");
    let graph = Writer::new(Arc::new(base), Scn::BEGINNING)
        .version()
        .graph();
    assert_eq!(
        graph
            .connections(NodeIndex::new(0))
            .expect("another block")
            .len(),
        2
    );
    let error = graph
        .connections(NodeIndex::new(2 * 8_192 / 2 + 10))
        .expect_err("the rotten block");
    let expected = 64 + 2 * 65_536;
    assert!(
        matches!(error, FileError::Damaged { offset, .. } if offset == expected),
        "{error}"
    );
}

#[test]
fn wide_offsets_read_as_narrow_ones_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let csr = ring();
    let mut manifest = write(directory.path(), &csr);
    let path = directory.path().join("graph.csr");
    let narrow = fs::read(&path).expect("reads");
    let padded = |mut bytes: Vec<u8>| {
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        bytes
    };
    let offsets = padded(
        csr.offsets
            .iter()
            .flat_map(|offset| offset.to_le_bytes())
            .collect(),
    );
    let mut file = narrow[..HEADER_BYTES].to_vec();
    file[12] = 8;
    file[52..56].copy_from_slice(&crc32c::crc32c(&offsets).to_le_bytes());
    file.extend(offsets);
    file.extend(&narrow[HEADER_BYTES + (csr.offsets.len() * 4).next_multiple_of(64)..]);
    reseal(&path, &mut manifest, file);
    let base = Base::open(directory.path(), &manifest).expect("opens");
    let graph = Writer::new(Arc::new(base), Scn::BEGINNING)
        .version()
        .graph();
    assert_eq!(
        graph.connections(NodeIndex::new(0)).expect("reads").len(),
        2
    );
    assert_eq!(graph.connection_count(), 30_000);
}

/// Writes the file with a valid header checksum, and names it in the manifest.
fn reseal(path: &Path, manifest: &mut Manifest, mut file: Vec<u8>) {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let header = if name == "graph.csr" {
        HEADER_BYTES
    } else {
        64
    };
    let crc32c = crc32c::crc32c(&file[..header - 4]).to_le_bytes();
    file[header - 4..header].copy_from_slice(&crc32c);
    let entry = manifest
        .files
        .iter_mut()
        .find(|file| file.name == name)
        .expect("named");
    (entry.bytes, entry.crc32c) = (file.len() as u64, crc32c::crc32c(&file));
    fs::write(path, file).expect("writes");
}

/// Builds the ring of 30,000 members with its nodes in descending order of their ids.
fn descending_ring() -> Csr {
    let Csr {
        mut member_ids,
        mut nodes_by_id,
        offsets,
        targets,
        times,
    } = ring();
    member_ids.reverse();
    nodes_by_id.extend((0..30_000).rev());
    Csr {
        member_ids,
        nodes_by_id,
        offsets,
        targets,
        times,
    }
}

/// Invalid content under valid checksums is rejected.
#[test]
fn sealed_nonsense_is_refused() {
    let check_of = |csr: &Csr, name: &str, change: &dyn Fn(&mut Vec<u8>), says: &str| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut manifest = write(directory.path(), csr);
        let path = directory.path().join(name);
        let mut file = fs::read(&path).expect("reads");
        change(&mut file);
        reseal(&path, &mut manifest, file);
        let error = Base::open(directory.path(), &manifest)
            .expect_err(says)
            .to_string();
        assert!(error.contains(name) && error.contains(says), "{error}");
    };
    let check = |name: &str, change: &dyn Fn(&mut Vec<u8>), says: &str| {
        check_of(&ring(), name, change, says);
    };
    let set = |at: usize, bytes: &'static [u8]| {
        move |file: &mut Vec<u8>| file[at..at + bytes.len()].copy_from_slice(bytes)
    };
    let section = |start: usize, count: usize, width: usize| {
        start..start + (count * width).next_multiple_of(64)
    };
    let offsets = section(HEADER_BYTES, 30_001, 4);
    let targets = section(offsets.end, 60_000, 4);
    let member_ids = section(targets.end, 30_000, 8);
    let nodes_by_id = section(member_ids.end, 30_000, 4);
    // Sets a number of a section, whose checksum stands in the header at `crc32c_at`.
    let in_section = |section: &Range<usize>, crc32c_at: usize, place: usize, number: u32| {
        let section = section.clone();
        move |file: &mut Vec<u8>| {
            file[section.start + place * 4..][..4].copy_from_slice(&number.to_le_bytes());
            let crc32c = crc32c::crc32c(&file[section.clone()]).to_le_bytes();
            file[crc32c_at..crc32c_at + 4].copy_from_slice(&crc32c);
        }
    };
    let in_targets = |place, target| in_section(&targets, 56, place, target);
    check("graph.csr", &set(0, b"X"), "not a graph file");
    check("graph.csr", &set(8, &[9]), "format version 9");
    check(
        "graph.csr",
        &set(8, &[1]),
        "format version 1; this program reads up to version 3",
    );
    check("graph.csr", &set(48, &[2]), "order 2 of the nodes");
    check(
        "graph.csr",
        &set(48, &[1]),
        "does not follow from its counts",
    );
    check("graph.csr", &set(12, &[5]), "offsets of 5 bytes");
    check(
        "graph.csr",
        &set(16, &[0xab; 16]),
        "belongs to lineage abab",
    );
    check(
        "graph.csr",
        &set(32, &[0xff; 8]),
        "does not follow from its counts",
    );
    check(
        "graph.csr",
        &set(40, &[0xff; 8]),
        "does not follow from its counts",
    );
    check("graph.csr", &in_targets(0, 30_000), "node 0");
    check("graph.csr", &in_targets(0, 0), "node 0");
    check("graph.csr", &in_targets(1, 1), "node 0");
    check(
        "graph.csr",
        &in_section(&member_ids, 60, 2, 1),
        "member id 1 of node 1",
    );
    let descending = descending_ring();
    for (place, node) in [(0, 30_000), (1, 29_999), (29_999, 1)] {
        check_of(
            &descending,
            "graph.csr",
            &in_section(&nodes_by_id, 64, place, node),
            &format!("nodes by id: entry {place} is node {node}"),
        );
    }
    check(
        "graph.csr",
        &|file| {
            set(8, &[2])(file);
            set(72, &[1])(file);
        },
        "absent nodes, which version 2 does not have",
    );
    check("times.bin", &set(0, b"X"), "not a times file");
    check("times.bin", &set(8, &[9]), "format version 9");
    check("times.bin", &set(12, &[9]), "blocks of");
    check(
        "times.bin",
        &set(16, &[0xab; 16]),
        "belongs to lineage abab",
    );
    check("times.bin", &set(32, &[1]), "times for");
}

#[test]
fn a_graph_of_the_version_before_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut manifest = write(directory.path(), &ring());
    let path = directory.path().join("graph.csr");
    let mut file = fs::read(&path).expect("reads");
    file[8] = 2;
    reseal(&path, &mut manifest, file);
    let base = Base::open(directory.path(), &manifest).expect("opens");
    assert_eq!((base.member_count(), base.node_count()), (30_000, 30_000));
}

/// Folds a graph of three members after removing the middle one, and checks its nodes and their
/// rows.
#[test]
fn nodes_without_a_member_are_checked() {
    let connected = |one, other| cloud_engine::GraphChange::ConnectionAdded {
        existing_only: false,
        member: member(one),
        other: member(other),
        time: cloud_model::ConnectionTime::UNKNOWN,
    };
    let mut writer = Writer::new(Arc::new(Model::default().base()), Scn::BEGINNING);
    let changes = [
        connected(1, 2),
        connected(1, 3),
        cloud_engine::GraphChange::MemberRemoved(member(2)),
    ];
    writer.apply(Scn::new(1), &changes).expect("ascends");
    let directory = tempfile::tempdir().expect("a directory");
    let (manifest, base) = folded(writer.begin_fold(), directory.path());
    assert_eq!((base.member_count(), base.node_count()), (2, 3));
    let path = directory.path().join("graph.csr");
    let sound = fs::read(&path).expect("reads");
    // The header, and 64 bytes for each section before the last. None of these is empty except the
    // nodes by id.
    let section = HEADER_BYTES + 3 * 64..HEADER_BYTES + 4 * 64;
    assert_eq!(sound.len(), section.end);
    assert_eq!(sound[section.start], 1);
    for (node, says) in [
        (0, "entry 0 is node 0, which is out of range"),
        (3, "entry 0 is node 3, which is out of range"),
        (255, "entry 0 is node 255, which is out of range"),
    ] {
        let mut file = sound.clone();
        file[section.start] = node;
        let crc32c = crc32c::crc32c(&file[section.clone()]).to_le_bytes();
        file[68..72].copy_from_slice(&crc32c);
        let mut manifest = manifest.clone();
        reseal(&path, &mut manifest, file);
        let error = Base::open(directory.path(), &manifest).expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_manifest_of_the_future_is_refused() {
    let reseal = |change: &dyn Fn(String) -> String| {
        let (directory, _) = snapshot(&Model::default());
        let path = directory.path().join("manifest.json");
        let text = fs::read_to_string(&path).expect("reads");
        let (body, _) = text.rsplit_once(",\n  \"crc32c\"").expect("a checksum");
        let body = change(body.to_owned());
        let crc32c = crc32c::crc32c(body.as_bytes());
        fs::write(
            &path,
            format!("{body},\n  \"crc32c\": \"{crc32c:08x}\"\n}}\n"),
        )
        .expect("writes");
        Manifest::read(directory.path())
    };
    assert!(reseal(&|body| body).is_ok());
    let future = reseal(&|body| {
        body.replace(
            "\"format_version\": 2",
            "\"format_version\": 3, \"more\": true",
        )
    });
    assert!(
        matches!(future, Err(FileError::UnknownVersion { found: 3, .. })),
        "{future:?}"
    );
    let required = reseal(&|body| body.replace("\"requires\": []", "\"requires\": [\"more\"]"));
    assert!(
        matches!(&required, Err(FileError::Requires { name, .. }) if name == "more"),
        "{required:?}"
    );
}

#[test]
fn a_file_that_is_missing_or_not_named_is_an_error_that_names_it() {
    let (directory, mut manifest) = snapshot(&Model::default());
    fs::remove_file(directory.path().join("times.bin")).expect("removes");
    let error = Base::open(directory.path(), &manifest)
        .expect_err("no times")
        .to_string();
    assert!(error.contains("times.bin"), "{error}");
    manifest.files.clear();
    let error = Base::open(directory.path(), &manifest)
        .expect_err("no files")
        .to_string();
    assert!(error.contains("graph.csr"), "{error}");
}

#[test]
fn snapshots_are_listed_newest_first() {
    let site = tempfile::tempdir().expect("a directory");
    for scn in [5, 100, 20] {
        fs::create_dir(site.path().join(snapshot_name(0, Scn::new(scn)))).expect("creates");
    }
    for other in ["live", ".building-7", "0000000000000000000x"] {
        fs::create_dir(site.path().join(other)).expect("creates");
    }
    fs::write(site.path().join("00000000000000000999"), "a file").expect("writes");
    let expected: Vec<PathBuf> = [100, 20, 5]
        .map(|scn| site.path().join(snapshot_name(0, Scn::new(scn))))
        .into();
    assert_eq!(newest_snapshots(site.path()).expect("reads"), expected);
}

#[test]
fn stands_at_is_written_as_one_object() {
    let json = |stands_at: StandsAt| serde_json::to_string(&stands_at).expect("serialises");
    assert_eq!(json(StandsAt::Beginning {}), r#"{"beginning":{}}"#);
    let log_id = LogId::new(10);
    let expected = r#"{"at_scn":{"log_id":"0000000000000000000000000000000a","scn":5}}"#;
    assert_eq!(
        json(StandsAt::AtScn {
            log_id,
            scn: Scn::new(5),
            history: None,
        }),
        expected
    );
    assert_eq!(
        json(StandsAt::NewLog {
            log_id,
            scn: Scn::new(5),
            history: None,
        }),
        expected.replace("at_scn", "new_log")
    );
    assert_ne!(LineageId::default(), LineageId::new(10));
}
