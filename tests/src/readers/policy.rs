//! `policy.bin`: opens it beside its graph, reads every fact, and folds it once more.

use std::fs;
use std::sync::Arc;

use cloud_engine::{
    Base, Fold, GRAPH_NAME, GraphChange, Manifest, POLICY_NAME, StandsAt, TIMES_NAME, Writer,
};
use cloud_model::{ConnectionTime, LineageId, MemberId, RestrictionKind, Scn};

use super::graph::{policy, replace};
use super::scratch::{empty_folder, folder, named};
use super::{Mutated, Reader, end_of_section, field, seal};

pub(super) const READER: Reader = Reader {
    name: "policy",
    valid: || written().1,
    reseal,
    read,
    mutated: Mutated::RefusedOrSame,
};

const HEADER_BYTES: usize = 128;
const WRITTEN: &str = "policy-written";

/// Returns a snapshot with policy, and the bytes of its file. It is written once a thread.
fn written() -> (Manifest, Vec<u8>) {
    thread_local! {
        static MANIFEST: Manifest = write();
    }
    let manifest = MANIFEST.with(Manifest::clone);
    let bytes = fs::read(folder(WRITTEN).join(POLICY_NAME)).expect("reads");
    (manifest, bytes)
}

fn write() -> Manifest {
    let member = |id: u64| MemberId::new(id).expect("not 0");
    let lineage = LineageId::new(7);
    let mut writer = Writer::new(Arc::new(Base::empty(lineage)), Scn::BEGINNING);
    let connections = (2..30).map(|id| GraphChange::ConnectionAdded {
        existing_only: false,
        member: member(1),
        other: member(id * id),
        time: ConnectionTime::UNKNOWN,
    });
    let blocks = (1..12).flat_map(|id| {
        [(id * id, 16), (16, id + 1), (id, id * 100)].map(|(blocker, blocked)| {
            GraphChange::MemberBlocked {
                blocker: member(blocker),
                blocked: member(blocked),
            }
        })
    });
    let restrictions = (1..9).map(|id| GraphChange::MemberRestricted {
        member: member(id * id * id),
        kind: RestrictionKind::new(id as u32 * 24).expect("a kind"),
        ends_at: id << 40,
    });
    let closed = (3..8).map(|id| GraphChange::ConnectionListClosed(member(id * id)));
    let changes = connections.chain(blocks).chain(restrictions).chain(closed);
    let changes: Vec<_> = changes.collect();
    writer.apply(Scn::new(1), &changes).expect("ascends");
    let folder = empty_folder(WRITTEN);
    let mut fold = Fold::create(writer.begin_fold(), &folder).expect("creates");
    while fold.step().expect("writes") {}
    let folded = fold.finish().expect("writes");
    Manifest {
        members: folded.members,
        connections: folded.connections,
        files: folded.files,
        ..Manifest::new(lineage, Scn::new(1), StandsAt::Beginning {})
    }
}

fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let number = |at| field(&bytes, at).map(u64::from_le_bytes).unwrap_or(0);
    let (nodes, ends) = (number(32), number(40));
    let sections = [
        (nodes, 4),
        (nodes, 8),
        (ends, 4),
        (ends, 1),
        (number(48), 16),
        (number(56), 4),
    ];
    let mut start = HEADER_BYTES;
    for (place, (count, width)) in sections.into_iter().enumerate() {
        let Some(end) = end_of_section(start, count, width) else {
            break;
        };
        seal(&mut bytes, start..end, 64 + place * 4);
        start = end;
    }
    seal(&mut bytes, 0..124, 124);
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let (mut manifest, _) = written();
    let folder = folder("policy");
    for name in [GRAPH_NAME, TIMES_NAME] {
        let file = fs::read(self::folder(WRITTEN).join(name)).expect("reads");
        fs::write(folder.join(name), file).expect("writes");
    }
    let path = folder.join(POLICY_NAME);
    replace(&path, &mut manifest, bytes);
    let base = Base::open(&folder, &manifest).map_err(|error| named(error, &path))?;
    let mut writer = Writer::new(Arc::new(base), manifest.scn);
    let told = policy(&writer.version().graph());
    // What was read can be written.
    let again = empty_folder("policy-again");
    let mut fold = Fold::create(writer.begin_fold(), &again).expect("creates");
    while fold.step().expect("writes") {}
    let folded = fold.finish().expect("writes");
    manifest.files = folded.files;
    let base = Base::open(&again, &manifest).expect("what was written is sound");
    drop(writer.swap(Arc::new(base)));
    assert_eq!(policy(&writer.version().graph()), told);
    Ok(told)
}
