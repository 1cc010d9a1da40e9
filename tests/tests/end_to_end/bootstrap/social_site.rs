//! The core database of a social application: its schema, random rows and random transactions, and
//! what a site built from it must hold, by plain SQL.

use cloud_tests::content::Content;
use rand::{Rng as _, RngCore, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio_postgres::Client;

/// The schema, with a partitioned table, and its publication.
const SCHEMA: &str = "
    CREATE SCHEMA site;
    CREATE TABLE site.users (
        id bigint PRIMARY KEY, handle text, given text, city text, team text,
        active boolean NOT NULL DEFAULT true, deleted_at timestamptz);
    CREATE TABLE site.details (
        user_id bigint PRIMARY KEY, tagline text, about text, skills text[]);
    CREATE TABLE site.jobs (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, company text, title text,
        started date, ended date);
    CREATE TABLE site.studies (
        id bigint PRIMARY KEY, user_id bigint NOT NULL, school text, degree text, since date);
    CREATE TABLE site.links (
        a bigint, b bigint, status text NOT NULL, accepted_at timestamptz, removed_at timestamptz,
        PRIMARY KEY (a, b)) PARTITION BY HASH (a);
    CREATE TABLE site.links_0 PARTITION OF site.links FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE site.links_1 PARTITION OF site.links FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    ALTER TABLE site.users REPLICA IDENTITY FULL;
    ALTER TABLE site.jobs REPLICA IDENTITY FULL;
    ALTER TABLE site.studies REPLICA IDENTITY FULL;
    CREATE PUBLICATION cloud FOR ALL TABLES WITH (publish_via_partition_root = true);
";

pub(crate) const MAPPING: &str = r#"
    [members]
    table = "site.users"
    id = "id"
    where = { active = true, deleted_at = { is_null = true } }
    [members.fields]
    display_name = "handle"
    given_name = "given"
    place = "city"
    "attributes.team" = "team"

    [[profiles]]
    table = "site.details"
    member = "user_id"
    fields = { headline = "tagline", summary = "about", skills = "skills" }

    [[positions]]
    table = "site.jobs"
    id = "id"
    member = "user_id"
    [positions.fields]
    kind = { constant = "work" }
    organisation = "company"
    title = "title"
    from = "started"
    to = "ended"
    current = { is_null = "ended" }

    [[positions]]
    table = "site.studies"
    id = "id"
    member = "user_id"
    [positions.fields]
    kind = { constant = "education" }
    organisation = "school"
    title = "degree"
    from = "since"

    [[connections]]
    table = "site.links"
    member = "a"
    other = "b"
    pair = "one_row"
    connected_at = "accepted_at"
    where = { status = "accepted", removed_at = { is_null = true } }
"#;

const TEXTS: [&str; 14] = [
    "plain",
    "a\ttab",
    "back\\slash",
    "two\nlines",
    "\\N",
    "\\.",
    "it's \"quoted\"",
    "  trimmed\t",
    "",
    "é ü 漢 🦀",
    "{curly},comma",
    "cr\rlf\r\n.",
    "\\",
    "NULL",
];

/// Makes random rows and transactions. The same seed makes the same ones.
pub(crate) struct History {
    random: ChaCha8Rng,
    users: u64,
    next_id: u64,
}

impl History {
    pub(crate) fn new(seed: u64, users: u64) -> History {
        History::with_ids_from(seed, users, 1)
    }

    /// Makes a history whose positions have ids from this one on.
    pub(crate) fn with_ids_from(seed: u64, users: u64, next_id: u64) -> History {
        History {
            random: ChaCha8Rng::seed_from_u64(seed),
            users,
            next_id,
        }
    }

    /// Creates the schema and its first rows.
    pub(crate) async fn create(&mut self, client: &Client, links: u64) {
        client.batch_execute(SCHEMA).await.expect("a schema");
        let mut statements = String::from("BEGIN;");
        for id in 1..=self.users {
            statements += &self.user(id);
            if self.random.random_bool(0.7) {
                statements += &self.details(id);
            }
        }
        for _ in 0..self.users {
            statements += &self.position();
        }
        for _ in 0..links {
            statements += &self.link();
        }
        client
            .batch_execute(&(statements + "COMMIT;"))
            .await
            .expect("rows");
    }

    /// Returns the next transaction. The first user's city is its number.
    pub(crate) fn transaction(&mut self, number: u64) -> String {
        let mut statements =
            format!("BEGIN; UPDATE site.users SET city = '{number}' WHERE id = 1;");
        for _ in 0..self.random.random_range(1..6) {
            let id = self.random.random_range(2..=self.users);
            statements += &match self.random.random_range(0..12) {
                0 => self.user(id),
                1 => self.details(id),
                2 => self.position(),
                3..6 => self.link(),
                6 => format!("UPDATE site.users SET active = NOT active WHERE id = {id};"),
                7 => format!("UPDATE site.links SET removed_at = now() WHERE a = {id};"),
                8 => format!("DELETE FROM site.links WHERE b = {id};"),
                9 => format!("DELETE FROM site.jobs WHERE user_id = {id};"),
                10 => format!("DELETE FROM site.details WHERE user_id = {id};"),
                _ => format!("UPDATE site.users SET deleted_at = '2024-01-01' WHERE id = {id};"),
            };
        }
        statements + "COMMIT;"
    }

    fn user(&mut self, id: u64) -> String {
        let [handle, given, city, team] = [(); 4].map(|()| self.text());
        let active = id == 1 || self.random.random_bool(0.9);
        let deleted = match id > 1 && self.random.random_bool(0.1) {
            true => "'2023-05-06'",
            false => "NULL",
        };
        format!(
            "INSERT INTO site.users VALUES ({id}, {handle}, {given}, {city}, {team}, {active}, \
             {deleted}) ON CONFLICT (id) DO UPDATE SET handle = excluded.handle, \
             active = excluded.active, deleted_at = excluded.deleted_at;"
        )
    }

    fn details(&mut self, id: u64) -> String {
        let [tagline, about] = [(); 2].map(|()| self.text());
        let skills = match self.random.random_range(0..4) {
            0 => "NULL".to_owned(),
            length => {
                let skills: Vec<_> = (0..length).map(|_| self.text()).collect();
                format!("ARRAY[{}]::text[]", skills.join(", "))
            }
        };
        // A part of them has no user.
        let id = id + 10 * u64::from(self.random.random_bool(0.1)) * self.users;
        format!(
            "INSERT INTO site.details VALUES ({id}, {tagline}, {about}, {skills}) \
             ON CONFLICT (user_id) DO UPDATE SET tagline = excluded.tagline, \
             skills = excluded.skills;"
        )
    }

    fn position(&mut self) -> String {
        let id = self.next_id;
        self.next_id += 1;
        let user = self.random.random_range(1..=self.users + self.users / 10);
        let [organisation, title] = [(); 2].map(|()| self.text());
        let year = self.random.random_range(1950..2020);
        match self.random.random_range(0..3) {
            0 => format!(
                "INSERT INTO site.studies VALUES ({id}, {user}, {organisation}, {title}, \
                 '{year}-03-04');"
            ),
            1 => format!(
                "INSERT INTO site.jobs VALUES ({id}, {user}, {organisation}, {title}, NULL, NULL);"
            ),
            _ => format!(
                "INSERT INTO site.jobs VALUES ({id}, {user}, {organisation}, {title}, \
                 '{year}-11-30', '{}-01-31');",
                year + 2
            ),
        }
    }

    fn link(&mut self) -> String {
        let a = self.random.random_range(1..=self.users + 3);
        let b = self.random.random_range(1..=self.users + 3);
        // Each pair has one row, in either direction.
        let (a, b) = match (a ^ b) % 2 {
            0 => (a.min(b), a.max(b)),
            _ => (a.max(b), a.min(b)),
        };
        let status = ["accepted", "accepted", "accepted", "pending"];
        let status = status[self.random.random_range(0..status.len())];
        let time = match self.random.random_bool(0.9) {
            true => format!(
                "to_timestamp({}) + interval '{} ms'",
                self.random.random_range(1_000_000_000..1_700_000_000),
                self.random.random_range(0..1000)
            ),
            false => "NULL".to_owned(),
        };
        if a == b {
            return String::new();
        }
        format!(
            "INSERT INTO site.links VALUES ({a}, {b}, '{status}', {time}) ON CONFLICT (a, b) \
             DO UPDATE SET status = excluded.status, removed_at = NULL;"
        )
    }

    /// Returns a text as SQL writes it, or NULL.
    fn text(&mut self) -> String {
        match self.random.next_u32() as usize % (TEXTS.len() + 2) {
            known if known < TEXTS.len() => {
                let text = TEXTS[known].replace('\\', "\\\\").replace('\'', "''");
                format!("E'{text}'")
            }
            known if known == TEXTS.len() => "NULL".to_owned(),
            _ => format!("'text {}'", self.random.next_u32()),
        }
    }
}

/// The members with all their fields.
const MEMBERS: &str = "
    SELECT users.id::text, given, handle, tagline, city, about, team, skills
    FROM site.users LEFT JOIN site.details ON details.user_id = users.id
    WHERE active AND deleted_at IS NULL";

/// The positions of members. The id is the beginning of a hash of table and key.
const POSITIONS: &str = "
    WITH position AS (
        SELECT 'site.jobs:' || id AS key, user_id, 'work' AS kind, title, company AS organisation,
               started AS since, ended, ended IS NULL AS is_current
        FROM site.jobs
        UNION ALL
        SELECT 'site.studies:' || id, user_id, 'education', degree, school, since, NULL, false
        FROM site.studies)
    SELECT user_id::text,
           ((('x' || left(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 16))::bit(64) >> 1)
               ::bigint)::text,
           kind, title, organisation, to_char(since, 'YYYY-MM'), to_char(ended, 'YYYY-MM'),
           is_current::text
    FROM position JOIN site.users ON users.id = user_id
    WHERE active AND deleted_at IS NULL";

/// The connections of members, by the smaller id.
const CONNECTIONS: &str = "
    SELECT least(a, b)::text, greatest(a, b)::text,
           to_char(accepted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')
    FROM site.links
    JOIN site.users AS one ON one.id = a AND one.active AND one.deleted_at IS NULL
    JOIN site.users AS other ON other.id = b AND other.active AND other.deleted_at IS NULL
    WHERE status = 'accepted' AND removed_at IS NULL AND a <> b";

/// Returns what a site of this database must hold.
pub(crate) async fn content(client: &Client) -> Content {
    let mut content = Content::default();
    let text = |row: &tokio_postgres::Row, column: usize| -> String {
        let text: Option<String> = row.get(column);
        text.unwrap_or_default().trim().to_owned()
    };
    let texts = |row: &tokio_postgres::Row, columns: usize| -> Vec<String> {
        (0..columns).map(|column| text(row, column)).collect()
    };
    for row in client.query(MEMBERS, &[]).await.expect("members") {
        let mut member = texts(&row, 6);
        let skills: Option<Vec<Option<String>>> = row.get(7);
        let skills = skills.unwrap_or_default().into_iter().flatten();
        let skills = skills.map(|skill| skill.trim().to_owned());
        let skills: Vec<_> = skills.filter(|skill| !skill.is_empty()).collect();
        member.push(skills.join(";"));
        let team = text(&row, 6);
        member.push(match team.is_empty() {
            true => team,
            false => format!("team={team}"),
        });
        content.members.insert(member);
    }
    for row in client.query(POSITIONS, &[]).await.expect("positions") {
        content.positions.insert(texts(&row, 8));
    }
    for row in client.query(CONNECTIONS, &[]).await.expect("connections") {
        content.connections.insert(texts(&row, 3));
    }
    content
}
