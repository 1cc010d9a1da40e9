//! Opening a log: by one process at a time, only the expected log, and only a known version.

use crate::memory_disk::MemoryDisk;
use crate::windows::{change, connections, open, options, origin, read_all};
use cloud_model::{LineageId, LogId, Scn};
use cloud_proto::databus::v1::{
    ConnectionAdded, ConnectionRemoved, Member, MemberRemoved, MemberUpserted, Position,
    PositionKind, PositionRemoved, PositionUpserted, YearMonth, change::Event,
};
use databus::{Log, LogOptions, OpenError, Window};
use prost_types::{FieldMask, Timestamp};
use std::{env, fs, path::Path, process::Command, sync::Arc};

const FOLDER: &str = "DATABUS_TEST_FOLDER";

#[test]
fn a_second_process_is_refused() {
    if let Some(folder) = env::var_os(FOLDER) {
        let error = Log::open(Path::new(&folder), origin(), options(1 << 20)).unwrap_err();
        assert!(
            matches!(&error, OpenError::InUse { file } if file.ends_with("LOCK")),
            "{error}"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), origin(), options(1 << 20)).unwrap();
    let mut second = Command::new(env::current_exe().unwrap());
    second
        .args(["--exact", "opening::a_second_process_is_refused"])
        .env(FOLDER, folder.path());
    assert!(second.status().unwrap().success());
    // The same process cannot open it twice either.
    assert!(matches!(
        Log::open(folder.path(), origin(), options(1 << 20)),
        Err(OpenError::InUse { .. })
    ));
    log.append_blocking(connections(1, 1)).unwrap();
    drop(log);
    assert_eq!(
        read_all(&Log::open(folder.path(), origin(), options(1 << 20)).unwrap()).len(),
        1
    );
}

#[test]
fn a_log_that_is_replaced_is_kept_beside_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let old = Log::open(path, origin(), options(1)).unwrap();
    let log_id = old.log_id();
    for offset in 1..=3 {
        old.append_blocking(connections(offset, 1)).unwrap();
    }
    let written = read_all(&old);
    drop(old);
    let other = LogId::new(7);
    let kept = Log::open_replacing(path, other, None, options(1)).unwrap();
    assert_eq!((kept.log_id(), kept.head()), (log_id, Scn::new(3)));
    drop(kept);
    // The second call finds the new log, with a window.
    for windows in 0..=1 {
        let new = Log::open_replacing(path, log_id, None, options(1)).unwrap();
        assert_ne!(new.log_id(), log_id);
        assert_eq!((new.origin(), new.head()), (origin(), Scn::new(windows)));
        let appended = new.append_blocking(connections(windows + 1, 1)).unwrap();
        assert!(!appended.repeat, "the new log knows no source");
    }
    let aside = path.join(format!("replaced-{log_id}"));
    assert_eq!(
        read_all(&Log::open_any(&aside, options(1)).unwrap()),
        written
    );
}

#[test]
fn only_the_log_that_is_asked_for_is_opened() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    let log_id = log.log_id();
    for offset in 1..=3 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    drop(log);
    let (other_graph, other_log) = (LineageId::default(), LogId::default());
    let attempt = |graph, log_id, durable_scn| {
        let options = LogOptions {
            log_id,
            durable_scn: Scn::new(durable_scn),
            ..options(0)
        };
        Log::open_on(Arc::clone(&disk) as _, graph, options)
    };
    let foreign = attempt(other_graph, None, 0).unwrap_err();
    assert!(
        matches!(&foreign, OpenError::ForeignOrigin { found, .. } if *found == origin()),
        "{foreign}"
    );
    let foreign = attempt(origin(), Some(other_log), 0).unwrap_err();
    assert!(
        matches!(&foreign, OpenError::ForeignLog { found, .. } if *found == log_id),
        "{foreign}"
    );
    let lost = attempt(origin(), Some(log_id), 4).unwrap_err();
    assert!(
        matches!(
            lost,
            OpenError::Lost { head, durable_scn, .. }
                if [head, durable_scn] == [3, 4].map(Scn::new)
        ),
        "{lost}"
    );
    // A snapshot that was made since then has another lineage, and names the log.
    let log = attempt(other_graph, Some(log_id), 3).unwrap();
    assert_eq!(
        (log.log_id(), log.origin(), log.head().get()),
        (log_id, origin(), 3)
    );
}

#[test]
fn a_log_that_a_snapshot_goes_on_from_is_not_made() {
    let options = LogOptions {
        log_id: Some(LogId::new(1)),
        ..options(0)
    };
    let missing = Log::open_on(Arc::new(MemoryDisk::default()), origin(), options).unwrap_err();
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
}

#[test]
fn a_segment_of_a_later_version_is_refused_by_name() {
    let disk = Arc::new(MemoryDisk::default());
    drop(open(&disk, 0));
    let name = &disk.segments()[0];
    let mut bytes = disk.bytes(name);
    bytes[8] = 3;
    disk.set_bytes(name, bytes);
    let error = Log::open_on(disk, origin(), options(0)).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(
            error,
            OpenError::FutureVersion {
                version: 3,
                supported: 2,
                ..
            }
        ),
        "{text}"
    );
    assert!(text.contains("00000000000000000001.log"), "{text}");
}

#[test]
fn a_segment_that_was_never_finished_is_removed() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    log.append_blocking(connections(1, 1)).unwrap();
    drop(log);
    disk.set_bytes("00000000000000000002.log.new", b"half a hea".to_vec());
    disk.set_bytes("notes.txt", b"not ours".to_vec());
    assert_eq!(read_all(&open(&disk, 0)).len(), 1);
    let names = databus::disk::Disk::names(&*disk).unwrap();
    assert_eq!(names, ["00000000000000000001.log", "notes.txt"]);
}

#[test]
fn every_log_has_its_own_name() {
    let [one, other] = [(); 2].map(|()| open(&Arc::new(MemoryDisk::default()), 0).log_id());
    assert_ne!(one, other);
    assert!([one, other].iter().all(|name| name.to_string().len() == 32));
}

/// Returns the windows of `version_1.log`: a change of each kind, a large window, an empty one.
fn windows_of_version_1() -> [Window; 4] {
    let text = str::to_owned;
    let member = Member {
        member_id: 7,
        given_name: text("Zoë"),
        display_name: text("Zoë 李"),
        skills: vec![text("rust"), text("")],
        ..Default::default()
    };
    let position = Position {
        position_id: 3,
        kind: PositionKind::Work.into(),
        title: text("Engineer"),
        from: Some(YearMonth {
            year: 1999,
            month: 12,
        }),
        current: true,
        ..Default::default()
    };
    let each_kind = [
        Event::MemberUpserted(MemberUpserted {
            existing_only: false,
            member: Some(member),
            fields: Some(FieldMask {
                paths: vec![text("given_name"), text("skills")],
            }),
        }),
        Event::MemberRemoved(MemberRemoved { member_id: 8 }),
        Event::PositionUpserted(PositionUpserted {
            existing_only: false,
            member_id: 7,
            position: Some(position),
            fields: None,
        }),
        Event::PositionRemoved(PositionRemoved {
            member_id: 7,
            position_id: 4,
        }),
        Event::ConnectionAdded(ConnectionAdded {
            existing_only: false,
            member_id: 1,
            other_id: u64::MAX,
            connected_at: Some(Timestamp {
                seconds: 1_200_000_000,
                nanos: 999_000_000,
            }),
        }),
        Event::ConnectionRemoved(ConnectionRemoved {
            member_id: 1,
            other_id: 2,
        }),
    ];
    let each_kind = Window {
        source_id: text("core"),
        source_offset: 900,
        commit_time: None,
        changes: each_kind.map(change).to_vec(),
    };
    let empty = Window {
        source_id: text("core"),
        source_offset: 901,
        ..Window::default()
    };
    let at_nanos_7 = |mut window: Window| {
        window.commit_time.as_mut().unwrap().nanos = 7;
        window
    };
    [
        at_nanos_7(connections(5, 1)),
        each_kind,
        empty,
        at_nanos_7(connections(1_000, 300)),
    ]
}

#[test]
fn a_log_that_the_first_version_wrote_is_read_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let segment = folder.path().join("00000000000000000001.log");
    fs::write(segment, include_bytes!("version_1.log")).unwrap();
    let mut windows = windows_of_version_1().to_vec();
    for more in [2_000, 2_001] {
        let log = Log::open(folder.path(), origin(), options(1 << 20)).unwrap();
        assert_eq!(read_all(&log), windows);
        log.append_blocking(connections(more, 2)).unwrap();
        windows.push(connections(more, 2));
    }
}
