//! A site that is captured from a PostgreSQL server, and its content on both sides.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output},
    thread,
    time::{Duration, Instant},
};

use cloud_client::{Point, Window};
use cloud_tests::{
    binaries::binary,
    content::Content,
    http,
    model::Model,
    postgres::{DATABASE, Postgres, PostgresOptions},
    server::Server,
    site::build_with,
    until::until,
};
use tempfile::TempDir;

/// The schema: members with soft deletes, a second table of profile fields, positions, and
/// connections with a status.
pub(super) const SCHEMA: &str = "
    CREATE TABLE people (
        id bigint PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, headline text,
        city varchar(80), skills text[], team text, deleted_at timestamptz);
    CREATE TABLE about (
        person bigint NOT NULL REFERENCES people ON DELETE CASCADE, story text, field text);
    CREATE UNIQUE INDEX about_person ON about (person);
    CREATE TABLE jobs (
        id bigserial, person bigint NOT NULL REFERENCES people ON DELETE CASCADE,
        employer text, role text, begun date, over date, PRIMARY KEY (person, id));
    CREATE TABLE links (
        one bigint NOT NULL REFERENCES people ON DELETE CASCADE,
        two bigint NOT NULL REFERENCES people ON DELETE CASCADE,
        status text NOT NULL, since timestamptz, PRIMARY KEY (one, two));
    ALTER TABLE people REPLICA IDENTITY FULL;
    ALTER TABLE about REPLICA IDENTITY USING INDEX about_person;
    CREATE TABLE unmapped (id bigserial PRIMARY KEY, note text);
    CREATE PUBLICATION cloud FOR TABLE people, about, jobs, links;
";

pub(super) const MAPPING: &str = r#"
[members]
table = "people"
id = "id"
where = { deleted_at = { is_null = true } }
[members.fields]
given_name = "first_name"
family_name = "last_name"
headline = "headline"
place = "city"
skills = "skills"
"attributes.team" = "team"

[[profiles]]
table = "about"
member = "person"
fields = { summary = "story", industry = "field" }

[[positions]]
table = "jobs"
id = "id"
member = "person"
[positions.fields]
kind = { constant = "work" }
organisation = "employer"
title = "role"
from = "begun"
to = "over"
current = { is_null = "over" }

[[connections]]
table = "links"
member = "one"
other = "two"
pair = "one_row"
connected_at = "since"
where = { status = "accepted" }
"#;

/// The fields of positions that most readers compare.
pub(super) const POSITION_FIELDS: &[&str] = &[
    "member_id",
    "position_id",
    "kind",
    "organisation",
    "title",
    "from",
    "to",
    "current",
];

/// The reader of [`SCHEMA`].
const READER: Reader = Reader {
    member_fields: &[
        "member_id",
        "given_name",
        "family_name",
        "display_name",
        "headline",
        "place",
        "industry",
        "summary",
        "skills",
        "attributes",
    ],
    position_fields: POSITION_FIELDS,
    members: "
        SELECT id::text, trim(first_name), trim(last_name),
            trim(trim(first_name) || ' ' || trim(last_name)), trim(headline), trim(city),
            trim(field), trim(story), array_to_string(skills, ';'),
            CASE WHEN team <> '' THEN 'team=' || team END
        FROM people LEFT JOIN about ON person = id WHERE deleted_at IS NULL",
    positions: "
        SELECT person::text, jobs.id::text, 'work', employer, role,
            to_char(begun, 'YYYY-MM'), to_char(over, 'YYYY-MM'), (over IS NULL)::text
        FROM jobs JOIN people ON person = people.id AND deleted_at IS NULL",
    connections: "
        SELECT least(one, two)::text, greatest(one, two)::text,
            to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')
        FROM links
        JOIN people a ON a.id = one AND a.deleted_at IS NULL
        JOIN people b ON b.id = two AND b.deleted_at IS NULL
        WHERE status = 'accepted'",
};

/// The time by which the site must reach the database, unless the test states another.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Reads from the database what the site should have, by queries of its own.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    /// The fields of members that the query returns.
    pub(super) member_fields: &'static [&'static str],
    /// The fields of positions that the query returns.
    pub(super) position_fields: &'static [&'static str],
    pub(super) members: &'static str,
    pub(super) positions: &'static str,
    /// Returns the smaller id, the larger id, and the time with three digits after the second.
    pub(super) connections: &'static str,
}

impl Reader {
    /// Reads a database of the server.
    async fn read(&self, postgres: &Postgres, database: &str) -> Content {
        Content {
            members: queried(postgres, database, self.members).await,
            positions: queried(postgres, database, self.positions).await,
            connections: queried(postgres, database, self.connections).await,
        }
    }
}

/// A database, and a server with an embedded log that is fed from it.
pub(super) struct CapturedSite {
    pub(super) postgres: Postgres,
    pub(super) folder: TempDir,
    pub(super) server: Option<Server>,
    /// The capture of its own process, if it is not the server's.
    capture: Option<Child>,
    /// The folder of the snapshots.
    snapshots: PathBuf,
    /// The address at which programs reach the database, if it is not the server's own.
    address: Option<String>,
    /// The environment of programs that reach the database, beside the test's own.
    environment: Vec<(&'static str, String)>,
    reader: Reader,
    /// Whether a bootstrap built the site, and recorded the state of capture.
    is_bootstrapped: bool,
    /// The time by which the site must reach the database.
    catch_up: Duration,
}

impl CapturedSite {
    /// Starts an empty site with the schema. `None` if there is no PostgreSQL.
    pub(super) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// Starts an empty site with further settings of the database.
    pub(super) async fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        let options = PostgresOptions::installed()?;
        let options =
            (settings.iter()).fold(options, |options, (name, value)| options.with(name, value));
        let postgres = Postgres::start_with(options).await;
        postgres.execute(SCHEMA).await;
        let mut site = Self::of_one_process(postgres);
        build_with(&Model::default(), site.folder.path(), &[]);
        site.snapshots = site.folder.path().join("snapshot");
        site.server = Some(Server::start(site.folder.path()));
        Some(site)
    }

    /// Builds a site from a database that may be written to meanwhile, and starts a server on it.
    pub(super) fn build(postgres: Postgres) -> Self {
        let mut site = Self::of_one_process(postgres);
        site.build_and_serve();
        site
    }

    /// Builds the site from the database, and starts a server with an embedded log on it.
    pub(super) fn build_and_serve(&mut self) {
        self.snapshots = self.folder.path().join("snapshot");
        let built = self.try_build();
        let stderr = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "loader build: {stderr}");
        self.is_bootstrapped = true;
        self.server = Some(Server::start(self.folder.path()));
    }

    /// Runs the build of a site from the database.
    pub(super) fn try_build(&self) -> Output {
        let mut build = self.program("loader");
        build
            .args(["build", "--from-postgres", &self.address()])
            .arg("--mapping")
            .arg(self.mapping())
            .arg("--out")
            .arg(self.folder.path().join("snapshot"))
            .arg("--capture-state")
            .arg(self.folder.path().join("capture"));
        build.output().expect("loader runs")
    }

    /// Runs the reconciliation of the site with the database.
    pub(super) fn reconcile(&self, flags: &[&str]) -> Output {
        let output = self.reconciliation(flags).output();
        output.expect("loader runs")
    }

    /// Returns the command that reconciles the site with the database.
    pub(super) fn reconciliation(&self, flags: &[&str]) -> Command {
        let admin = self.server.as_ref().expect("a server").admin();
        let mut command = self.program("loader");
        command
            .args(["reconcile", "--from-postgres", &self.address()])
            .arg("--mapping")
            .arg(self.mapping())
            .args(["--log", admin])
            .arg("--scratch")
            .arg(self.folder.path().join("scratch"));
        if !flags.contains(&"--capture-state") {
            let state = self.folder.path().join("capture");
            command.arg("--capture-state").arg(state);
        }
        command.args(flags);
        command
    }

    /// Ends the server.
    pub(super) fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            assert!(server.terminate().success(), "SIGTERM ends the server well");
        }
    }

    /// Lets programs reach the database at another address than the server's own.
    pub(super) fn reach_at(&mut self, address: String) {
        self.address = Some(address);
    }

    /// Sets the environment in which programs reach the database.
    pub(super) fn with_environment(&mut self, variables: &[(&'static str, &str)]) {
        let variables = variables.iter();
        self.environment = variables
            .map(|&(name, value)| (name, value.to_owned()))
            .collect();
    }

    /// Returns the command of a program that reaches the database.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(binary(name));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Returns the address at which programs reach the database.
    fn address(&self) -> String {
        let own = || self.postgres.address();
        self.address.clone().unwrap_or_else(own)
    }

    /// Returns the file of the mapping.
    pub(super) fn mapping(&self) -> PathBuf {
        self.folder.path().join("mapping.toml")
    }

    /// Runs capture in a mode that ends by itself, such as `--check`.
    pub(super) fn run(&self, flags: &[&str]) -> Output {
        let mut command = self.program("databus");
        command
            .args(["capture", "postgres", "--url", &self.address()])
            .arg("--mapping")
            .arg(self.mapping())
            .args(flags);
        command.output().expect("databus runs")
    }

    /// Makes a site whose server is not started yet, and captures by itself.
    pub(super) fn of_one_process(postgres: Postgres) -> Self {
        let site = Self::without_mapping(postgres, READER);
        fs::write(site.mapping(), MAPPING).expect("the mapping");
        site
    }

    /// Makes a site like [`of_one_process`](Self::of_one_process) for another schema, without a
    /// mapping.
    pub(super) fn without_mapping(postgres: Postgres, reader: Reader) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self {
            postgres,
            snapshots: folder.path().join("site"),
            folder,
            server: None,
            capture: None,
            address: None,
            environment: Vec::new(),
            reader,
            is_bootstrapped: false,
            catch_up: CATCH_UP,
        }
    }

    /// Sets the time by which the site must reach the database.
    pub(super) fn catch_up_within(&mut self, time: Duration) {
        self.catch_up = time;
    }

    /// Starts the server that captures by itself.
    pub(super) fn serve(&mut self) {
        let served = self.try_serve(&[]);
        served.unwrap_or_else(|log| panic!("the server did not start:\n{log}"));
    }

    /// Starts the server that captures by itself. Returns its log if it ends before it serves.
    pub(super) fn try_serve(&mut self, flags: &[&str]) -> Result<(), String> {
        let database = self.address();
        let server = Server::try_start_with_database(&database, self.folder.path(), flags)?;
        self.server = Some(server);
        Ok(())
    }

    /// Makes the slot, and lets the log know where it stands.
    pub(super) async fn begin(&self) {
        let slot = "SELECT lsn::text FROM pg_create_logical_replication_slot('cloud', 'pgoutput')";
        let window = Window {
            source_id: self.source_id().await,
            source_offset: lsn(&self.postgres.value(slot).await),
            ..Window::default()
        };
        let server = self.server.as_ref().expect("a server");
        let admin = server.connect().await.admin;
        admin
            .publish(window)
            .await
            .expect("an empty window is taken");
    }

    /// Returns the name of the database as a source.
    pub(super) async fn source_id(&self) -> String {
        let query = "SELECT 'pg:' || system_identifier || '/' || current_database()
                     FROM pg_control_system()";
        self.postgres.value(query).await
    }

    /// Starts capture.
    pub(super) fn capture(&mut self) {
        self.capture_with(&[]);
    }

    /// Starts capture with further flags. A site that was not bootstrapped begins with a new state.
    pub(super) fn capture_with(&mut self, flags: &[&str]) {
        let state = self.folder.path().join("capture");
        let begins: &[&str] = match self.is_bootstrapped {
            true => &[],
            false => &["--new-state"],
        };
        let state = state.to_str().expect("a path");
        let flags = [&["--state", state], begins, flags].concat();
        self.capture = Some(self.spawn(&flags));
    }

    /// Starts another capture, which the caller ends.
    pub(super) fn spawn(&self, flags: &[&str]) -> Child {
        self.spawn_of(&self.address(), &self.mapping(), flags)
    }

    /// Starts a capture of a database by a mapping, which the caller ends.
    pub(super) fn spawn_of(&self, database: &str, mapping: &Path, flags: &[&str]) -> Child {
        let log = File::options().create(true).append(true).open(self.log());
        let log = log.expect("the log of capture");
        let admin = self.server.as_ref().expect("a server").admin();
        let mut command = self.program("databus");
        command
            .args(["capture", "postgres", "--url", database, "--mapping"])
            .arg(mapping)
            .args(["--to", admin])
            .args(flags)
            .stdout(File::create(self.announced()).expect("the output of capture"))
            .stderr(log);
        command.spawn().expect("databus runs")
    }

    /// Ends the server, and starts one on a copy of its site and its log.
    pub(super) fn restore(&mut self, copy: &Path) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
        self.snapshots = copy.join("snapshot");
        self.server = Some(Server::start(copy));
    }

    /// Returns the SCN of the log's last window.
    pub(super) async fn head(&self) -> u64 {
        let server = self.server.as_ref().expect("a server");
        let status = server.connect().await.log.log_status().await;
        status.expect("the log's status").head.expect("a head").scn
    }

    /// Kills capture (SIGKILL).
    pub(super) fn kill_capture(&mut self) {
        if let Some(mut process) = self.capture.take() {
            process.kill().expect("capture runs");
            process.wait().expect("capture ends");
        }
    }

    /// Waits until capture ends by itself, and returns its status and its log.
    pub(super) fn ended(&mut self) -> (ExitStatus, String) {
        let mut process = self.capture.take().expect("capture was started");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = process.try_wait().expect("capture's state") {
                break status;
            }
            if begun.elapsed() > self.catch_up {
                process.kill().expect("capture runs");
                panic!("capture does not end:\n{}", self.printed());
            }
            thread::sleep(Duration::from_millis(20));
        };
        (status, self.printed())
    }

    /// Returns the log of capture, or of the server that captures by itself.
    pub(super) fn printed(&self) -> String {
        let logs = [self.log(), self.folder.path().join("server.log")];
        let read = |log: &PathBuf| fs::read_to_string(log).ok();
        logs.iter().find_map(read).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("capture.log")
    }

    fn announced(&self) -> PathBuf {
        self.folder.path().join("capture.out")
    }

    /// Returns the address of the pages of capture, once it serves them.
    pub(super) async fn pages(&self) -> String {
        until("capture says where it listens", async || {
            let printed = fs::read_to_string(self.announced()).ok()?;
            let (line, _) = printed.split_once('\n')?;
            line.strip_prefix("listening ops=").map(str::to_owned)
        })
        .await
    }

    /// Waits until the metrics of capture have this line. Capture serves them by `--ops-listen`.
    pub(super) async fn until_metric(&self, line: &str) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let value: u64 = value.parse().expect("a number");
        until(line, async || {
            (self.metric(name).await == value).then_some(())
        })
        .await;
    }

    /// Returns the value of a metric of capture; 0 if it is not there yet. Capture serves it by
    /// `--ops-listen`.
    pub(super) async fn metric(&self, name: &str) -> u64 {
        let pages = self.pages().await;
        let (_, page) = http::get(&pages, "/metrics").expect("a page");
        let mut lines = page.lines().filter_map(|line| line.rsplit_once(' '));
        let value = lines.find_map(|(found, value)| (found == name).then_some(value));
        value.map_or(0, |value| value.parse().expect("a whole number"))
    }

    /// Returns the end of the database's log.
    pub(super) async fn position(&self) -> u64 {
        lsn(&self
            .postgres
            .value("SELECT pg_current_wal_lsn()::text")
            .await)
    }

    /// Checks that the site has what the database has, as of the end of the database's log.
    pub(super) async fn check(&self) {
        let position = self.position().await;
        let expected = self.expected().await;
        let found = self.content(position).await;
        found.check(&expected, || {
            format!("capture printed:\n{}", self.printed())
        });
    }

    /// Returns what the site should have.
    pub(super) async fn expected(&self) -> Content {
        self.reader.read(&self.postgres, DATABASE).await
    }

    /// Returns the content of the site at a position of the database, or after it.
    pub(super) async fn content(&self, position: u64) -> Content {
        let server = self.server.as_ref().expect("a server");
        let admin = server.connect().await.admin.timeout(self.catch_up);
        let point = Point::source(self.source_id().await, position);
        let begun = Instant::now();
        while let Err(error) = admin.take_snapshot(Some(point.clone())).await {
            let printed = self.printed();
            assert!(
                begun.elapsed() < self.catch_up,
                "{error}; capture printed:\n{printed}"
            );
        }
        self.of_snapshots()
    }

    /// Returns the content of the site as it is.
    pub(super) async fn content_now(&self) -> Content {
        let server = self.server.as_ref().expect("a server");
        let taken = server.connect().await.admin.take_snapshot(None).await;
        taken.expect("a snapshot");
        self.of_snapshots()
    }

    fn of_snapshots(&self) -> Content {
        let Reader {
            member_fields,
            position_fields,
            ..
        } = self.reader;
        Content::of_snapshot(&self.snapshots, member_fields, position_fields)
    }
}

impl Drop for CapturedSite {
    fn drop(&mut self) {
        self.kill_capture();
    }
}

/// Checks that capture ends with an error that has these words.
pub(super) fn ends_with(site: &mut CapturedSite, words: &[&str]) {
    let (status, printed) = site.ended();
    assert_eq!(status.code(), Some(1), "{printed}");
    let last = printed.lines().rfind(|line| line.starts_with("databus:"));
    let last = last.unwrap_or_else(|| panic!("no error in:\n{printed}"));
    for word in words {
        assert!(last.contains(word), "no {word:?} in: {last}");
    }
}

/// Reads what a site of [`SCHEMA`] should have from a database of the server.
pub(super) async fn of_database(postgres: &Postgres, database: &str) -> Content {
    READER.read(postgres, database).await
}

/// Returns the rows of a query; NULL is the empty text.
pub(super) async fn queried(
    postgres: &Postgres,
    database: &str,
    sql: &str,
) -> BTreeSet<Vec<String>> {
    let rows = postgres.rows_in(database, sql).await.into_iter();
    rows.map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
        .collect()
}

/// Reads a position of the database's log.
pub(super) fn lsn(text: &str) -> u64 {
    let (high, low) = text.split_once('/').expect("a position");
    let half = |text| u64::from_str_radix(text, 16).expect("hexadecimal digits");
    half(high) << 32 | half(low)
}
