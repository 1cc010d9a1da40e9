//! A small core database with a random mapping, and the state that its tables stand for.

use std::{collections::BTreeMap, fmt::Write as _};

use cloud_model::{MemberId, hash_63};

use crate::{
    choices::Choices,
    site_model::{SiteModel, Values, pair, set},
};

/// The number of members' keys.
const KEYS: usize = 5;
const ID: &[&str] = &["1", "2", "3", "4", "5", "6"];

/// Texts. The long ones are stored out of line.
const TEXTS: &[Option<&str>] = &[
    Some("short"),
    Some("other"),
    Some("third"),
    Some(""),
    None,
    Some("short"),
    Some("a long text"),
    Some("another long text"),
];
const FLAGS: &[Option<&str>] = &[Some("t"), Some("f"), None];
const STATES: &[Option<&str>] = &[
    Some("active"),
    Some("active"),
    Some("accepted"),
    Some("close"),
    Some("pending"),
    None,
];
const TIMES: &[Option<&str>] = &[
    None,
    None,
    Some("2010-04-24 05:12:27+00"),
    Some("2020-01-01 00:00:00.5+00"),
];
const DATES: &[Option<&str>] = &[
    None,
    Some("2001-05-17"),
    Some("1999-12-31"),
    Some("2003-01-01 10:00:00"),
];
const LISTS: &[Option<&str>] = &[
    None,
    Some("{}"),
    Some("{sql,rust}"),
    Some("{\"a long text\"}"),
];

/// A row of a table: its values in the order of the columns. `None` is NULL.
pub(crate) type Row = Vec<Option<String>>;

/// A database: tables with their rows, and how they are mapped.
#[derive(Debug)]
pub(crate) struct RandomSite {
    pub(crate) seed: Option<&'static str>,
    pub(crate) has_members: bool,
    pub(crate) tables: Vec<Table>,
    /// How the tables are mapped, in the order of the mapping.
    pub(crate) maps: Vec<Map>,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// The columns of the replica identity. `None`: FULL.
    pub(crate) identity: Option<&'static [&'static str]>,
    /// The columns that hold keys of members.
    pub(crate) keys: &'static [&'static str],
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) table: usize,
    kind: Kind,
    conditions: Vec<(&'static str, Test)>,
    /// The fields by path, with their sources.
    fields: Vec<(&'static str, Source)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Members,
    Profiles,
    Positions { id: &'static str },
    Connections { has_both_rows: bool },
}

#[derive(Clone, Copy, Debug)]
enum Test {
    OneOf(&'static [&'static str]),
    IsNull(bool),
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Column(&'static str),
    Constant(&'static str),
    IsNull(&'static str),
}

const USERS: &[&str] = &[
    "id",
    "name",
    "given",
    "family",
    "bio",
    "team",
    "status",
    "deleted_at",
];
const DETAILS: &[&str] = &["user_id", "given", "family", "place", "skills", "is_public"];
const EXTRAS: &[&str] = &["user_id", "summary", "floor"];
const JOBS: &[&str] = &[
    "id", "user_id", "company", "title", "started", "ended", "status",
];
const COURSES: &[&str] = &["id", "user_id", "title", "started", "ended"];
const FRIENDSHIPS: &[&str] = &[
    "user_id",
    "friend_id",
    "status",
    "accepted_at",
    "deleted_at",
];

impl RandomSite {
    pub(crate) fn new(choices: &mut Choices) -> Self {
        let mut site = Self {
            seed: choices.one_of(&[None, Some("example.org"), Some("")]),
            has_members: choices.below(8) != 7,
            tables: Vec::new(),
            maps: Vec::new(),
        };
        if site.has_members {
            site.add_members(choices);
        }
        let pairs = choices.one_of(&[Some(false), Some(true), None]);
        if pairs.is_some() || !site.has_members {
            site.add_connections(choices, pairs.unwrap_or_default());
        }
        for table in 0..site.tables.len() {
            site.fill(choices, table);
        }
        site
    }

    /// Gives a table its first rows, which a bootstrap reads.
    fn fill(&mut self, choices: &mut Choices, table: usize) {
        for _ in 0..choices.below(8) {
            let columns = 0..self.tables[table].columns.len();
            let row: Row = columns
                .map(|column| self.value(choices, table, column))
                .collect();
            if self.allows(table, None, &row) {
                self.tables[table].rows.push(row);
            }
        }
    }

    fn add_members(&mut self, choices: &mut Choices) {
        use Source::{Column, Constant, IsNull};
        let users = self.add_table(choices, "public.users", USERS, &["id"], &["id"]);
        let names = choices.below(6);
        let mut fields = match names {
            0 => vec![("display_name", Column("name"))],
            1 => vec![
                ("given_name", Column("given")),
                ("family_name", Column("family")),
            ],
            2 => vec![("family_name", Column("family"))],
            3 => vec![
                ("given_name", Column("given")),
                ("family_name", Column("family")),
                ("display_name", Column("name")),
            ],
            _ => Vec::new(),
        };
        let others = [
            ("headline", Column("bio")),
            ("attributes.team", Column("team")),
        ];
        fields.extend(others.into_iter().filter(|_| choices.coin()));
        let conditions = [
            ("status", Test::OneOf(&["active"])),
            ("deleted_at", Test::IsNull(true)),
            ("bio", Test::IsNull(false)),
        ];
        self.add_map(choices, users, Kind::Members, fields, &conditions);
        if choices.coin() {
            let keys = &["user_id"];
            let details = self.add_table(choices, "site.details", DETAILS, keys, keys);
            let mut fields = vec![("place", Column("place")), ("skills", Column("skills"))];
            if names == 4 {
                fields.push(("given_name", Column("given")));
                fields.push(("family_name", Column("family")));
            }
            let conditions = [("is_public", Test::OneOf(&["true"]))];
            self.add_map(choices, details, Kind::Profiles, fields, &conditions);
        }
        if choices.coin() {
            let keys = &["user_id"];
            let extras = self.add_table(choices, "site.extras", EXTRAS, keys, keys);
            let fields = vec![
                ("summary", Column("summary")),
                ("attributes.floor", Column("floor")),
            ];
            self.add_map(choices, extras, Kind::Profiles, fields, &[]);
        }
        let (has_jobs, has_courses) = (choices.coin(), choices.coin());
        let period = [
            ("from", Column("started")),
            ("to", Column("ended")),
            ("current", IsNull("ended")),
        ];
        let position = Kind::Positions { id: "id" };
        if has_jobs {
            let identity = &["user_id", "id"];
            let jobs = self.add_table(choices, "jobs", JOBS, identity, &["user_id"]);
            let mut fields = vec![
                ("kind", Constant("work")),
                ("organisation", Column("company")),
                ("title", Column("title")),
            ];
            fields.extend(period);
            let conditions = [("status", Test::OneOf(&["active", "accepted"]))];
            self.add_map(choices, jobs, position, fields, &conditions);
        }
        if has_courses {
            let identity = &["user_id", "id"];
            let courses = self.add_table(choices, "courses", COURSES, identity, &["user_id"]);
            let mut fields = vec![("kind", Constant("education")), ("title", Column("title"))];
            fields.extend(period);
            self.add_map(choices, courses, position, fields, &[]);
        }
        // A row of a member that is a position too.
        if (has_jobs || has_courses) && choices.below(4) == 3 {
            let fields = vec![("kind", Constant("work")), ("title", Column("bio"))];
            let conditions = [("bio", Test::IsNull(false))];
            self.add_map(choices, users, position, fields, &conditions);
        }
    }

    fn add_connections(&mut self, choices: &mut Choices, has_both_rows: bool) {
        let keys = &["user_id", "friend_id"];
        let table = self.add_table(choices, "social.friendships", FRIENDSHIPS, keys, keys);
        let fields = [("connected_at", Source::Column("accepted_at"))];
        let fields = fields.into_iter().filter(|_| choices.coin()).collect();
        let conditions = [
            ("status", Test::OneOf(&["accepted", "close"])),
            ("deleted_at", Test::IsNull(true)),
            ("accepted_at", Test::IsNull(false)),
        ];
        let kind = Kind::Connections { has_both_rows };
        self.add_map(choices, table, kind, fields, &conditions);
    }

    fn add_table(
        &mut self,
        choices: &mut Choices,
        name: &'static str,
        columns: &'static [&'static str],
        identity: &'static [&'static str],
        keys: &'static [&'static str],
    ) -> usize {
        self.tables.push(Table {
            name,
            columns,
            identity: choices.coin().then_some(identity),
            keys,
            rows: Vec::new(),
        });
        self.tables.len() - 1
    }

    /// Adds a map with some of the conditions.
    fn add_map(
        &mut self,
        choices: &mut Choices,
        table: usize,
        kind: Kind,
        fields: Vec<(&'static str, Source)>,
        conditions: &[(&'static str, Test)],
    ) {
        let conditions = conditions.iter().copied();
        self.maps.push(Map {
            table,
            kind,
            conditions: conditions.filter(|_| choices.below(3) == 0).collect(),
            fields,
        });
    }

    /// Returns the key of a member.
    fn key(&self, number: usize) -> String {
        match self.seed {
            Some(_) => format!("0b8a4b1e-7c1c-4f43-9d0b-3f2f0f7ab6c{number}"),
            None => (number * 7 + 1).to_string(),
        }
    }

    /// Returns a random value of a column. The key of a member may be NULL where no index has it.
    pub(crate) fn value(
        &self,
        choices: &mut Choices,
        table: usize,
        column: usize,
    ) -> Option<String> {
        let table = &self.tables[table];
        let column = table.columns[column];
        let pool = match column {
            _ if table.keys.contains(&column) => {
                let may_be_null = table.identity.is_none() && table.keys == ["user_id"];
                if may_be_null && choices.below(8) == 7 {
                    return None;
                }
                return Some(self.key(choices.below(KEYS)));
            }
            "id" => return Some(choices.one_of(ID).to_owned()),
            "status" => STATES,
            "is_public" => FLAGS,
            "deleted_at" | "accepted_at" => TIMES,
            "started" | "ended" => DATES,
            "skills" => LISTS,
            _ => TEXTS,
        };
        choices.one_of(pool).map(str::to_owned)
    }

    /// Returns the text of the mapping.
    pub(crate) fn mapping(&self) -> String {
        let mut text = String::new();
        if let Some(seed) = self.seed {
            writeln!(text, "seed = {seed:?}").expect("a string");
        }
        for map in &self.maps {
            map.write(&self.tables[map.table], &mut text);
        }
        text
    }

    /// Returns the state that the rows stand for, without the code under test.
    pub(crate) fn state(&self) -> SiteModel {
        let mut state = SiteModel::default();
        for map in &self.maps {
            let table = &self.tables[map.table];
            for row in &table.rows {
                if map.has(table, row) {
                    self.add_row(&mut state, map, row);
                }
            }
        }
        state
    }

    /// Returns whether the member of this key is in the table of members.
    pub(crate) fn is_member(&self, table: usize, row: &Row) -> bool {
        let map = &self.maps[0];
        map.kind == Kind::Members && map.table == table && map.has(&self.tables[table], row)
    }

    /// Returns whether rows of members are positions too.
    pub(crate) fn has_positions_of_users(&self) -> bool {
        let kind = |map: &Map| map.table == 0 && matches!(map.kind, Kind::Positions { .. });
        self.has_members && self.maps.iter().any(kind)
    }

    /// Returns whether a row may stand beside the others of its table: it breaks no unique key, and
    /// a pair is that of two members.
    pub(crate) fn allows(&self, table: usize, place: Option<usize>, row: &Row) -> bool {
        let table = &self.tables[table];
        let others = (table.rows.iter().enumerate()).filter(|(at, _)| Some(*at) != place);
        let mut others = others.map(|(_, other)| other);
        match table.name {
            "social.friendships" => {
                let map = self.maps.last().expect("connections");
                let Kind::Connections { has_both_rows } = map.kind else {
                    panic!("the connections are last");
                };
                row[0] != row[1]
                    && !others.any(|other| {
                        let is_turned = other[0] == row[1] && other[1] == row[0];
                        other[..2] == row[..2] || (!has_both_rows && is_turned)
                    })
            }
            _ => !others.any(|other| other[0] == row[0]),
        }
    }

    fn add_row(&self, state: &mut SiteModel, map: &Map, row: &Row) {
        let table = &self.tables[map.table];
        let id = |column: &str| {
            let key = table.get(row, column)?;
            Some(match self.seed {
                Some(seed) => MemberId::of_key(seed, key).get(),
                None => key.parse().expect("a number"),
            })
        };
        let mut values = Values::new();
        for (path, source) in &map.fields {
            set(&mut values, path, source.value(path, table, row));
        }
        match map.kind {
            Kind::Members => {
                let Some(id) = id("id") else { return };
                map.complete_name(&mut values);
                if self.seed.is_some() {
                    let key = table.get(row, "id").expect("a key");
                    set(&mut values, "key", key.to_owned());
                }
                state.members.insert(id, values);
            }
            Kind::Profiles => {
                map.complete_name(&mut values);
                if let Some(member) = id("user_id").and_then(|id| state.members.get_mut(&id)) {
                    member.extend(values);
                }
            }
            Kind::Positions { id: id_column } => {
                let Some(member) = id(table.keys[0]) else {
                    return;
                };
                let number = table.get(row, id_column).expect("an id");
                let name = match table.name.split_once('.') {
                    Some(_) => table.name.to_owned(),
                    None => format!("public.{}", table.name),
                };
                let is_position = |map: &&Map| matches!(map.kind, Kind::Positions { .. });
                let number = match self.maps.iter().filter(is_position).count() {
                    1 => number.parse().expect("a number"),
                    _ => hash_63(&[&name, ":", number]),
                };
                if state.members.contains_key(&member) {
                    state.positions.insert((member, number), values);
                }
            }
            Kind::Connections { has_both_rows } => {
                let (Some(one), Some(other)) = (id("user_id"), id("friend_id")) else {
                    return;
                };
                let exist = state.members.contains_key(&one) && state.members.contains_key(&other);
                if (self.has_members && !exist) || (has_both_rows && one > other) {
                    return;
                }
                let time = values.get("connected_at").map(|text| match &**text {
                    "2010-04-24 05:12:27+00" => 1_272_085_947,
                    "2020-01-01 00:00:00.5+00" => 1_577_836_800,
                    _ => panic!("no time {text}"),
                });
                state.connections.insert(pair(one, other), time);
            }
        }
    }
}

impl Table {
    pub(crate) fn place(&self, column: &str) -> usize {
        let place = self.columns.iter().position(|one| *one == column);
        place.unwrap_or_else(|| panic!("no column {column} in {}", self.name))
    }

    pub(crate) fn get<'r>(&self, row: &'r Row, column: &str) -> Option<&'r str> {
        row[self.place(column)].as_deref()
    }
}

impl Map {
    /// Returns whether a row passes the conditions.
    fn has(&self, table: &Table, row: &Row) -> bool {
        self.conditions.iter().all(|(column, test)| {
            let value = table.get(row, column);
            match test {
                Test::OneOf(texts) => value.is_some_and(|value| {
                    texts.contains(&value) || (value == "t" && texts.contains(&"true"))
                }),
                Test::IsNull(is_null) => value.is_none() == *is_null,
            }
        })
    }

    /// Makes the display name where no table states it and this one states a name.
    fn complete_name(&self, values: &mut Values) {
        let states = |name: &str| self.fields.iter().any(|(path, _)| *path == name);
        let is_stated = states("given_name") || states("family_name");
        if is_stated && !values.contains_key("display_name") {
            let name = |path: &str| values.get(path).cloned().unwrap_or_default();
            let made = format!("{} {}", name("given_name"), name("family_name"));
            set(values, "display_name", made.trim().to_owned());
        }
    }

    fn write(&self, table: &Table, text: &mut String) {
        let key = table.keys[0];
        let head = match self.kind {
            Kind::Members => format!("[members]\nid = {key:?}"),
            Kind::Profiles => format!("[[profiles]]\nmember = {key:?}"),
            Kind::Positions { id } => format!("[[positions]]\nid = {id:?}\nmember = {key:?}"),
            Kind::Connections { has_both_rows } => {
                let pair = if has_both_rows {
                    "both_rows"
                } else {
                    "one_row"
                };
                let other = table.keys[1];
                format!("[[connections]]\nmember = {key:?}\nother = {other:?}\npair = {pair:?}")
            }
        };
        let tests = self.conditions.iter().map(|(column, test)| match test {
            Test::OneOf(texts) => format!("{column} = {texts:?}"),
            Test::IsNull(is_null) => format!("{column} = {{ is_null = {is_null} }}"),
        });
        let tests = tests.collect::<Vec<_>>().join(", ");
        let fields = self.fields.iter().map(|(path, source)| match source {
            Source::Column(column) => format!("{path:?} = {column:?}"),
            Source::Constant(value) => format!("{path:?} = {{ constant = {value:?} }}"),
            Source::IsNull(column) => format!("{path:?} = {{ is_null = {column:?} }}"),
        });
        let fields: Vec<_> = fields.collect();
        let fields = match self.kind {
            // The time of a connection is not among the fields.
            Kind::Connections { .. } => fields
                .join("\n")
                .replace("\"connected_at\"", "connected_at"),
            _ => format!("fields = {{ {} }}", fields.join(", ")),
        };
        let name = table.name;
        writeln!(
            text,
            "{head}\ntable = {name:?}\nwhere = {{ {tests} }}\n{fields}"
        )
        .expect("a string");
    }
}

impl Source {
    fn value(self, path: &str, table: &Table, row: &Row) -> String {
        let text = match self {
            Self::Constant(text) => return text.to_owned(),
            Self::IsNull(column) if table.get(row, column).is_none() => return "true".to_owned(),
            Self::IsNull(_) => return String::new(),
            Self::Column(column) => table.get(row, column).unwrap_or_default(),
        };
        match path {
            "from" | "to" => text.chars().take(7).collect(),
            "skills" => text.trim_matches(['{', '}', '"']).replace(',', ";"),
            _ => text.to_owned(),
        }
    }
}

/// Returns the keys of members in the rows of all tables but that of the members, with the table
/// and the place of each row.
pub(crate) fn references(site: &RandomSite) -> BTreeMap<String, Vec<(usize, usize)>> {
    let mut references: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, table) in site.tables.iter().enumerate().skip(1) {
        for (place, row) in table.rows.iter().enumerate() {
            for key in table
                .keys
                .iter()
                .filter_map(|column| table.get(row, column))
            {
                let rows = references.entry(key.to_owned()).or_default();
                rows.push((number, place));
            }
        }
    }
    references
}
