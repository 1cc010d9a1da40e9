//! A small site in a temporary directory, and a server on it in this process.
//!
//! Nodes are in descending order of member id, so that an answer that depends on their order
//! differs.
//!
//! Members 1 to 8 have the connections 1-2, 2-3, 3-4, 4-5, 1-6, 6-3, made one second after the
//! other. Members 7 and 8 have none.

use cloud_client::{Admin, Client};
use cloud_engine::{
    ContentDigest, Csr, LineageHasher, Manifest, ManifestFile, NodeIndex, StandsAt, snapshot_name,
    write_graph,
};
use cloud_model::{ConnectionTime, LineageId, MemberId, Scn};
use cloud_profile::ProfileRecord;
use cloud_proto::databus::v1::{Member, Position, PositionKind};
use cloud_search::{
    BASE_INDEX_NAME, BaseIndexWriter, NoProfiles, PROFILES_NAME, ProfileFileWriter,
};
use graph_server::{Config, Limits, Running, serve};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub(crate) const MEMBERS: u64 = 8;
pub(crate) const CONNECTIONS: [(u64, u64); 6] = [(1, 2), (2, 3), (3, 4), (4, 5), (1, 6), (6, 3)];

/// A site, its server, and handles on both listeners.
pub(crate) struct SmallSite {
    pub(crate) folder: TempDir,
    pub(crate) running: Running,
    pub(crate) client: Client,
    /// The log, on the admin listener.
    pub(crate) log: Client,
    pub(crate) admin: Admin,
}

impl SmallSite {
    pub(crate) async fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_snapshot(&folder.path().join("snapshot"));
        Self::on(folder, limits).await
    }

    /// Starts a server on an existing site.
    pub(crate) async fn on(folder: TempDir, limits: Limits) -> Self {
        let running = serve(config(folder.path(), limits)).await.unwrap();
        let client = Client::connect(running.public_addr().to_string())
            .await
            .unwrap();
        let admin = running.admin_addr().to_string();
        let log = Client::connect(admin.as_str()).await.unwrap();
        let admin = Admin::connect(admin).await.unwrap();
        Self {
            folder,
            running,
            client,
            log,
            admin,
        }
    }

    /// Stops the server, and starts another one on the same site.
    pub(crate) async fn restart(self, limits: Limits) -> Self {
        Self::on(self.stop().await, limits).await
    }

    /// Stops the server. Its site remains.
    pub(crate) async fn stop(self) -> TempDir {
        drop((self.client, self.log, self.admin));
        self.running.shutdown().await.unwrap();
        self.folder
    }
}

pub(crate) fn config(folder: &Path, limits: Limits) -> Config {
    Config {
        snapshot: folder.join("snapshot"),
        databus: format!("embedded:{}", folder.join("log").display())
            .parse()
            .unwrap(),
        listen: "127.0.0.1:0".parse().unwrap(),
        admin_listen: "127.0.0.1:0".parse().unwrap(),
        limits,
        ..Config::default()
    }
}

/// Returns a member's profile. An even member is an engineer, an odd one a painter.
pub(crate) fn profile(id: u64) -> ProfileRecord {
    let title = if id.is_multiple_of(2) {
        "Engineer"
    } else {
        "Painter"
    };
    let position = Position {
        position_id: 1,
        kind: PositionKind::Work.into(),
        title: title.into(),
        organisation: "Acme".into(),
        current: true,
        ..Default::default()
    };
    let member = Member {
        member_id: id,
        display_name: format!("Member {id}"),
        headline: format!("{title} at Acme"),
        ..Default::default()
    };
    ProfileRecord {
        member: Some(member),
        positions: vec![position],
    }
}

pub(crate) fn write_snapshot(site: &Path) {
    write_snapshot_of(site, profile);
}

/// Writes a snapshot with these profiles.
pub(crate) fn write_snapshot_of(site: &Path, profile: fn(u64) -> ProfileRecord) {
    let snapshot = create(site);
    let mut profiles = ProfileFileWriter::create(&snapshot.join(PROFILES_NAME)).unwrap();
    let mut index = BaseIndexWriter::create(&snapshot.join(BASE_INDEX_NAME), 64 << 20, 1).unwrap();
    for (node, id) in (0..).zip(members()) {
        let profile = profile(id.get());
        profiles.push(&profile).unwrap();
        index.push(NodeIndex::new(node), &profile).unwrap();
    }
    finish(&snapshot, profiles.content_digest(), |lineage_id| {
        let profiles = profiles.finish(lineage_id).unwrap();
        [vec![profiles], index.finish().unwrap()].concat()
    });
}

/// Writes the snapshot of a dump without profiles.
pub(crate) fn write_silent_snapshot(site: &Path) {
    let snapshot = create(site);
    let people = NoProfiles::new(MEMBERS as u32);
    finish(&snapshot, people.content_digest(), |lineage_id| {
        people.write(&snapshot, lineage_id).unwrap()
    });
}

fn create(site: &Path) -> PathBuf {
    let snapshot = site.join(snapshot_name(0, Scn::BEGINNING));
    fs::create_dir_all(&snapshot).unwrap();
    snapshot
}

/// Returns the members by node.
fn members() -> Vec<MemberId> {
    let member = |id| MemberId::new(id).unwrap();
    (1..=MEMBERS).rev().map(member).collect()
}

/// Writes the graph, and the files that `people` writes for its lineage.
fn finish(
    snapshot: &Path,
    profiles: ContentDigest,
    people: impl FnOnce(LineageId) -> Vec<ManifestFile>,
) {
    let member = |id| MemberId::new(id).unwrap();
    let edges: Vec<_> = (1..)
        .zip(CONNECTIONS)
        .map(|(second, (one, other))| {
            (
                member(one),
                member(other),
                ConnectionTime::from_millis(second * 1000),
            )
        })
        .collect();
    let graph = Csr::in_node_order(&members(), &edges).unwrap();
    let mut lineage = LineageHasher::new();
    lineage.graph(&graph.content());
    lineage.section("profiles", profiles);
    let lineage_id = lineage.finish();
    let mut files = write_graph(snapshot, lineage_id, &graph.content()).unwrap();
    files.extend(people(lineage_id));
    let manifest = Manifest {
        members: MEMBERS,
        connections: CONNECTIONS.len() as u64,
        files,
        ..Manifest::new(lineage_id, Scn::BEGINNING, StandsAt::Beginning {})
    };
    manifest.write(snapshot).unwrap();
}
