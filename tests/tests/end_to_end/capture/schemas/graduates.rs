//! Graduates: a connection is a row with a number as its status, rows have the time of their
//! deletion, and positions are in two tables.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::{Schema, check};
use crate::capture::site::Reader;

/// The ids of members, so that many statements meet the same ones.
const MEMBERS: u32 = 2_000;

const SCHEMA: Schema = Schema {
    name: "graduates",
    tables: include_str!("../../../../fixtures/capture/graduates.sql"),
    // The application's own sessions print times in another form than ISO.
    settings: &[("timezone", "Asia/Kolkata"), ("datestyle", "SQL, DMY")],
    edits: &[
        (
            "table = \"public.members\"\nid = \"id\"\n\
             where = { deleted_at = { is_null = true } }",
            "table = \"public.members\"\nid = \"id\"\n\
             where = { state = \"active\", deleted_at = { is_null = true } }",
        ),
        (
            "display_name = \"full_name\"",
            "display_name = \"full_name\"\n\"attributes.handle\" = \"handle\"",
        ),
        (
            "organisation = \"company_name\"",
            "organisation = \"company_name\"\norganisation_id = \"company_id\"",
        ),
        // Most requests are pending.
        ("status = 0", "status = 1"),
    ],
    reader: READER,
    statement,
};

const READER: Reader = Reader {
    member_fields: &[
        "member_id",
        "display_name",
        "headline",
        "summary",
        "place",
        "country",
        "skills",
        "attributes",
    ],
    position_fields: &[
        "member_id",
        "position_id",
        "kind",
        "organisation",
        "organisation_id",
        "title",
        "country",
        "from",
        "to",
        "current",
    ],
    members: "
        SELECT id::text, trim(full_name), title, about, city, country_code,
            array_to_string(skills, ';'), 'handle=' || handle
        FROM members WHERE state = 'active' AND deleted_at IS NULL",
    positions: "
        WITH live AS (SELECT id FROM members WHERE state = 'active' AND deleted_at IS NULL)
        SELECT member_id::text, hash_63('public.jobs:' || jobs.id)::text, 'work', company_name,
            company_id::text, title, country_code, to_char(started_on, 'YYYY-MM'),
            to_char(ended_on, 'YYYY-MM'), (ended_on IS NULL)::text
        FROM jobs JOIN live ON live.id = member_id WHERE deleted_at IS NULL
        UNION ALL
        SELECT member_id::text, hash_63('public.schools:' || schools.id)::text, 'education',
            school_name, NULL, degree, NULL, start_year::text, end_year::text,
            (end_year IS NULL)::text
        FROM schools JOIN live ON live.id = member_id WHERE deleted_at IS NULL",
    connections: "
        WITH live AS (SELECT id FROM members WHERE state = 'active' AND deleted_at IS NULL)
        SELECT least(requester_id, receiver_id)::text, greatest(requester_id, receiver_id)::text,
            to_char(accepted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')
        FROM connections
        JOIN live AS one ON one.id = requester_id
        JOIN live AS other ON other.id = receiver_id
        WHERE status = 1 AND deleted_at IS NULL",
};

/// Returns a statement of the application. A member who was suspended or deleted never comes back,
/// and rows are only about members who are active: capture would not see earlier ones.
fn statement(random: &mut ChaCha8Rng) -> String {
    let id = random.random_range(1..=MEMBERS);
    let other = (id + random.random_range(1..=60)) % MEMBERS + 1;
    let number = random.random_range(0..1_000_000);
    let time = format!(
        "'2019-01-01'::timestamptz + interval '{number} seconds {} milliseconds'",
        number % 1_000
    );
    let is_live = |id: u32| {
        format!(
            "EXISTS (SELECT FROM members WHERE id = {id} AND state = 'active'
                 AND deleted_at IS NULL)"
        )
    };
    let (live, other_live) = (is_live(id), is_live(other));
    match random.random_range(0..32) {
        0..2 => format!(
            "INSERT INTO members (id, created_at, handle, full_name, state)
             VALUES ({id}, now(), 'graduate_{id}', 'Name {number}', '{}')
             ON CONFLICT (id) DO NOTHING;",
            ["invited", "active"][number % 2]
        ),
        2 => format!(
            "UPDATE members SET state = 'active' WHERE id = {id} AND state = 'invited'
                 AND deleted_at IS NULL;"
        ),
        3 => format!(
            "UPDATE members SET title = 'Title {number}', city = NULLIF('{}', '0'),
                 updated_at = now() WHERE id = {id};",
            number % 3
        ),
        4 => format!(
            "UPDATE members SET about = (SELECT string_agg(md5('{number}' || n), ' ')
                 FROM generate_series(1, {}) AS n) WHERE id = {id};",
            number % 150
        ),
        5 => format!(
            "UPDATE members SET skills = ARRAY['k {number}', 'c, d', 'say \"{number}\"'],
                 country_code = NULLIF('FR', 'F{}') WHERE id = {id};",
            if number % 2 == 0 { 'R' } else { 'X' }
        ),
        6 => format!("UPDATE members SET full_name = ' Né {number} ' WHERE id = {id};"),
        7 if number % 3 == 0 => {
            format!("UPDATE members SET state = 'suspended' WHERE id = {id} AND state = 'active';")
        }
        8 if number % 3 == 0 => {
            format!("UPDATE members SET deleted_at = now() WHERE id = {id} AND deleted_at IS NULL;")
        }
        7..9 => format!("UPDATE members SET updated_at = now() WHERE id = {id};"),
        9..12 => format!(
            "INSERT INTO connections (requester_id, receiver_id, created_at)
             SELECT {id}, {other}, now() WHERE {live} AND {other_live} ON CONFLICT DO NOTHING;"
        ),
        12..15 => format!(
            "UPDATE connections SET status = 1, accepted_at = {time}
             WHERE receiver_id = {id} AND status = 0 AND deleted_at IS NULL;"
        ),
        15 => format!(
            "UPDATE connections SET status = 2, message = 'no' WHERE receiver_id = {id}
                 AND status = 0 AND deleted_at IS NULL;"
        ),
        16 => format!(
            "UPDATE connections SET deleted_at = now()
             WHERE requester_id = {id} AND receiver_id % 2 = {};",
            number % 2
        ),
        // It fails if the pair has another row by now.
        17 => format!(
            "UPDATE connections SET deleted_at = NULL
             WHERE requester_id = {id} AND deleted_at IS NOT NULL;"
        ),
        18 => format!(
            "UPDATE connections SET accepted_at = {time}
             WHERE requester_id = {id} AND status = 1;"
        ),
        19 => format!(
            "UPDATE connections SET receiver_id = {other}
             WHERE id = (SELECT min(id) FROM connections WHERE requester_id = {id})
                 AND {other_live};"
        ),
        20 => {
            format!("DELETE FROM connections WHERE requester_id = {id} AND deleted_at IS NOT NULL;")
        }
        21..23 => format!(
            "INSERT INTO jobs (member_id, company_id, company_name, title, employment, started_on,
                 ended_on)
             SELECT {id}, {}, 'Company {}', 'Title {number}', 'internship', '2001-02-03', {}
             WHERE {live};",
            ["1", "40", "NULL"][number % 3],
            number % 9,
            ["NULL", "'2010-11-12'"][number % 2]
        ),
        23 => format!(
            "UPDATE jobs SET title = 'Late {number}', ended_on = '2011-01-01', company_id = 7
             WHERE member_id = {id};"
        ),
        24 => format!("UPDATE jobs SET deleted_at = now() WHERE member_id = {id} AND id % 2 = 0;"),
        25 => format!("UPDATE jobs SET deleted_at = NULL WHERE member_id = {id};"),
        26 => {
            format!("UPDATE jobs SET member_id = {other} WHERE member_id = {id} AND {other_live};")
        }
        27 => format!("DELETE FROM jobs WHERE member_id = {id} AND id % 3 = 0;"),
        28 => format!(
            "INSERT INTO schools (member_id, school_name, degree, start_year)
             SELECT {id}, 'School {}', NULL, {} WHERE {live};",
            number % 23,
            1950 + number % 60
        ),
        29 => format!(
            "UPDATE schools SET end_year = start_year + 4, degree = 'Degree {number}'
             WHERE member_id = {id};"
        ),
        30 => format!("UPDATE schools SET deleted_at = now() WHERE member_id = {id};"),
        _ => format!(
            "INSERT INTO job_offers (member_id, company_name, title)
             SELECT {id}, 'Company', 'Wanted {number}' WHERE {live};"
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn graduates_with_statuses_and_soft_deletes_are_served() {
    check(&SCHEMA).await;
}
