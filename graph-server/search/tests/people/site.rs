//! A small site on disk: a snapshot, the engine's graph over it, profiles and index, and the
//! expected truth beside them.

use cloud_engine::{
    Base, Budget, ContentDigest, Graph, GraphChange, LineageHasher, Manifest, ManifestFile,
    Scratch, StandsAt, View, Writer,
};
use cloud_model::{ConnectionTime, LineageId, LogId, MemberId, Scn};
use cloud_profile::{
    Fields, Mask, PositionId, ProfileRecord, empty_profile, remove_position, upsert_member,
    upsert_position,
};
use cloud_proto::databus::v1::{Member, Position};
use cloud_search::{
    BaseIndexWriter, Network, NoProfiles, PROFILES_NAME, ProfileChange, ProfileFileWriter,
    ProfileStore, ProfileWriter,
};
use prost_types::FieldMask;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

pub(crate) const LOG: u128 = 0xABCD;

/// The expected state of a site at one moment, as plain collections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) profiles: BTreeMap<u64, ProfileRecord>,
    pub(crate) edges: BTreeSet<(u64, u64)>,
    /// The factor of member ids by which a snapshot orders its nodes: 0 orders by id alone, any
    /// other value about at random.
    pub(crate) node_order: u64,
}

/// A change, as in the log.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    MemberUpserted(Member, Option<FieldMask>),
    MemberRemoved(u64),
    PositionUpserted(u64, Position, Option<FieldMask>),
    PositionRemoved(u64, u64),
    ConnectionAdded(u64, u64),
    ConnectionRemoved(u64, u64),
}

/// A site with its open stores.
pub(crate) struct Site {
    pub(crate) directory: TempDir,
    pub(crate) manifest: Manifest,
    pub(crate) base: Arc<Base>,
    pub(crate) graph: Writer,
    pub(crate) people: ProfileStore,
    pub(crate) writer: ProfileWriter,
    pub(crate) truth: Truth,
    pub(crate) windows: Vec<(Scn, Vec<Change>)>,
}

pub(crate) fn id(member: u64) -> MemberId {
    MemberId::new(member).unwrap()
}

fn mask<M: Fields>(fields: Option<FieldMask>) -> Mask<M> {
    Mask::from_proto(fields.as_ref()).unwrap()
}

pub(crate) fn edge(one: u64, other: u64) -> (u64, u64) {
    (one.min(other), one.max(other))
}

impl Truth {
    /// Returns all members in the order of their nodes in a snapshot.
    fn members(&self) -> Vec<u64> {
        let mut members: Vec<u64> = self.profiles.keys().copied().collect();
        members.sort_by_key(|member| member.wrapping_mul(self.node_order));
        members
    }

    pub(crate) fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::MemberUpserted(member, fields) => {
                let id = member.member_id;
                let profile = self.profiles.entry(id);
                let profile = profile.or_insert_with(|| empty_profile(id));
                // A change over a bound has no effect.
                let _ = upsert_member(profile, member, mask(fields));
            }
            Change::MemberRemoved(member) => {
                self.profiles.remove(&member);
                self.edges
                    .retain(|&(one, other)| one != member && other != member);
            }
            Change::PositionUpserted(member, position, fields) => {
                if let Some(profile) = self.profiles.get_mut(&member) {
                    let _ = upsert_position(profile, position, mask(fields));
                }
            }
            Change::PositionRemoved(member, position) => {
                if let Some(profile) = self.profiles.get_mut(&member) {
                    remove_position(profile, position);
                }
            }
            Change::ConnectionAdded(one, other) if one != other => {
                for member in [one, other] {
                    self.profiles
                        .entry(member)
                        .or_insert_with(|| empty_profile(member));
                }
                self.edges.insert(edge(one, other));
            }
            Change::ConnectionRemoved(one, other) => {
                self.edges.remove(&edge(one, other));
            }
            Change::ConnectionAdded(..) => {}
        }
    }
}

/// Writes a snapshot at the log's beginning. Little memory makes the index builder use several
/// parts.
pub(crate) fn write_snapshot(directory: &Path, truth: &Truth) -> Manifest {
    std::fs::create_dir_all(directory).unwrap();
    let mut profiles = ProfileFileWriter::create(&directory.join(PROFILES_NAME)).unwrap();
    let mut index = BaseIndexWriter::create(&directory.join("search"), 1, 2).unwrap();
    for (node, member) in truth.members().into_iter().enumerate() {
        let profile = &truth.profiles[&member];
        profiles.push(profile).unwrap();
        index
            .push(cloud_engine::NodeIndex::new(node as u32), profile)
            .unwrap();
    }
    let lineage_id = lineage(profiles.content_digest());
    let mut files = vec![profiles.finish(lineage_id).unwrap()];
    files.extend(index.finish().unwrap());
    manifest(truth, lineage_id, files)
}

/// Writes a silent snapshot of a site whose profiles are all empty.
pub(crate) fn write_silent_snapshot(directory: &Path, truth: &Truth) -> Manifest {
    std::fs::create_dir_all(directory).unwrap();
    let people = NoProfiles::new(truth.profiles.len() as u32);
    let lineage_id = lineage(people.content_digest());
    let files = people.write(directory, lineage_id).unwrap();
    manifest(truth, lineage_id, files)
}

fn lineage(profiles: ContentDigest) -> LineageId {
    let mut lineage = LineageHasher::new();
    lineage.section("profiles", profiles);
    lineage.finish()
}

fn manifest(truth: &Truth, lineage_id: LineageId, files: Vec<ManifestFile>) -> Manifest {
    Manifest {
        members: truth.profiles.len() as u64,
        connections: truth.edges.len() as u64,
        files,
        ..Manifest::new(lineage_id, Scn::BEGINNING, StandsAt::Beginning {})
    }
}

impl Site {
    pub(crate) fn new(truth: Truth) -> Self {
        Self::written_by(write_snapshot, truth)
    }

    /// Opens the site on the snapshot that `write` creates from the truth.
    pub(crate) fn written_by(write: fn(&Path, &Truth) -> Manifest, truth: Truth) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let manifest = write(&directory.path().join("snapshot"), &truth);
        let members: Vec<_> = truth.members().into_iter().map(id).collect();
        let edges: Vec<_> = truth
            .edges
            .iter()
            .map(|&(one, other)| (id(one), id(other), ConnectionTime::UNKNOWN))
            .collect();
        let base = Arc::new(Base::in_node_order(&members, &edges).unwrap());
        let (people, writer) = open(directory.path(), &manifest, "live");
        let graph = Writer::new(Arc::clone(&base), Scn::BEGINNING);
        Self {
            directory,
            manifest,
            base,
            graph,
            people,
            writer,
            truth,
            windows: Vec::new(),
        }
    }

    pub(crate) fn live(&self) -> PathBuf {
        self.directory.path().join("live")
    }

    /// Applies a window to graph, profiles and index, as a server does, and to the truth.
    pub(crate) fn apply(&mut self, scn: u64, changes: Vec<Change>) {
        let scn = Scn::new(scn);
        for change in &changes {
            self.truth.apply(change);
        }
        apply(&mut self.graph, &mut self.writer, scn, &changes);
        self.windows.push((scn, changes));
    }

    pub(crate) fn commit(&mut self) {
        let through = self.graph.version().graph().scn();
        self.writer.commit(through).unwrap();
    }

    /// Returns the graph at the SCN of the published state.
    pub(crate) fn graph(&self) -> Graph {
        self.graph
            .version()
            .graph_at(self.people.published().scn())
            .unwrap()
    }
}

/// Applies a window to graph, profiles and index.
pub(crate) fn apply(graph: &mut Writer, writer: &mut ProfileWriter, scn: Scn, changes: &[Change]) {
    let mut people = Vec::new();
    let mut graph_changes = Vec::new();
    for change in changes {
        graph_changes.extend(match *change {
            Change::MemberUpserted(ref member, _) => {
                Some(GraphChange::MemberAdded(id(member.member_id)))
            }
            Change::MemberRemoved(member) => Some(GraphChange::MemberRemoved(id(member))),
            Change::ConnectionAdded(one, other) => Some(GraphChange::ConnectionAdded {
                existing_only: false,
                member: id(one),
                other: id(other),
                time: ConnectionTime::UNKNOWN,
            }),
            Change::ConnectionRemoved(one, other) => Some(GraphChange::ConnectionRemoved {
                member: id(one),
                other: id(other),
            }),
            Change::PositionUpserted(..) | Change::PositionRemoved(..) => None,
        });
    }
    graph.apply(scn, &graph_changes).unwrap();
    let now = graph.version().graph();
    let node = |member: u64| now.known_node(id(member));
    for change in changes {
        match change.clone() {
            Change::MemberUpserted(member, fields) => {
                let node = node(member.member_id).unwrap();
                people.push(ProfileChange::MemberUpserted {
                    existing_only: false,
                    node,
                    member_id: id(member.member_id),
                    values: Box::new(member),
                    fields: mask(fields),
                });
            }
            Change::MemberRemoved(member) => {
                people.extend(node(member).map(|node| ProfileChange::MemberRemoved {
                    node,
                    member_id: id(member),
                }));
            }
            Change::PositionUpserted(member, position, fields) => {
                people.extend(node(member).map(|node| ProfileChange::PositionUpserted {
                    node,
                    member_id: id(member),
                    position: Box::new(position),
                    fields: mask(fields),
                }));
            }
            Change::PositionRemoved(member, position_id) => {
                people.extend(node(member).map(|node| ProfileChange::PositionRemoved {
                    node,
                    member_id: id(member),
                    position_id: PositionId::new(position_id).unwrap(),
                }));
            }
            Change::ConnectionAdded(one, other) if one != other => {
                for member in [one, other] {
                    let node = node(member).unwrap();
                    people.push(ProfileChange::MemberCreated {
                        node,
                        member_id: id(member),
                    });
                }
            }
            Change::ConnectionAdded(..) | Change::ConnectionRemoved(..) => {}
        }
    }
    writer.apply(scn, people).unwrap();
}

pub(crate) fn open(
    directory: &Path,
    manifest: &Manifest,
    live: &str,
) -> (ProfileStore, ProfileWriter) {
    ProfileStore::open(
        &directory.join("snapshot"),
        manifest,
        &directory.join(live),
        LogId::new(LOG),
    )
    .unwrap()
}

/// Returns a viewer's network of these degrees.
pub(crate) fn network(graph: &Graph, viewer: u64, degrees: &[cloud_engine::Degree]) -> Network {
    let viewer = graph.node(id(viewer)).unwrap();
    let view = View::build(graph, viewer, &mut Scratch::new(), &mut Budget::unlimited()).unwrap();
    Network {
        degrees: cloud_search::Degrees::of(degrees),
        view: Arc::new(view),
        graph: graph.clone(),
    }
}
