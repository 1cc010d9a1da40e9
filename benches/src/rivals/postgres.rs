//! PostgreSQL: a cluster of its own in a scratch folder, with everything in its buffers.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use cloud_engine::{Degree, Graph};
use futures_util::SinkExt as _;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::{
    Shared, degrees_of_digits, first_page, id_of_32_bits,
    process::{Rival, START_TIMEOUT, User, free_port},
};
use crate::{
    data::ServerFolder,
    outcome::{Outcome, check_equal},
};

/// The folder of the programs in Debian's package.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// Settings of an expert who knows the graph and the machine. All data is in the buffers, and no
/// plan is chosen that pays off only for a few large questions. Loading bypasses the log: tables
/// that are created and filled in one transaction are synced instead.
const SETTINGS: [&str; 15] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "shared_buffers=2GB",
    "work_mem=256MB",
    "maintenance_work_mem=2GB",
    "effective_cache_size=16GB",
    "random_page_cost=1",
    "jit=off",
    "max_parallel_workers_per_gather=0",
    "plan_cache_mode=force_generic_plan",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=8GB",
    "autovacuum=off",
    "huge_pages=try",
];
/// The number of connections, a process each. On two cores shared with the callers, more are
/// slower.
const CONNECTIONS: usize = 4;
/// The bytes of a dump that are sent together.
const CHUNK_BYTES: usize = 1 << 20;
const SCHEMA: &str = include_str!("postgres.sql");
/// Converts pairs to lists, in the order in which they are looked up.
const FILL: &str = "
    INSERT INTO adjacency
    SELECT member, array_agg(other ORDER BY other)
    FROM (SELECT one AS member, other FROM pairs UNION ALL SELECT other, one FROM pairs) AS halves
    GROUP BY member ORDER BY member;
    ALTER TABLE adjacency ADD PRIMARY KEY (member);
    DROP TABLE pairs;";
/// Loads all blocks into the buffers: of the table, of its long lists, of the index.
const PREWARM: &str = "
    SELECT pg_prewarm(oid), pg_prewarm(reltoastrelid) FROM pg_class
        WHERE oid = 'adjacency'::regclass;
    SELECT pg_prewarm('adjacency_pkey')";

/// A running cluster with the graph in it.
#[derive(Debug)]
pub struct Postgres {
    connections: Vec<Connection>,
    _server: Rival,
    _folder: ServerFolder,
}

#[derive(Debug)]
struct Connection {
    client: Client,
    degrees: Statement,
    shared: Statement,
    path: Statement,
    network_size: Statement,
}

/// The memory and disk for the graph.
#[derive(Clone, Copy, Debug)]
pub struct PostgresSize {
    /// The bytes of table and index, which are the same in the buffers and on disk.
    pub bytes: u64,
}

impl Postgres {
    /// Creates an empty cluster in a scratch folder and starts it.
    pub async fn start(folder: ServerFolder) -> Outcome<Self> {
        let cluster = folder.path().join("cluster");
        std::fs::create_dir(&cluster)?;
        let user = User::other_than_root()?;
        if let Some(user) = user {
            user.own(&cluster)?;
        }
        let program = |name: &str| {
            let mut command = Command::new(PathBuf::from(PROGRAMS).join(name));
            command.arg("-D").arg(&cluster);
            command
        };
        let mut initdb = program("initdb");
        if let Some(user) = user {
            user.run(&mut initdb);
        }
        initdb.args([
            "--auth=trust",
            "--username=bench",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        let made = initdb.output().map_err(|error| {
            format!("{PROGRAMS}/initdb does not start ({error}): `make bench-rivals` installs it")
        })?;
        if !made.status.success() {
            let printed = String::from_utf8_lossy(&made.stderr);
            return Err(format!("initdb ended with {}: {printed}", made.status).into());
        }
        let (mut server, port) = (program("postgres"), free_port()?);
        server.args(["-p", &port.to_string()]);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        // SIGINT: a fast shutdown that does not wait for clients.
        let server = Rival::start(&server, user, &folder.path().join("postgres.log"), "INT")?;
        let postgres = Self {
            connections: Vec::new(),
            _server: server,
            _folder: folder,
        };
        let client = connect(port).await?;
        postgres.with_connections(client, port).await
    }

    async fn with_connections(mut self, first: Client, port: u16) -> Outcome<Self> {
        first.batch_execute(SCHEMA).await?;
        let mut clients = vec![first];
        while clients.len() < CONNECTIONS {
            clients.push(connect(port).await?);
        }
        for client in clients {
            self.connections.push(Connection::new(client).await?);
        }
        Ok(self)
    }

    /// Loads a dump of pairs with a header row. Returns the duration, including statistics and
    /// visibility.
    pub async fn load(&self, pairs: &Path, graph: &Graph) -> Outcome<Duration> {
        let client = &self.connection(0)?.client;
        let start = Instant::now();
        client
            .batch_execute("BEGIN; CREATE TABLE pairs (one int4 NOT NULL, other int4 NOT NULL)")
            .await?;
        let copy = "COPY pairs FROM STDIN (FORMAT csv, HEADER)";
        let mut rows = std::pin::pin!(client.copy_in::<_, bytes::Bytes>(copy).await?);
        let mut file = File::open(pairs)?;
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            if file
                .by_ref()
                .take(CHUNK_BYTES as u64)
                .read_to_end(&mut chunk)?
                == 0
            {
                break;
            }
            rows.send(chunk.into()).await?;
        }
        rows.finish().await?;
        client.batch_execute(FILL).await?;
        client.batch_execute("COMMIT").await?;
        client
            .batch_execute("VACUUM (ANALYZE, FREEZE) adjacency")
            .await?;
        client.batch_execute(PREWARM).await?;
        let duration = start.elapsed();
        let counted = "SELECT count(*), sum(cardinality(neighbours))::int8 FROM adjacency";
        let row = client.query_one(counted, &[]).await?;
        let right = [
            graph.member_count() as i64,
            2 * graph.connection_count() as i64,
        ];
        check_equal(
            || "members and half-edges in PostgreSQL".to_owned(),
            right,
            [row.try_get(0)?, row.try_get(1)?],
        )?;
        client.batch_execute("CHECKPOINT").await?;
        Ok(duration)
    }

    /// Measures the memory and disk for the graph.
    pub async fn size(&self) -> Outcome<PostgresSize> {
        let client = &self.connection(0)?.client;
        let row = client
            .query_one("SELECT pg_total_relation_size('adjacency')", &[])
            .await?;
        let bytes: i64 = row.try_get(0)?;
        Ok(PostgresSize {
            bytes: bytes as u64,
        })
    }

    pub(super) async fn degrees(
        &self,
        number: u64,
        viewer: u64,
        targets: &[u64],
    ) -> Outcome<Vec<Degree>> {
        let Connection {
            client, degrees, ..
        } = self.connection(number)?;
        let viewer = id_of_32_bits(viewer)?;
        let targets: Vec<i32> = targets
            .iter()
            .map(|&id| id_of_32_bits(id))
            .collect::<Outcome<_>>()?;
        let row = client.query_one(degrees, &[&viewer, &targets]).await?;
        degrees_of_digits(row.try_get(0)?)
    }

    pub(super) async fn shared(&self, number: u64, viewer: u64, other: u64) -> Outcome<Shared> {
        let Connection { client, shared, .. } = self.connection(number)?;
        let (viewer, other) = (id_of_32_bits(viewer)?, id_of_32_bits(other)?);
        let row = client.query_one(shared, &[&viewer, &other]).await?;
        Ok(first_page(ids(row.try_get(0)?)))
    }

    pub(super) async fn path(&self, number: u64, viewer: u64, other: u64) -> Outcome<Vec<u64>> {
        let Connection { client, path, .. } = self.connection(number)?;
        let (viewer, other) = (id_of_32_bits(viewer)?, id_of_32_bits(other)?);
        let row = client.query_one(path, &[&viewer, &other]).await?;
        Ok(ids(row.try_get(0)?))
    }

    pub(super) async fn network_size(&self, number: u64, viewer: u64) -> Outcome<[u64; 2]> {
        let Connection {
            client,
            network_size,
            ..
        } = self.connection(number)?;
        let row = client
            .query_one(network_size, &[&id_of_32_bits(viewer)?])
            .await?;
        let sizes = ids(row.try_get(0)?);
        Ok(sizes
            .try_into()
            .map_err(|sizes| format!("sizes {sizes:?}"))?)
    }

    fn connection(&self, number: u64) -> Outcome<&Connection> {
        let connection = self.connections.get(number as usize % CONNECTIONS);
        connection.ok_or_else(|| "PostgreSQL has no connections".into())
    }
}

impl Connection {
    async fn new(client: Client) -> Outcome<Self> {
        Ok(Self {
            degrees: client.prepare("SELECT degrees($1, $2)").await?,
            shared: client.prepare("SELECT shared($1, $2)").await?,
            path: client.prepare("SELECT path($1, $2)").await?,
            network_size: client.prepare("SELECT network_size($1)").await?,
            client,
        })
    }
}

fn ids(numbers: Vec<i32>) -> Vec<u64> {
    numbers.into_iter().map(|number| number as u64).collect()
}

/// Connects as soon as the server accepts connections.
async fn connect(port: u16) -> Outcome<Client> {
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(port)
        .user("bench")
        .dbname("postgres");
    let start = Instant::now();
    loop {
        match config.connect(NoTls).await {
            Ok((client, connection)) => {
                // The task ends with its client. Its errors come back from the client's calls.
                tokio::spawn(connection);
                return Ok(client);
            }
            Err(error) if start.elapsed() > START_TIMEOUT => {
                return Err(format!("PostgreSQL does not accept connections: {error}").into());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
