//! `overlay-<scn>.bin`: reads it over its base, runs every query, and applies one more window.

use std::fs;
use std::sync::Arc;

use cloud_engine::{Base, GRAPH_NAME, GraphChange, Manifest, Writer, read_overlay};
use cloud_model::{
    ConnectionTime, History, LogId, LogPoint, MemberId, RestrictionKind, Scn, SourceMark,
};

use super::graph::{ask, snapshot};
use super::scratch::{empty_folder, folder, named};
use super::{Mutated, Reader, end_of_section, field, seal};

pub(super) const READER: Reader = Reader {
    name: "overlay",
    valid,
    reseal,
    read,
    mutated: Mutated::RefusedOrSame,
};

const HEADER_BYTES: usize = 192;
const NAME: &str = "overlay-00000000000000000009.bin";

fn log() -> LogId {
    LogId::new(77)
}

fn base() -> (Arc<Base>, Manifest) {
    let (manifest, _) = snapshot(GRAPH_NAME);
    let base = Base::open(&folder("written"), &manifest).expect("opens");
    (Arc::new(base), manifest)
}

fn valid() -> Vec<u8> {
    let member = |id: u64| MemberId::new(id).expect("not 0");
    let (base, manifest) = base();
    let mut writer = Writer::new(base, manifest.scn);
    let added = |one, other| GraphChange::ConnectionAdded {
        existing_only: false,
        member: member(one),
        other: member(other),
        time: ConnectionTime::from_millis(one * other),
    };
    let removed = GraphChange::ConnectionRemoved {
        member: member(1),
        other: member(4),
    };
    writer
        .apply(
            Scn::new(5),
            &[added(1, 2), added(2, 3), removed, added(4, 1600)],
        )
        .expect("ascends");
    writer
        .apply(
            Scn::new(9),
            &[
                GraphChange::MemberRemoved(member(25)),
                added(2, 1600),
                added(25, 36),
                GraphChange::MemberBlocked {
                    blocker: member(1),
                    blocked: member(7_000),
                },
                GraphChange::MemberRestricted {
                    member: member(4),
                    kind: RestrictionKind::new(2).expect("a kind"),
                    ends_at: 1_900_000_000_000,
                },
                GraphChange::ConnectionListClosed(member(9)),
            ],
        )
        .expect("ascends");
    let source = SourceMark {
        source_id: "core".to_owned(),
        offset: 90,
        scn: Scn::new(4),
    };
    let points = [3, 4].map(|number| LogPoint {
        scn: Scn::new(number),
        history: Some(History::of_hash(number << 40)),
    });
    let site = empty_folder("overlay-written");
    let path = writer
        .write_overlay(&site, log(), &[source], &points)
        .expect("writes");
    fs::read(path).expect("reads")
}

fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut start = HEADER_BYTES;
    let sections = [
        (88, 1_u64, 172),
        (96, 8, 176),
        (104, 16, 180),
        (112, 8, 184),
        (120, 16, 168),
        (128, 16, 144),
        (136, 8, 148),
    ];
    for (count_at, width, sum_at) in sections {
        let count = field(&bytes, count_at).map(u64::from_le_bytes).unwrap_or(0);
        let Some(end) = end_of_section(start, count, width) else {
            break;
        };
        seal(&mut bytes, start..end, sum_at);
        start = end;
    }
    seal(&mut bytes, 0..188, 188);
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let (base, manifest) = base();
    let site = empty_folder("overlay");
    let path = site.join(NAME);
    fs::write(&path, bytes).expect("writes");
    let mut recovered =
        read_overlay(&site, &base, &manifest, log()).expect("an overlay may be passed over");
    if let Some(refused) = recovered.refused.pop() {
        return Err(named(refused, &path));
    }
    let told = ask(&recovered.writer.version().graph()).expect("the base is sound");
    let next = Scn::new(recovered.scn.get().saturating_add(1));
    let member = |id: u64| MemberId::new(id).expect("not 0");
    let changes = [
        GraphChange::MemberRemoved(member(1)),
        GraphChange::MemberAdded(member(5)),
    ];
    // It is refused only if there is no SCN above.
    if recovered.writer.apply(next, &changes).is_ok() {
        ask(&recovered.writer.version().graph()).expect("the base is sound");
    }
    Ok(format!(
        "{told}{:?}{:?}",
        recovered.sources, recovered.points
    ))
}
