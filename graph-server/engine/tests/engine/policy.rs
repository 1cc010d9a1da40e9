//! Who may not see whom: the facts, whatever happens to the members that they name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use cloud_engine::{
    Base, Block, FileError, Graph, GraphChange, POLICY_NAME, Restriction, Writer, read_overlay,
};
use cloud_model::{ConnectionTime, LogId, MemberId, RestrictionKind, Scn};

use crate::{
    folding::folded,
    model::{Model, check_graph, member},
};

/// The facts as sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Who blocks, and who is blocked.
    blocks: BTreeSet<(u64, u64)>,
    /// The stated end by member and kind.
    restrictions: BTreeMap<(u64, u16), u64>,
    closed_lists: BTreeSet<u64>,
}

impl Policy {
    /// Returns the members that are hidden from a viewer, or from a visitor.
    pub(crate) fn hidden_from(&self, viewer: Option<u64>) -> BTreeSet<u64> {
        let restricted = self.restrictions.keys().copied();
        let restricted = restricted.filter(|&(_, kind)| kind < 100).map(|(id, _)| id);
        let blocked = self
            .blocks
            .iter()
            .filter_map(|&(blocker, blocked)| match viewer? {
                viewer if viewer == blocker => Some(blocked),
                viewer if viewer == blocked => Some(blocker),
                _ => None,
            });
        let hidden = restricted.chain(blocked);
        hidden.filter(|&id| Some(id) != viewer).collect()
    }

    /// Applies a change of policy.
    pub(crate) fn apply(&mut self, change: &GraphChange) {
        match *change {
            GraphChange::MemberBlocked { blocker, blocked } if blocker == blocked => {}
            GraphChange::MemberBlocked { blocker, blocked } => {
                self.blocks.insert((blocker.get(), blocked.get()));
            }
            GraphChange::MemberUnblocked { blocker, blocked } => {
                self.blocks.remove(&(blocker.get(), blocked.get()));
            }
            GraphChange::MemberRestricted {
                member,
                kind,
                ends_at,
            } => drop(
                self.restrictions
                    .insert((member.get(), kind.get()), ends_at),
            ),
            GraphChange::MemberUnrestricted { member, kind } => {
                self.restrictions.remove(&(member.get(), kind.get()));
            }
            GraphChange::ConnectionListClosed(member) => {
                self.closed_lists.insert(member.get());
            }
            GraphChange::ConnectionListOpened(member) => {
                self.closed_lists.remove(&member.get());
            }
            _ => panic!("{change:?} is no change of policy"),
        }
    }

    /// Checks every fact of these members, existing or not.
    pub(crate) fn check(&self, graph: &Graph, known: &[u64]) {
        let at = graph.scn();
        for &id in known {
            let mut blocks: BTreeMap<u64, (bool, bool)> = BTreeMap::new();
            for &(blocker, blocked) in &self.blocks {
                if blocker == id {
                    blocks.entry(blocked).or_default().0 = true;
                }
                if blocked == id {
                    blocks.entry(blocker).or_default().1 = true;
                }
            }
            let restrictions = self.restrictions.range((id, 0)..=(id, u16::MAX));
            let restrictions: Vec<Restriction> = restrictions
                .map(|(&(_, kind), &ends_at)| Restriction {
                    kind: RestrictionKind::new(kind.into()).expect("a kind"),
                    ends_at,
                })
                .collect();
            let is_restricted = restrictions.iter().any(|found| found.kind.hides());
            let has_closed_list = self.closed_lists.contains(&id);
            let Some(node) = graph.known_node(member(id)) else {
                assert_eq!(blocks, BTreeMap::new(), "{id} at {at}");
                assert_eq!((restrictions.len(), has_closed_list), (0, false), "{id}");
                continue;
            };
            let found = graph.blocks(node);
            let found: BTreeMap<u64, (bool, bool)> = found
                .into_iter()
                .map(|found| {
                    let Block {
                        other,
                        blocks,
                        is_blocked,
                    } = found;
                    (graph.member(other).get(), (blocks, is_blocked))
                })
                .collect();
            assert_eq!(found, blocks, "blocks of {id} at {at}");
            assert_eq!(graph.restrictions(node), restrictions, "{id} at {at}");
            assert_eq!(graph.is_restricted(node), is_restricted, "{id} at {at}");
            assert_eq!(graph.has_closed_list(node), has_closed_list, "{id} at {at}");
        }
    }
}

/// Returns a change of policy of the kind that a number chooses.
pub(crate) fn change_of_policy(
    choice: u32,
    one: MemberId,
    other: MemberId,
    number: u64,
) -> GraphChange {
    let kinds = [1, 2, 99, 100];
    let kind = kinds[(number % kinds.len() as u64) as usize];
    let kind = RestrictionKind::new(kind).expect("a kind");
    match choice % 8 {
        0 => GraphChange::MemberBlocked {
            blocker: one,
            blocked: other,
        },
        1 => GraphChange::MemberUnblocked {
            blocker: one,
            blocked: other,
        },
        2 => GraphChange::ConnectionListClosed(one),
        3 => GraphChange::ConnectionListOpened(one),
        4 | 5 => GraphChange::MemberUnrestricted { member: one, kind },
        _ => GraphChange::MemberRestricted {
            member: one,
            kind,
            ends_at: number / 4,
        },
    }
}

fn blocked(blocker: u64, blocked: u64) -> GraphChange {
    GraphChange::MemberBlocked {
        blocker: member(blocker),
        blocked: member(blocked),
    }
}

fn restricted(id: u64, kind: u32) -> GraphChange {
    GraphChange::MemberRestricted {
        member: member(id),
        kind: RestrictionKind::new(kind).expect("a kind"),
        ends_at: 1_800_000_000_000,
    }
}

fn connected(one: u64, other: u64) -> GraphChange {
    GraphChange::ConnectionAdded {
        existing_only: false,
        member: member(one),
        other: member(other),
        time: ConnectionTime::from_millis(5),
    }
}

/// A writer, and the model that it must equal.
struct Site {
    writer: Writer,
    model: Model,
}

impl Site {
    fn new() -> Self {
        let model = Model::default();
        let writer = Writer::new(Arc::new(model.base()), Scn::BEGINNING);
        Self { writer, model }
    }

    fn apply(&mut self, changes: &[GraphChange]) {
        let next = self.writer.version().published().get() + 1;
        self.writer.apply(Scn::new(next), changes).expect("ascends");
        changes.iter().for_each(|change| self.model.apply(change));
        self.check();
    }

    fn check(&self) {
        let known: Vec<u64> = (1..=9).collect();
        check_graph(&self.writer.current().graph(), &self.model, &known);
    }

    /// Folds the graph into a new base, and goes over to it.
    fn fold(&mut self) {
        let directory = tempfile::tempdir().expect("a directory");
        let (_, base) = folded(self.writer.begin_fold(), directory.path());
        drop(self.writer.swap(Arc::new(base)));
        assert_eq!(self.writer.version().stats().policy_entries, 0);
        self.check();
    }
}

#[test]
fn facts_come_before_their_members_and_outlive_them() {
    let mut site = Site::new();
    site.apply(&[blocked(1, 2), restricted(3, 1), restricted(3, 100)]);
    site.apply(&[GraphChange::ConnectionListClosed(member(4))]);
    let graph = site.writer.current().graph();
    assert_eq!((graph.member_count(), graph.nodes().count()), (0, 0));
    site.fold();
    site.apply(&[connected(1, 2), connected(3, 4), connected(1, 3)]);
    assert_eq!(site.writer.current().graph().member_count(), 4);
    site.apply(&[
        GraphChange::MemberRemoved(member(1)),
        GraphChange::MemberRemoved(member(3)),
    ]);
    site.fold();
    site.apply(&[GraphChange::MemberUnrestricted {
        member: member(3),
        kind: RestrictionKind::new(1).expect("a kind"),
    }]);
    site.apply(&[connected(1, 3), blocked(2, 1)]);
    site.fold();
    site.apply(&[GraphChange::MemberUnblocked {
        blocker: member(1),
        blocked: member(2),
    }]);
}

#[test]
fn a_member_that_is_only_named_is_created_when_it_comes() {
    let mut writer = Writer::new(Arc::new(Model::default().base()), Scn::BEGINNING);
    let applied = writer.apply(Scn::new(1), &[blocked(1, 2), blocked(1, 1)]);
    let applied = applied.expect("ascends");
    assert_eq!((applied.created.len(), applied.ignored), (0, 1));
    let named = writer.version().graph().known_node(member(2));
    let applied = writer.apply(Scn::new(2), &[GraphChange::MemberAdded(member(2))]);
    let created = applied.expect("ascends").created;
    assert_eq!(created.len(), 1);
    assert_eq!(Some(created[0].node), named);
}

#[test]
fn a_snapshot_without_policy_has_no_file_of_it() {
    let mut site = Site::new();
    site.apply(&[connected(1, 2), blocked(1, 2)]);
    let directory = tempfile::tempdir().expect("a directory");
    let (manifest, _) = folded(site.writer.begin_fold(), directory.path());
    assert_eq!(manifest.requires, ["policy"]);
    assert!(manifest.file(POLICY_NAME).is_some());
    site.apply(&[GraphChange::MemberUnblocked {
        blocker: member(1),
        blocked: member(2),
    }]);
    let directory = tempfile::tempdir().expect("a directory");
    let (manifest, _) = folded(site.writer.begin_fold(), directory.path());
    assert_eq!(manifest.requires, [""; 0]);
    assert!(manifest.file(POLICY_NAME).is_none());
}

#[test]
fn a_snapshot_that_lost_its_policy_is_refused() {
    let mut site = Site::new();
    site.apply(&[connected(1, 2), restricted(1, 1)]);
    let directory = tempfile::tempdir().expect("a directory");
    let (mut manifest, _) = folded(site.writer.begin_fold(), directory.path());
    let path = directory.path().join(POLICY_NAME);
    let bytes = fs::read(&path).expect("reads");
    fs::write(&path, &bytes[..bytes.len() - 1]).expect("writes");
    let refused = Base::open(directory.path(), &manifest);
    assert!(matches!(refused, Err(FileError::WrongLength { .. })));
    manifest.files.retain(|file| file.name != POLICY_NAME);
    let refused = Base::open(directory.path(), &manifest);
    assert!(matches!(refused, Err(FileError::NotInManifest { .. })));
}

#[test]
fn an_overlay_without_a_base_of_its_own_keeps_who_was_only_named() {
    let mut site = Site::new();
    site.apply(&[blocked(7, 8), restricted(8, 99), connected(1, 2)]);
    let directory = tempfile::tempdir().expect("a directory");
    let (manifest, base) = folded(site.writer.begin_fold(), directory.path());
    let base = Arc::new(base);
    drop(site.writer.swap(Arc::clone(&base)));
    site.apply(&[blocked(9, 7), connected(8, 1)]);
    let log = LogId::new(77);
    let overlays = tempfile::tempdir().expect("a directory");
    let written = site.writer.write_overlay(overlays.path(), log, &[], &[]);
    written.expect("writes");
    let read = read_overlay(overlays.path(), &base, &manifest, log).expect("reads");
    assert_eq!(read.refused.len(), 0, "{:?}", read.refused);
    site.writer = read.writer;
    site.check();
    site.apply(&[GraphChange::MemberRemoved(member(8)), blocked(8, 9)]);
}

/// A view trusts a node whose own chain has no entry, so each neighbour of a hidden member has one.
#[test]
fn hiding_is_noticed_at_the_member_and_its_neighbours_and_changes_no_row() {
    let mut site = Site::new();
    site.apply(&[connected(1, 2), connected(2, 3), connected(3, 4)]);
    let kind = |number| RestrictionKind::new(number).expect("a kind");
    let lifted = |number| GraphChange::MemberUnrestricted {
        member: member(2),
        kind: kind(number),
    };
    let steps = [
        (restricted(2, 100), false),
        (restricted(2, 1), true),
        (restricted(2, 2), false),
        (lifted(1), false),
        (lifted(2), true),
        (lifted(2), false),
        (restricted(2, 99), true),
    ];
    for is_folded in [false, true] {
        if is_folded {
            site.apply(&[lifted(99)]);
            site.fold();
        }
        for (change, is_noticed) in steps {
            let before = site.writer.version().published();
            site.apply(&[change]);
            let graph = site.writer.current().graph();
            let is_same = |id| {
                let node = graph.node(member(id)).expect("exists");
                graph.has_same_row_at(node, before)
            };
            let found = [1, 2, 3, 4].map(is_same);
            assert_eq!(
                found,
                [!is_noticed, !is_noticed, !is_noticed, true],
                "{change:?}"
            );
        }
    }
}
