//! Windows to append, random by seed, and logs with the options that tests need.

use cloud_model::{LineageId, Scn};
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, Member, MemberRemoved, MemberUpserted, Position,
    PositionKind, PositionRemoved, PositionUpserted, YearMonth, change::Event,
};
use databus::{Log, LogOptions, LogReader, Window, disk::Disk};
use prost_types::{FieldMask, Timestamp};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;

pub(crate) const GRAPH: &str = "9f86d081884c7d659a2feaa0c55ad015";

pub(crate) fn origin() -> LineageId {
    GRAPH.parse().unwrap()
}

/// Returns options without marks until the log is closed, so that a test decides what the disk
/// sees.
pub(crate) fn options(segment_bytes: u64) -> LogOptions {
    LogOptions {
        segment_bytes,
        mark_after: std::time::Duration::from_secs(3600),
        ..LogOptions::default()
    }
}

pub(crate) fn open(disk: &Arc<impl Disk>, segment_bytes: u64) -> Log {
    Log::open_on(
        Arc::clone(disk) as Arc<dyn Disk>,
        origin(),
        options(segment_bytes),
    )
    .unwrap()
}

/// Reads everything from a log's beginning to its head, and checks the SCNs.
pub(crate) fn read_all(log: &Log) -> Vec<Window> {
    let mut reader = log.read_after(Scn::BEGINNING).unwrap();
    let windows = read_on(&mut reader, 0);
    assert_eq!(windows.len() as u64, log.head().get());
    windows
}

pub(crate) fn read_on(reader: &mut LogReader, mut after_scn: u64) -> Vec<Window> {
    let mut windows = Vec::new();
    while let Some(logged) = reader.next_window().unwrap() {
        after_scn += 1;
        assert_eq!(logged.scn.get(), after_scn);
        windows.push(logged.window.into());
    }
    windows
}

/// Returns a window of the source "core" with this many connections.
pub(crate) fn connections(source_offset: u64, count: u64) -> Window {
    let changes = (0..count)
        .map(|number| connect(source_offset + 1, source_offset + 2 + number))
        .collect();
    Window {
        source_id: "core".to_owned(),
        source_offset,
        commit_time: Some(time(source_offset)),
        changes,
    }
}

pub(crate) fn connect(member_id: u64, other_id: u64) -> Change {
    change(Event::ConnectionAdded(ConnectionAdded {
        existing_only: false,
        member_id,
        other_id,
        connected_at: None,
    }))
}

pub(crate) fn change(event: Event) -> Change {
    Change {
        skippable: false,
        event: Some(event),
    }
}

fn time(seconds: u64) -> Timestamp {
    Timestamp {
        seconds: seconds as i64,
        nanos: 7_000_000,
    }
}

/// Endless windows, the same for the same seed. The offsets of each source increase.
pub(crate) struct RandomWindows {
    random: StdRng,
    offset: u64,
}

impl RandomWindows {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            offset: 0,
        }
    }

    pub(crate) fn next(&mut self) -> Window {
        self.offset += self.random.random_range(1..1000);
        let (source_id, source_offset) = match self.random.random_range(0..4) {
            0 => (String::new(), 0),
            number => (format!("source {number}"), self.offset),
        };
        let commit_time = self.random.random_bool(0.5).then(|| time(self.offset));
        let count = match self.random.random_range(0..20) {
            0 => 0,
            1 => 200,
            _ => self.random.random_range(1..10),
        };
        let changes = (0..count).map(|_| self.change()).collect();
        Window {
            source_id,
            source_offset,
            commit_time,
            changes,
        }
    }

    /// Returns a window of several parts, which its members' summaries fill.
    pub(crate) fn next_of_many_parts(&mut self) -> Window {
        let mut window = self.next();
        for _ in 0..self.random.random_range(18..60) {
            let member = Member {
                member_id: self.id(),
                summary: "x".repeat(60_000),
                ..Default::default()
            };
            window
                .changes
                .push(change(Event::MemberUpserted(MemberUpserted {
                    existing_only: false,
                    member: Some(member),
                    fields: None,
                })));
        }
        window
    }

    fn change(&mut self) -> Change {
        let (member_id, position_id) = (self.id(), self.id());
        let other_id = member_id.wrapping_add(1).max(1);
        let text = "é".repeat(self.random.random_range(1..40));
        let fields = self.random.random_bool(0.5).then(|| FieldMask {
            paths: vec!["title".to_owned()],
        });
        change(match self.random.random_range(0..8) {
            0 => Event::MemberUpserted(MemberUpserted {
                existing_only: false,
                member: Some(Member {
                    member_id,
                    headline: text.clone(),
                    skills: vec![text],
                    ..Default::default()
                }),
                fields: None,
            }),
            1 => Event::MemberRemoved(MemberRemoved { member_id }),
            2 => Event::PositionUpserted(PositionUpserted {
                existing_only: false,
                member_id,
                position: Some(Position {
                    position_id,
                    kind: PositionKind::Work as i32,
                    title: text,
                    from: Some(YearMonth {
                        year: 1999,
                        month: 12,
                    }),
                    ..Default::default()
                }),
                fields,
            }),
            3 => Event::PositionRemoved(PositionRemoved {
                member_id,
                position_id,
            }),
            4 => Event::ConnectionRemoved(ConnectionRemoved {
                member_id,
                other_id,
            }),
            _ => {
                let connected_at = self.random.random_bool(0.5).then(|| time(member_id >> 32));
                Event::ConnectionAdded(ConnectionAdded {
                    existing_only: false,
                    member_id,
                    other_id,
                    connected_at,
                })
            }
        })
    }

    fn id(&mut self) -> u64 {
        self.random.random_range(1..u64::MAX)
    }
}

/// Returns another seed every time. The caller prints it.
pub(crate) fn seed() -> u64 {
    use rand::{TryRngCore as _, rngs::OsRng};
    OsRng.try_next_u64().unwrap()
}
