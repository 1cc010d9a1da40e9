//! The text of a mapping: what is rejected, its digest, and the names that it completes.

use std::path::Path;

use cloud_capture::{
    Mapping,
    mapping::{Pair, TableKind, TableMap},
};

const MEMBERS: &str = "[members]\ntable = 'users'\nid = 'id'\n";
const CONNECTIONS: &str =
    "[[connections]]\ntable = 'friends'\nmember = 'a'\nother = 'b'\npair = 'one_row'\n";
const KNOWN_OF_MEMBERS: &str = "given_name, family_name, display_name, headline, place, region, \
                                country, industry, summary, skills, key, attributes.NAME";

fn profiles(table: &str, fields: &str) -> String {
    format!("[[profiles]]\ntable = '{table}'\nmember = 'user_id'\nfields = {{ {fields} }}\n")
}

fn positions(table: &str) -> String {
    format!("[[positions]]\ntable = '{table}'\nid = 'id'\nmember = 'user_id'\n")
}

fn parsed(text: &str) -> Mapping {
    Mapping::parse(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

#[track_caller]
fn check_rejected(text: &str, expected: &str) {
    let error = Mapping::parse(text).expect_err("an error").to_string();
    assert_eq!(error, expected, "{text}");
}

/// Checks that a text is no mapping, for reasons with these words.
#[track_caller]
fn check_syntax(text: &str, expected: &[&str]) {
    let error = Mapping::parse(text).expect_err("an error").to_string();
    assert!(
        error.starts_with("the mapping: TOML parse error at line "),
        "{error}"
    );
    for expected in expected {
        assert!(error.contains(expected), "{expected:?} in {error}");
    }
}

#[test]
fn a_mapping_that_contradicts_itself_is_rejected() {
    check_rejected("", "the mapping has neither members nor connections");
    check_rejected(
        "seed = 'x'",
        "the mapping has neither members nor connections",
    );
    for (kind, text) in [
        ("profiles", profiles("details", "place = 'city'")),
        ("positions", positions("jobs") + CONNECTIONS),
    ] {
        check_rejected(
            &text,
            &format!(
                "the mapping has {kind} and no members: add [members] with the table of the \
                 members, or leave out [[{kind}]]"
            ),
        );
    }
    let twice = format!(
        "{MEMBERS}fields = {{ place = 'city' }}\n{}",
        profiles("site.details", "place = 'town'")
    );
    check_rejected(
        &twice,
        "the mapping: both public.users and site.details state the field place: name it in one of \
         them",
    );
    let twice = format!(
        "{MEMBERS}fields = {{ 'attributes.team' = 'a' }}\n{}",
        profiles("details", "'attributes.team' = 'b'")
    );
    check_rejected(
        &twice,
        "the mapping: both public.users and public.details state the field attributes.team: name \
         it in one of them",
    );
    // Two attributes are two fields.
    parsed(&twice.replace("team' = 'b", "floor' = 'b"));
}

#[test]
fn a_field_that_is_not_to_be_mapped_is_rejected() {
    let member = |field: &str| format!("{MEMBERS}fields = {{ {field} = 'x' }}\n");
    for field in ["attributes", "headlines", "positions", "headline.x"] {
        let text = member(&format!("'{field}'"));
        check_rejected(
            &text,
            &format!(
                "the mapping of users: no field is named {field}; the fields are \
                 {KNOWN_OF_MEMBERS}"
            ),
        );
    }
    check_rejected(
        &member("key"),
        "the mapping of users: key is not a field to map: it is the key of which the member's id \
         is made, and is set where there is a seed",
    );
    check_rejected(
        &member("member_id"),
        "the mapping of users: member_id is not a field to map: ids come from the columns that \
         identify the row",
    );
    let position = |field: &str| {
        let positions = positions("jobs");
        format!("{MEMBERS}{positions}fields = {{ {field} = 'x' }}\n")
    };
    check_rejected(
        &position("position_id"),
        "the mapping of jobs: position_id is not a field to map: ids come from the columns that \
         identify the row",
    );
    check_rejected(
        &position("headline"),
        "the mapping of jobs: no field is named headline; the fields are kind, title, \
         organisation, country, from, to, current, organisation_id",
    );
}

#[test]
fn a_constant_that_no_column_holds_is_rejected() {
    let advice = "write a text, a number, true, false, a list of them, { is_null = true } or \
                  { is_null = false }";
    for (value, found) in [
        ("1.5", "1.5"),
        ("2020-01-01", "2020-01-01"),
        ("['a', ['b']]", "[\"b\"]"),
        ("{ is_null = 'yes' }", "{ is_null = \"yes\" }"),
        ("{ equals = 'a' }", "{ equals = \"a\" }"),
    ] {
        let text = format!("{MEMBERS}where = {{ status = {value} }}\n");
        check_rejected(
            &text,
            &format!("the mapping of users: status is {found}: {advice}"),
        );
    }
    let text = format!("{MEMBERS}fields = {{ place = {{ constant = 1.5 }} }}\n");
    check_rejected(
        &text,
        &format!("the mapping of users: place is 1.5: {advice}"),
    );
    parsed(&format!(
        "{MEMBERS}where = {{ a = 'x', b = 1, c = true, d = ['x', 2, false], e = {{ is_null = true \
         }} }}\n"
    ));
}

#[test]
fn an_unknown_name_is_rejected_with_its_line() {
    check_syntax("[members", &["line 1"]);
    check_syntax("members = 1", &["line 1"]);
    check_syntax(
        "[blocks]\ntable = 'x'",
        &["line 1", "`blocks`", "`connections`"],
    );
    check_syntax("[members]\ntable = 'users'", &["missing field `id`"]);
    check_syntax(
        &format!("{MEMBERS}condition = 'x > 1'"),
        &["line 4", "`condition`", "`where`"],
    );
    check_syntax(
        &CONNECTIONS.replace("one_row", "any_row"),
        &["line 5", "`any_row`", "`one_row` or `both_rows`"],
    );
    check_syntax(
        &format!("{MEMBERS}fields = {{ place = {{ constant = 'x', is_null = 'y' }} }}"),
        &["line 4"],
    );
    check_syntax(
        &format!("{MEMBERS}id = 'again'"),
        &["line 4", "duplicate key"],
    );
    check_syntax(&format!("seed = 7\n{MEMBERS}"), &["line 1", "string"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Mapping::read(Path::new("/no/such/mapping.toml")).expect_err("no file");
    let error = error.to_string();
    let expected = "cannot read the mapping /no/such/mapping.toml: ";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn the_digest_is_of_the_values_alone() {
    let text = "seed = 'site'\n[members]\ntable = 'users'\nid = 'id'\nfields = { place = 'city', \
                headline = 'tagline' }\nwhere = { status = ['a', 'b'] }\n";
    let digest = parsed(text).digest;
    assert_eq!(digest.len(), 64);
    for same in [
        format!("# A comment.\n\n{text}   # Another one.\n"),
        text.replace(" = ", "=").replace('\'', "\""),
        text.replace('\n', "\r\n"),
        text.replace(
            "{ place = 'city', headline = 'tagline' }",
            "{ headline = 'tagline', place = 'city' }",
        ),
        "[members]\nid = 'id'\ntable = 'users'\n[members.where]\nstatus = ['a', 'b']\n\
         [members.fields]\nheadline = 'tagline'\nplace = 'city'\n"
            .to_owned(),
    ] {
        let same = match same.contains("seed") {
            true => same,
            false => format!("seed = 'site'\n{same}"),
        };
        assert_eq!(parsed(&same).digest, digest, "{same}");
    }
    for (from, to) in [
        ("'site'", "'site2'"),
        ("seed = 'site'\n", ""),
        ("'city'", "'City'"),
        ("'city'", "{ constant = 'city' }"),
        ("['a', 'b']", "['b', 'a']"),
        ("place", "region"),
        ("'users'", "'public.users'"),
    ] {
        let other = text.replace(from, to);
        assert_ne!(other, text);
        assert_ne!(parsed(&other).digest, digest, "{other}");
    }
}

#[test]
fn tables_and_pairs_are_read() {
    let text = format!(
        "{CONNECTIONS}{}connected_at = 'at'\n[members]\ntable = 'core.users'\nid = 'key'\n{}{}",
        CONNECTIONS.replace("one_row", "both_rows"),
        positions("jobs"),
        positions("core.schools"),
    );
    let mapping = parsed(&text);
    assert!(mapping.has_members());
    let shown = |map: &TableMap| {
        let kind = match &map.kind {
            TableKind::Connection(connection) => match connection.pair {
                Pair::OneRow => "one",
                Pair::BothRows => "both",
            },
            TableKind::Position(position) if position.is_id_hashed => "hashed",
            _ => "",
        };
        format!("{} {} {kind}", map.kind_name(), map.table)
    };
    let tables: Vec<_> = mapping.tables.iter().map(shown).collect();
    assert_eq!(
        tables,
        [
            "members core.users ",
            "positions public.jobs hashed",
            "positions core.schools hashed",
            "connections public.friends one",
            "connections public.friends both",
        ]
    );
    let names = mapping.table_names();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "core.users",
            "public.jobs",
            "core.schools",
            "public.friends"
        ]
    );
    assert_eq!(mapping.tables[4].columns(), ["a", "at", "b"]);
    let single = parsed(&format!("{MEMBERS}{}", positions("jobs")));
    assert_eq!(shown(&single.tables[1]), "positions public.jobs ");
    let hashed = format!("{MEMBERS}{}hash_id = true\n", positions("jobs"));
    assert_eq!(
        shown(&parsed(&hashed).tables[1]),
        "positions public.jobs hashed"
    );
}

#[test]
fn a_display_name_is_made_where_one_table_states_the_names() {
    let (given, family) = ("given_name = 'g'", "family_name = 'f'");
    for (members, details, expected) in [
        // The member's table, or another one, states all names that are mapped.
        (
            format!("{given}, {family}"),
            "",
            ["family_name given_name display_name", ""],
        ),
        (
            family.to_owned(),
            "",
            ["family_name given_name display_name", ""],
        ),
        (
            String::new(),
            "given_name = 'g', place = 'p'",
            ["", "given_name place family_name display_name"],
        ),
        // Two tables state them: none knows both.
        (given.to_owned(), family, ["given_name", "family_name"]),
        // A table states the display name itself.
        (
            format!("{given}, display_name = 'd'"),
            "",
            ["display_name given_name", ""],
        ),
        (
            format!("{given}, {family}"),
            "display_name = 'd'",
            ["family_name given_name", "display_name"],
        ),
        ("place = 'p'".to_owned(), "", ["place", ""]),
    ] {
        let text = format!(
            "{MEMBERS}fields = {{ {members} }}\n{}",
            profiles("details", details)
        );
        let mapping = parsed(&text);
        let fields = mapping.tables.iter().map(|map| match &map.kind {
            TableKind::Member(member) => &member.fields,
            TableKind::Profile(profile) => &profile.fields,
            _ => panic!("neither members nor profiles"),
        });
        let paths = fields.map(|fields| {
            let paths: Vec<_> = fields.iter().map(|field| field.path()).collect();
            paths.join(" ")
        });
        assert_eq!(paths.collect::<Vec<_>>(), expected, "{text}");
    }
}
