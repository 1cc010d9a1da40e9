//! Redis: a server of its own, with the neighbours of each member in a set, and scripts that answer
//! in one call.
//!
//! A set of up to 512 neighbours is an array of 32-bit numbers, the most compact form of Redis.

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use cloud_engine::{Degree, Graph};
use redis::{AsyncConnectionConfig, Client, Script, ScriptInvocation, aio::MultiplexedConnection};

use super::{
    Shared, degrees_of_digits, first_page,
    process::{Rival, START_TIMEOUT, free_port},
};
use crate::{
    data::ServerFolder,
    outcome::{Outcome, check_equal},
};

/// The connections that callers share. Calls on one connection are pipelined.
const CONNECTIONS: usize = 8;
/// The commands that are sent together while loading.
const LOAD_COMMANDS: usize = 10_000;
/// The most neighbours of a viewer whose degrees are computed from the viewer's side.
const DIRECT_MAX: usize = 150;
/// The file that SAVE writes.
const DUMP_NAME: &str = "dump.rdb";
/// The time for which a viewer's network is kept, if at all: a session.
const KEPT: Duration = Duration::from_secs(1_800);

/// A running server with the graph in it, and one way to use it.
#[derive(Clone, Debug)]
pub struct Redis {
    server: Arc<Server>,
    scripts: Arc<Scripts>,
    networks: Networks,
}

/// The handling of a viewer's 2nd-degree set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Networks {
    /// The set is computed for each question, so the answer is as new as the graph.
    Computed,
    /// The set is kept for half an hour, and the answers may be as old.
    Kept,
}

#[derive(Debug)]
struct Server {
    connections: Vec<MultiplexedConnection>,
    process: Rival,
    folder: ServerFolder,
}

#[derive(Debug)]
struct Scripts {
    degrees: Script,
    path: Script,
    network_size: Script,
}

/// The memory and disk for the graph.
#[derive(Clone, Copy, Debug)]
pub struct RedisSize {
    /// The memory that Redis reports.
    pub memory: u64,
    /// The resident memory of the process.
    pub resident: u64,
    /// The bytes of its file, when it saves one.
    pub disk: u64,
}

impl Redis {
    /// Starts an empty server in a scratch folder. It does not save by itself, so no save
    /// interrupts it.
    pub async fn start(folder: ServerFolder) -> Outcome<Self> {
        let port = free_port()?;
        let version = Command::new("redis-server").arg("--version").output();
        version.map_err(|error| {
            format!("redis-server does not start ({error}): `make bench-rivals` installs it")
        })?;
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path());
        let process = Rival::start(&command, None, &folder.path().join("redis.log"), "TERM")?;
        let client = Client::open(format!("redis://127.0.0.1:{port}/"))?;
        let mut connections = Vec::new();
        while connections.len() < CONNECTIONS {
            connections.push(connect(&client).await?);
        }
        let degrees = include_str!("degrees.lua").replace("DIRECT_MAX", &DIRECT_MAX.to_string());
        let scripts = Scripts {
            degrees: Script::new(&degrees),
            path: Script::new(include_str!("path.lua")),
            network_size: Script::new(include_str!("network_size.lua")),
        };
        Ok(Self {
            server: Arc::new(Server {
                connections,
                process,
                folder,
            }),
            scripts: Arc::new(scripts),
            networks: Networks::Computed,
        })
    }

    /// Returns the same server with another handling of networks.
    #[must_use]
    pub fn with(&self, networks: Networks) -> Self {
        Self {
            networks,
            ..self.clone()
        }
    }

    /// Returns the handling of networks.
    pub fn networks(&self) -> Networks {
        self.networks
    }

    /// Loads the graph, many commands together, and returns the duration. It takes the lists of
    /// neighbours as they are, which is an advantage over the other servers.
    pub async fn load(&self, graph: &Graph) -> Outcome<Duration> {
        let mut connection = self.connection(0)?;
        let start = Instant::now();
        let (mut commands, mut members) = (redis::pipe(), 0);
        for node in graph.nodes() {
            let ids: Vec<u64> = graph
                .neighbours(node)
                .map(|neighbour| graph.member(neighbour).get())
                .collect();
            if ids.is_empty() {
                continue;
            }
            members += 1;
            commands.sadd(key(graph.member(node).get()), ids).ignore();
            if commands.len() >= LOAD_COMMANDS {
                let () = commands.query_async(&mut connection).await?;
                commands.clear();
            }
        }
        let () = commands.query_async(&mut connection).await?;
        let duration = start.elapsed();
        let keys: u64 = redis::cmd("DBSIZE").query_async(&mut connection).await?;
        check_equal(|| "members in Redis".to_owned(), members, keys)?;
        Ok(duration)
    }

    /// Measures the memory and disk for the graph.
    pub async fn size(&self) -> Outcome<RedisSize> {
        let mut connection = self.connection(0)?;
        let () = redis::cmd("SAVE").query_async(&mut connection).await?;
        let info: String = redis::cmd("INFO")
            .arg("memory")
            .query_async(&mut connection)
            .await?;
        let memory = info
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"))
            .ok_or("Redis does not report its memory")?;
        Ok(RedisSize {
            memory: memory.trim().parse()?,
            resident: self.server.process.resident()?.total(),
            disk: std::fs::metadata(self.server.folder.path().join(DUMP_NAME))?.len(),
        })
    }

    pub(super) async fn degrees(
        &self,
        number: u64,
        viewer: u64,
        targets: &[u64],
    ) -> Outcome<Vec<Degree>> {
        let kept = match self.networks {
            Networks::Computed => 0,
            Networks::Kept => KEPT.as_secs(),
        };
        let mut call = self.scripts.degrees.key(format!("n:{viewer}"));
        call.arg(viewer).arg(kept);
        targets.iter().for_each(|target| {
            call.arg(target);
        });
        let digits: String = self.call(number, &call).await?;
        degrees_of_digits(&digits)
    }

    pub(super) async fn shared(&self, number: u64, viewer: u64, other: u64) -> Outcome<Shared> {
        let mut command = redis::cmd("SINTER");
        command.arg(key(viewer)).arg(key(other));
        Ok(first_page(
            command.query_async(&mut self.connection(number)?).await?,
        ))
    }

    pub(super) async fn path(&self, number: u64, viewer: u64, other: u64) -> Outcome<Vec<u64>> {
        let mut call = self.scripts.path.arg(viewer);
        call.arg(other);
        self.call(number, &call).await
    }

    pub(super) async fn network_size(&self, number: u64, viewer: u64) -> Outcome<[u64; 2]> {
        let mut call = self.scripts.network_size.key(format!("s:{viewer}"));
        call.arg(viewer);
        let sizes: Vec<u64> = self.call(number, &call).await?;
        Ok(sizes
            .try_into()
            .map_err(|sizes| format!("sizes {sizes:?}"))?)
    }

    async fn call<T: redis::FromRedisValue>(
        &self,
        number: u64,
        call: &ScriptInvocation<'_>,
    ) -> Outcome<T> {
        Ok(call.invoke_async(&mut self.connection(number)?).await?)
    }

    fn connection(&self, number: u64) -> Outcome<MultiplexedConnection> {
        let connection = self.server.connections.get(number as usize % CONNECTIONS);
        connection
            .cloned()
            .ok_or_else(|| "Redis has no connections".into())
    }
}

fn key(member: u64) -> String {
    format!("c:{member}")
}

/// Connects as soon as the server accepts connections. Calls have no timeout: the driver's default
/// is half a second, and the network of a hub may take longer.
async fn connect(client: &Client) -> Outcome<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let start = Instant::now();
    loop {
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        match connection.await {
            Ok(connection) => return Ok(connection),
            Err(error) if start.elapsed() > START_TIMEOUT => {
                return Err(format!("Redis does not accept connections: {error}").into());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
