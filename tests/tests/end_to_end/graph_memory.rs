//! A server that goes over to a copy of the graph in memory: while it is changed and read, when it
//! is killed meanwhile, and where there is no room.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloud_client::DegreesOptions;
use cloud_client::proto::cloud::v1::{GraphMemoryStatus, GraphResidence};
use cloud_tests::history::{self, Shape};
use cloud_tests::server::{COMPACTING, Server};
use cloud_tests::site;
use cloud_tests::until::until;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::relay::check_answers;

const RESIDENT: [&str; 2] = ["--graph-memory", "resident"];

async fn graph_memory(server: &Server) -> GraphMemoryStatus {
    let status = server.connect().await.admin.status().await;
    let status = status.expect("the server answers");
    status.graph_memory.expect("it states its graph's memory")
}

async fn until_resident(server: &Server) {
    until("a resident graph", async || {
        let memory = graph_memory(server).await;
        (memory.residence() == GraphResidence::Resident).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_right_while_the_graph_moves() {
    let mut random = ChaCha8Rng::seed_from_u64(31);
    let mut model = history::site(Shape::Uniform, 150, &mut random);
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&model, folder.path());
    let ids: Vec<u64> = model.members().map(|(id, _)| id).collect();
    // Each change makes a new base, which is copied and gone over to.
    let flags = [&RESIDENT[..], &COMPACTING].concat();
    let server = Server::start_with(folder.path(), &flags);
    for round in 0..30 {
        let window = history::window(&ids, &mut random);
        let admin = server.connect().await.admin;
        let published = admin.publish(history::to_publish(window.clone())).await;
        let as_of = published.expect("the log takes windows").as_of;
        model.apply_window(&window);
        check_answers(&server, &as_of, &model, &ids).await;
        if round % 10 == 9 {
            until_resident(&server).await;
            check_answers(&server, &as_of, &model, &ids).await;
        }
    }
    let metrics = cloud_tests::http::get(server.admin(), "/metrics");
    let (_, metrics) = metrics.expect("a page");
    assert!(metrics.contains("cloud_graph_resident 1"), "{metrics}");
    assert!(
        metrics.contains("cloud_memory_large_page_bytes{part=\"graph\"}"),
        "{metrics}"
    );
    assert!(server.terminate().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapped_graph_stays_mapped() {
    let mut random = ChaCha8Rng::seed_from_u64(32);
    let model = history::site(Shape::Uniform, 50, &mut random);
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&model, folder.path());
    let server = Server::start_with(folder.path(), &["--graph-memory", "mapped"]);
    until("the reason", async || {
        let memory = graph_memory(&server).await;
        (memory.reason == "graph-memory is mapped").then_some(())
    })
    .await;
    let memory = graph_memory(&server).await;
    assert_eq!(memory.residence(), GraphResidence::Mapped);
}

/// The members of the larger site. Its graph takes some milliseconds to copy.
const MEMBERS: u64 = 60_000;
const CONNECTIONS: usize = 20 * MEMBERS as usize;
const CONNECTIONS_FILE: [&str; 2] = ["--connections", "connections.csv"];
const MAP: [&str; 2] = ["--map", "connections:member=a,other=b"];

/// Builds a site of random connections.
fn build_larger_site(folder: &Path, random: &mut ChaCha8Rng) {
    let file = fs::File::create(folder.join("connections.csv")).expect("a file");
    let mut file = std::io::BufWriter::new(file);
    writeln!(file, "a,b").expect("written");
    for _ in 0..CONNECTIONS {
        let [one, other] = [1..=MEMBERS, 1..=MEMBERS].map(|ids| random.random_range(ids));
        if one != other {
            writeln!(file, "{one},{other}").expect("written");
        }
    }
    file.flush().expect("written");
    site::load(folder, &CONNECTIONS_FILE, &MAP);
}

/// Returns the degrees of pages of members, for some viewers.
async fn degrees(server: &Server, random: &mut ChaCha8Rng) -> Vec<i32> {
    let client = server.connect().await.client;
    let mut found = Vec::new();
    for _ in 0..20 {
        let viewer = random.random_range(1..=MEMBERS);
        let members: Vec<u64> = (0..100).map(|_| random.random_range(1..=MEMBERS)).collect();
        let answer = client
            .degrees(viewer, &members, DegreesOptions::default())
            .await;
        let degrees = answer.expect("an answer").degrees;
        found.extend(degrees.iter().map(|member| member.degree));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_it_copies_starts_again() {
    let mut random = ChaCha8Rng::seed_from_u64(33);
    let folder = tempfile::tempdir().expect("a temporary folder");
    build_larger_site(folder.path(), &mut random);
    let asked = ChaCha8Rng::seed_from_u64(34);
    let mapped = Server::start_with(folder.path(), &["--graph-memory", "mapped"]);
    let expected = degrees(&mapped, &mut asked.clone()).await;
    assert!(mapped.terminate().success());
    let mut killed_while_copying = 0;
    for _ in 0..10 {
        let server = Server::start_with(folder.path(), &RESIDENT);
        tokio::time::sleep(Duration::from_micros(random.random_range(0..8_000))).await;
        let memory = graph_memory(&server).await;
        killed_while_copying += u32::from(memory.residence() != GraphResidence::Resident);
        server.kill();
        let server = Server::start_with(folder.path(), &RESIDENT);
        assert_eq!(degrees(&server, &mut asked.clone()).await, expected);
        until_resident(&server).await;
        assert_eq!(degrees(&server, &mut asked.clone()).await, expected);
        assert!(server.terminate().success());
    }
    println!("{killed_while_copying} of 10 were killed before the graph was resident");
    assert!(killed_while_copying > 0, "none was killed in time");
}

/// A control group of this machine with a limit of its memory. Dropping it removes it, once its
/// processes have ended.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Makes a group below this process's own. `None` where that is not allowed.
    fn new(limit: u64) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let v1 = groups.lines().find_map(|line| line.split_once(":memory:"));
        let v2 = groups.lines().find_map(|line| line.strip_prefix("0::"));
        let (root, own, file) = match v1 {
            Some((_, own)) => ("/sys/fs/cgroup/memory", own, "memory.limit_in_bytes"),
            None => ("/sys/fs/cgroup", v2?, "memory.max"),
        };
        let name = format!("cloud-test-{}-{limit}", std::process::id());
        let group = Path::new(root).join(own.trim_start_matches('/')).join(name);
        fs::create_dir(&group).ok()?;
        let group = Self(group);
        fs::write(group.0.join(file), limit.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_stays_mapped_where_a_copy_has_no_room() {
    let mut random = ChaCha8Rng::seed_from_u64(35);
    let model = history::site(Shape::Uniform, 100, &mut random);
    let ids: Vec<u64> = model.members().map(|(id, _)| id).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&model, folder.path());
    let budgets = ["--overlay-bytes-max", "256MiB"];
    // The budgets take 832 MiB, and an eighth of the limit is left to the system.
    for (limit, residence) in [
        (600 << 20, GraphResidence::Mapped),
        (1 << 30, GraphResidence::Resident),
    ] {
        let Some(group) = MemoryGroup::new(limit) else {
            println!("no control group with a memory limit can be made here: not tested");
            return;
        };
        let procs = group.0.join("cgroup.procs");
        let script = format!("echo $$ > {} && exec \"$@\"", procs.display());
        let wrapper = ["sh", "-c", &script, "sh"];
        let server = Server::try_start_under(&wrapper, folder.path(), &budgets);
        let server = server.expect("it starts");
        until("a decision", async || {
            let memory = graph_memory(&server).await;
            let is_decided = memory.residence() == residence
                && (memory.reason.contains("do not fit") || memory.reason.is_empty());
            is_decided.then_some(())
        })
        .await;
        let reason = graph_memory(&server).await.reason;
        let states_the_limit = reason.contains("the limit is 600 MiB; lower overlay-bytes-max");
        assert_eq!(
            states_the_limit,
            residence == GraphResidence::Mapped,
            "{reason}"
        );
        let as_of = server.connect().await.admin.status().await;
        let as_of = as_of.expect("a status").graph.expect("a point");
        check_answers(&server, &as_of, &model, &ids).await;
        assert!(server.terminate().success());
    }
}
