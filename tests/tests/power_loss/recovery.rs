//! Checks that a server that starts after a power loss keeps its promises, and answers correctly.

use std::fs;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloud_client::Error;
use cloud_engine::{Base, FileError, Manifest, newest_snapshots, read_overlay};
use cloud_model::LogId;
use cloud_proto::cloud::v1::{
    BatchGetProfilesRequest, ConnectionOrder, GetStatusRequest, ListConnectionsRequest,
    SearchMembersRequest,
};
use cloud_proto::databus::v1::at_least::Point;
use cloud_proto::databus::v1::{AsOf, AtLeast};
use cloud_tests::history;
use cloud_tests::record::Record;
use cloud_tests::server::Connections;
use cloud_tests::site;
use graph_server::{Config, Limits, serve};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::story::Story;
use crate::tree::Tree;

/// The promises that were made before the power loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Promised {
    /// The site was built.
    pub(crate) built: bool,
    /// Windows up to this SCN were acknowledged.
    pub(crate) windows: u64,
    /// A snapshot at this SCN or above was taken.
    pub(crate) snapshot: u64,
    /// The server ended in order, and nothing has happened since.
    pub(crate) overlay: bool,
}

/// Writes the tree to a folder that is never synced: in memory, if the system has such a folder.
pub(crate) fn written(tree: &Tree) -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let folder = folder.expect("a temporary folder");
    for path in &tree.folders {
        fs::create_dir(folder.path().join(path)).expect("a folder");
    }
    for (path, bytes) in &tree.files {
        fs::write(folder.path().join(path), &**bytes).expect("a file");
    }
    folder
}

/// Returns the SCN to which the site recovers, or the error.
pub(crate) fn check(
    runtime: &Runtime,
    tree: &Tree,
    story: &Story,
    promised: Promised,
) -> Result<u64, String> {
    let folder = written(tree);
    if !promised.built {
        build_if_missing(story, folder.path())?;
    }
    check_files(folder.path(), promised)?;
    match served(runtime, folder.path(), story, promised) {
        Served::Well(scn) => Ok(scn),
        Served::Not(why) | Served::Wrongly(why) => Err(why),
    }
}

/// Builds the site if it is missing. A site whose build was not acknowledged may be missing as a
/// whole, and must be buildable where the first attempt ended.
fn build_if_missing(story: &Story, folder: &Path) -> Result<(), String> {
    let site = folder.join("snapshot");
    if site.is_dir() {
        let snapshots = newest_snapshots(&site).map_err(|error| error.to_string())?;
        if !snapshots.is_empty() {
            return Ok(());
        }
    }
    let built = catch_unwind(AssertUnwindSafe(|| {
        site::build(story.beginning(), folder);
    }));
    built.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// The result of a server's start on a folder.
pub(crate) enum Served {
    /// It recovered to this SCN, and all its answers are correct.
    Well(u64),
    /// It did not start, or refused an answer, for this reason.
    Not(String),
    /// It gave an answer that is wrong.
    Wrongly(String),
}

/// Serves the folder, queries everything, and changes something.
pub(crate) fn served(
    runtime: &Runtime,
    folder: &Path,
    story: &Story,
    promised: Promised,
) -> Served {
    let checked = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(check_server(folder, story, promised))
    }));
    match checked {
        Ok(Ok(scn)) => Served::Well(scn),
        Ok(Err(why)) => Served::Not(why),
        Err(panic) => Served::Wrongly(panic.downcast_ref::<String>().cloned().unwrap_or_default()),
    }
}

/// Checks that the newest snapshot is whole, and every overlay file too: a file that has its name
/// has its bytes.
fn check_files(folder: &Path, promised: Promised) -> Result<(), String> {
    let site = folder.join("snapshot");
    let newest = newest_snapshots(&site).map_err(|error| error.to_string())?;
    let newest = newest.first().ok_or("no snapshot is left")?;
    let manifest =
        Manifest::read(newest).map_err(|error| format!("the newest snapshot: {error}"))?;
    if manifest.scn.get() < promised.snapshot {
        return Err(format!(
            "the newest snapshot stands at {}, not {}",
            manifest.scn, promised.snapshot
        ));
    }
    for file in &manifest.files {
        let bytes =
            fs::read(newest.join(&file.name)).map_err(|error| format!("{}: {error}", file.name))?;
        if (bytes.len() as u64, crc32c::crc32c(&bytes)) != (file.bytes, file.crc32c) {
            return Err(format!("{} of the newest snapshot is damaged", file.name));
        }
    }
    let Some(log_id) = log_id(&folder.join("log")) else {
        return Ok(());
    };
    let base = Arc::new(Base::open(newest, &manifest).map_err(|error| error.to_string())?);
    let found = read_overlay(&site, &base, &manifest, log_id).map_err(|error| error.to_string())?;
    for refused in found.refused {
        if !matches!(refused, FileError::OtherBase { .. }) {
            return Err(format!("an overlay: {refused}"));
        }
    }
    if promised.overlay && found.scn.get() != promised.windows {
        return Err(format!(
            "the overlay written at the end stands at {}, not {}",
            found.scn, promised.windows
        ));
    }
    Ok(())
}

/// Returns the id in the first segment's header; `None` if no segment has one.
fn log_id(log: &Path) -> Option<LogId> {
    let mut segments: Vec<PathBuf> = fs::read_dir(log)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    segments.sort();
    let bytes = fs::read(segments.first()?).ok()?;
    let id = bytes.get(16..)?.first_chunk()?;
    Some(LogId::new(u128::from_be_bytes(*id)))
}

async fn check_server(folder: &Path, story: &Story, promised: Promised) -> Result<u64, String> {
    let config = Config {
        snapshot: folder.join("snapshot"),
        databus: format!("embedded:{}", folder.join("log").display())
            .parse()
            .expect("a databus"),
        listen: "127.0.0.1:0".parse().expect("an address"),
        admin_listen: "127.0.0.1:0".parse().expect("an address"),
        limits: Limits {
            profiles_commit_interval_ms: 1,
            ..Limits::DEFAULT
        },
        ..Config::default()
    };
    let running = serve(config)
        .await
        .map_err(|error| format!("no start: {error}"))?;
    let addresses = [running.public_addr(), running.admin_addr()];
    let answered = check_running(addresses, story, promised).await;
    let ended = running.shutdown().await;
    let head = answered?;
    ended.map_err(|error| format!("no end in order: {error}"))?;
    Ok(head)
}

/// Checks a running server, and returns the SCN to which it recovered.
async fn check_running(
    addresses: [SocketAddr; 2],
    story: &Story,
    promised: Promised,
) -> Result<u64, String> {
    let [public, admin] = addresses.map(|address| format!("http://{address}"));
    let connections = Connections::to(&public, &admin).await;
    let status = connections.admin.call(GetStatusRequest {}).await;
    let head = status
        .map_err(|error| error.to_string())?
        .log_head
        .expect("a log");
    if head.scn < promised.windows {
        return Err(format!(
            "the log ends at {}, and {} were acknowledged",
            head.scn, promised.windows
        ));
    }
    check_answers(&connections, story, &head).await?;

    // It continues with the next window, which may be a repeat for its sender.
    let next = head.scn + 1;
    let window = history::to_publish(story.window(next));
    let published = connections.admin.publish(window).await;
    let as_of = published.map_err(|error| error.to_string())?.as_of;
    if as_of.scn != next {
        return Err(format!(
            "the next window stands at {}, not {next}",
            as_of.scn
        ));
    }
    check_answers(&connections, story, &as_of).await?;
    Ok(head.scn)
}

/// Queries every member, every connection, and some words, as of that point. Panics if an answer
/// differs from the story.
///
/// # Errors
/// If the server refused: the refusal.
async fn check_answers(
    connections: &Connections,
    story: &Story,
    as_of: &AsOf,
) -> Result<(), String> {
    let refused = |refused: Error| refused.to_string();
    let model = story.at(as_of.scn);
    let at_least = || {
        Some(AtLeast {
            point: Some(Point::AsOf(as_of.clone())),
        })
    };
    let request = BatchGetProfilesRequest {
        anonymous: true,
        member_ids: story.ids.clone(),
        at_least: at_least(),
        ..Default::default()
    };
    let answer = connections
        .client
        .call(request.clone())
        .await
        .map_err(refused)?;
    check_record(&Record::Profiles(request, answer), model, as_of);
    let mut ends = 0;
    for (member_id, member) in model.members() {
        let request = ListConnectionsRequest {
            anonymous: true,
            member_id,
            order: ConnectionOrder::Recent.into(),
            page_size: 1000,
            at_least: at_least(),
            ..Default::default()
        };
        let answer = connections
            .client
            .call(request.clone())
            .await
            .map_err(refused)?;
        ends += member.connections.len() as u64;
        check_record(&Record::Connections(request, None, answer), model, as_of);
    }
    let (viewer_id, _) = model.members().next().expect("somebody is left");
    for query in ["engineer", "title:pilot", "senior"] {
        let request = SearchMembersRequest {
            viewer_id,
            query: query.to_owned(),
            page_size: 100,
            at_least: at_least(),
            ..Default::default()
        };
        let answer = connections
            .client
            .call(request.clone())
            .await
            .map_err(refused)?;
        check_record(&Record::Search(request, answer), model, as_of);
    }
    let status = connections
        .admin
        .call(GetStatusRequest {})
        .await
        .map_err(refused)?;
    assert_eq!(
        (status.members, status.connections),
        (model.members().count() as u64, ends / 2)
    );
    Ok(())
}

fn check_record(record: &Record, model: &cloud_tests::model::Model, as_of: &AsOf) {
    assert_eq!(record.scn(), as_of.scn, "{record:?}");
    record.check(model);
}
