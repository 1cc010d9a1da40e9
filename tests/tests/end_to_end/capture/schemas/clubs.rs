//! Clubs: integer keys, accounts and profiles, and a friendship with a row in each direction.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::{Schema, check};
use crate::capture::site::{POSITION_FIELDS, Reader};

/// The ids of accounts, so that many statements meet the same ones.
const ACCOUNTS: u32 = 400;

const SCHEMA: Schema = Schema {
    name: "clubs",
    tables: include_str!("../../../../fixtures/capture/clubs.sql"),
    settings: &[],
    // Members have names of their own, and the name of the account is no more than a handle.
    edits: &[(
        "display_name = \"username\"",
        "\"attributes.handle\" = \"username\"",
    )],
    reader: READER,
    statement,
};

const READER: Reader = Reader {
    member_fields: &[
        "member_id",
        "given_name",
        "family_name",
        "display_name",
        "headline",
        "summary",
        "place",
        "attributes",
    ],
    position_fields: POSITION_FIELDS,
    members: "
        SELECT accounts.id::text, trim(first_name), trim(last_name),
            trim(concat_ws(' ', trim(first_name), trim(last_name))), tagline, bio, location,
            'handle=' || username
        FROM accounts LEFT JOIN profiles ON account_id = accounts.id",
    positions: "
        SELECT account_id::text, id::text, 'work', company, title, to_char(started_on, 'YYYY-MM'),
            to_char(ended_on, 'YYYY-MM'), (ended_on IS NULL)::text
        FROM work_experiences",
    connections: "
        SELECT one.account_id::text, one.friend_id::text,
            to_char(one.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')
        FROM friendships one
        JOIN friendships back ON back.account_id = one.friend_id AND back.friend_id = one.account_id
        WHERE one.account_id < one.friend_id",
};

/// Returns a statement of the application, or several that it runs together. Both rows of a
/// friendship are written under a lock of the pair.
fn statement(random: &mut ChaCha8Rng) -> String {
    let id = random.random_range(1..=ACCOUNTS);
    let distance = random.random_range(1..=8);
    let number = random.random_range(0..1_000_000);
    let [other, third] =
        [distance, distance + 3].map(|distance| (id + distance - 1) % ACCOUNTS + 1);
    let lock = |other: u32| {
        let (least, greatest) = (id.min(other), id.max(other));
        format!("SELECT pg_advisory_xact_lock({least}, {greatest});")
    };
    let time = format!("'2018-01-01'::timestamp + interval '{number} seconds 123456 microseconds'");
    let pair = format!("(({id}, {other}), ({other}, {id}))");
    match random.random_range(0..24) {
        0..2 => format!(
            "INSERT INTO accounts (id, email, username, created_at, updated_at)
             VALUES ({id}, 'member{id}@example.org', 'Member{id}', now(), now())
             ON CONFLICT (id) DO NOTHING;
             INSERT INTO profiles (account_id, first_name, last_name, created_at, updated_at)
             SELECT id, 'Given{number}', ' Family {number} ', now(), now() FROM accounts
             WHERE id = {id} ON CONFLICT (account_id) DO NOTHING;"
        ),
        2 => format!(
            "UPDATE profiles SET tagline = 'tag {number}', location = NULLIF('{}', '0'),
                 updated_at = now() WHERE account_id = {id};",
            number % 3
        ),
        // Up to 5 kB that do not compress, which are stored out of line.
        3 => format!(
            "UPDATE profiles SET bio = (SELECT string_agg(md5('{number}' || n), ' ')
                 FROM generate_series(1, {}) AS n) WHERE account_id = {id};",
            number % 150
        ),
        4 => format!(
            "UPDATE profiles SET first_name = NULL, last_name = 'Only {number}'
             WHERE account_id = {id};"
        ),
        5 => format!(
            "UPDATE accounts SET sign_in_count = sign_in_count + 1, last_seen_at = now(),
                 updated_at = now() WHERE id = {id};"
        ),
        6 => format!("UPDATE accounts SET username = 'Name{id}x{number}' WHERE id = {id};"),
        7 => format!("DELETE FROM profiles WHERE account_id = {id};"),
        8 => format!("DELETE FROM accounts WHERE id = {id};"),
        9..13 => format!(
            "{}
             DELETE FROM friend_requests WHERE sender_id = {other} AND receiver_id = {id};
             INSERT INTO friendships (account_id, friend_id, created_at, updated_at)
             SELECT one, other, {time}, now()
             FROM (VALUES ({id}, {other}), ({other}, {id})) AS pair (one, other)
             WHERE (SELECT count(*) FROM accounts WHERE id IN ({id}, {other})) = 2
             ON CONFLICT (account_id, friend_id) DO NOTHING;",
            lock(other)
        ),
        13..15 => format!(
            "{} DELETE FROM friendships WHERE (account_id, friend_id) IN {pair};",
            lock(other)
        ),
        15 => format!(
            "{} UPDATE friendships SET created_at = {time}
             WHERE (account_id, friend_id) IN {pair};",
            lock(other)
        ),
        16 => format!(
            "{} UPDATE friendships SET updated_at = now() WHERE (account_id, friend_id) IN {pair};",
            lock(other)
        ),
        // Another account takes the place of one.
        17 => format!(
            "{}{}
             UPDATE friendships SET friend_id = {third}
             WHERE account_id = {id} AND friend_id = {other};
             UPDATE friendships SET account_id = {third}
             WHERE account_id = {other} AND friend_id = {id};",
            lock(other),
            lock(third)
        ),
        18..20 => format!(
            "INSERT INTO work_experiences
                 (account_id, company, title, started_on, ended_on, created_at, updated_at)
             SELECT id, 'Company {}', NULLIF('Title {number}', 'Title 0'), '2001-02-03', {}, now(),
                 now() FROM accounts WHERE id = {id};",
            number % 9,
            if number % 2 == 0 {
                "NULL"
            } else {
                "'2010-11-12'"
            }
        ),
        20 => format!(
            "UPDATE work_experiences SET title = 'Late {number}', ended_on = '2011-01-01'
             WHERE account_id = {id};"
        ),
        21 => format!("DELETE FROM work_experiences WHERE account_id = {id} AND id % 3 = 0;"),
        22 => format!(
            "UPDATE work_experiences SET account_id = {other}
             WHERE account_id = {id} AND id % 2 = 0;"
        ),
        _ => format!(
            "INSERT INTO friend_requests (sender_id, receiver_id, created_at)
             SELECT one.id, other.id, now() FROM accounts AS one, accounts AS other
             WHERE one.id = {id} AND other.id = {other} ON CONFLICT DO NOTHING;"
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clubs_whose_friendships_have_two_rows_are_served() {
    check(&SCHEMA).await;
}
