//! Studios: keys are UUIDs that may change, names are in CamelCase, and a profile is in several
//! tables.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::{Schema, check};
use crate::capture::site::{POSITION_FIELDS, Reader};

/// The numbers of users, so that many statements meet the same ones. A key is made of a number.
const USERS: u32 = 600;

const SCHEMA: Schema = Schema {
    name: "studios",
    tables: include_str!("../../../../fixtures/capture/studios.sql"),
    settings: &[],
    edits: &[
        (
            "summary = \"bio\"",
            "summary = \"bio\"\nskills = \"skills\"",
        ),
        (
            "family_name = \"lastName\"",
            "family_name = \"lastName\"\n\"attributes.role\" = \"role\"",
        ),
    ],
    reader: READER,
    statement,
};

const READER: Reader = Reader {
    member_fields: &[
        "member_id",
        "key",
        "given_name",
        "family_name",
        "display_name",
        "headline",
        "summary",
        "skills",
        "place",
        "region",
        "country",
        "attributes",
    ],
    position_fields: POSITION_FIELDS,
    members: r#"
        SELECT member_id_of("User"."id"::text)::text, "User"."id"::text, trim("firstName"),
            trim("lastName"), trim(trim("firstName") || ' ' || trim("lastName")), "headline",
            trim("bio"), (SELECT string_agg(trim(skill), ';' ORDER BY place)
                FROM jsonb_array_elements_text("skills") WITH ORDINALITY AS listed (skill, place)
                WHERE trim(skill) <> ''),
            "city", "region", "countryCode", 'role=' || "role"
        FROM "User"
        LEFT JOIN "UserProfile" ON "UserProfile"."userId" = "User"."id"
        LEFT JOIN "UserSettings" ON "UserSettings"."userId" = "User"."id"
        WHERE "deletedAt" IS NULL"#,
    positions: r#"
        WITH live AS (SELECT "id" AS key FROM "User" WHERE "deletedAt" IS NULL)
        SELECT member_id_of(key::text)::text, hash_63('public.WorkExperience:' || "id")::text,
            'work', "company", "title", to_char("startDate", 'YYYY-MM'),
            to_char("endDate", 'YYYY-MM'), "isCurrent"::text
        FROM "WorkExperience" JOIN live ON key = "userId"
        UNION ALL
        SELECT member_id_of(key::text)::text, hash_63('public.Education:' || "id")::text,
            'education', "school", "fieldOfStudy", to_char("startDate", 'YYYY-MM'),
            to_char("endDate", 'YYYY-MM'), ("endDate" IS NULL)::text
        FROM "Education" JOIN live ON key = "userId""#,
    connections: r#"
        WITH live AS (SELECT "id" AS key, member_id_of("id"::text) AS member_id FROM "User"
            WHERE "deletedAt" IS NULL)
        SELECT least(one.member_id, other.member_id)::text,
            greatest(one.member_id, other.member_id)::text,
            to_char("acceptedAt", 'YYYY-MM-DD"T"HH24:MI:SS.MS')
        FROM "Connection"
        JOIN live AS one ON one.key = "requesterId"
        JOIN live AS other ON other.key = "addresseeId"
        WHERE "status" = 'ACCEPTED'"#,
};

/// Returns a statement of the application.
fn statement(random: &mut ChaCha8Rng) -> String {
    let one = random.random_range(1..=USERS);
    let distance = random.random_range(1..=20);
    let number = random.random_range(0..1_000_000);
    let key = |user: u32| format!("md5('user {}')::uuid", (user - 1) % USERS + 1);
    let (id, other, third) = (key(one), key(one + distance), key(one + distance + 7));
    let time = format!("'2021-01-01'::timestamp + interval '{number} seconds 321 milliseconds'");
    let is_live = |id: &str| {
        format!(r#"EXISTS (SELECT FROM "User" WHERE "id" = {id} AND "deletedAt" IS NULL)"#)
    };
    let (live, other_live) = (is_live(&id), is_live(&other));
    match random.random_range(0..30) {
        0..3 => format!(
            r#"INSERT INTO "User" ("id", "email", "firstName", "lastName", "updatedAt")
               VALUES ({id}, '{number}@example.org', 'Given{number}', ' Family {number}', now())
               ON CONFLICT ("id") DO NOTHING;"#
        ),
        3 => format!(
            r#"UPDATE "User" SET "firstName" = 'Ö{number}', "updatedAt" = now()
               WHERE "id" = {id};"#
        ),
        4 => format!(r#"UPDATE "User" SET "role" = 'MODERATOR' WHERE "id" = {id};"#),
        5 => format!(r#"UPDATE "User" SET "email" = '{number}@example.com' WHERE "id" = {id};"#),
        6..8 => format!(
            r#"INSERT INTO "UserProfile" ("userId", "headline", "bio", "updatedAt")
               SELECT {id}, 'h{number}', repeat('about {number} ', {}), now() WHERE {live}
               ON CONFLICT ("userId")
               DO UPDATE SET "bio" = excluded."bio", "updatedAt" = now();"#,
            number % 90
        ),
        8 => format!(
            r#"UPDATE "UserProfile" SET "skills" = '{}' WHERE "userId" = {id};"#,
            [
                "[]",
                r#"["oil", "say \"no\"", " c, d ", ""]"#,
                r#"["ü", "{a}", "b\\c"]"#,
            ][number % 3]
        ),
        9 => format!(r#"DELETE FROM "UserProfile" WHERE "userId" = {id};"#),
        10..12 => format!(
            r#"INSERT INTO "UserSettings" ("userId", "city", "region", "countryCode")
               SELECT {id}, 'City {number}', NULLIF('Region {0}', 'Region 0'), 'NL' WHERE {live}
               ON CONFLICT ("userId")
               DO UPDATE SET "city" = excluded."city", "region" = excluded."region";"#,
            number % 3
        ),
        12 => format!(
            r#"UPDATE "UserSettings" SET "city" = NULL, "preferences" = '{{"n": {number}}}'
               WHERE "userId" = {id};"#
        ),
        13 => format!(r#"DELETE FROM "UserSettings" WHERE "userId" = {id};"#),
        14 if number % 3 == 0 => format!(
            r#"UPDATE "User" SET "deletedAt" = now() WHERE "id" = {id} AND "deletedAt" IS NULL;"#
        ),
        14 => format!(r#"DELETE FROM "User" WHERE "id" = {id};"#),
        // The other tables follow. It fails if the key is taken.
        15 => format!(r#"UPDATE "User" SET "id" = {other} WHERE "id" = {id};"#),
        16..20 => format!(
            r#"INSERT INTO "Connection" ("requesterId", "addresseeId", "status", "acceptedAt")
               SELECT {id}, {other}, {} WHERE {live} AND {other_live} ON CONFLICT DO NOTHING;"#,
            match number % 2 {
                0 => "'PENDING', NULL".to_owned(),
                _ => format!("'ACCEPTED', {time}"),
            }
        ),
        20 => format!(
            r#"UPDATE "Connection" SET "status" = 'ACCEPTED', "acceptedAt" = {time}
               WHERE "addresseeId" = {id} AND "status" = 'PENDING';"#
        ),
        21 => format!(
            r#"UPDATE "Connection" SET "status" = 'REJECTED', "message" = 'no'
               WHERE "requesterId" = {id};"#
        ),
        22 => format!(r#"DELETE FROM "Connection" WHERE "requesterId" = {id};"#),
        23 => format!(
            r#"UPDATE "Connection" SET "addresseeId" = {third}
               WHERE "requesterId" = {id} AND "addresseeId" = {other};"#
        ),
        24..26 => {
            let (end, is_current) = match number % 2 {
                0 => ("NULL", "true"),
                _ => ("'2010-11-12 13:14:15'", "false"),
            };
            format!(
                r#"INSERT INTO "WorkExperience"
                       ("userId", "company", "title", "startDate", "endDate", "isCurrent")
                   SELECT {id}, 'Studio {}', 'Title {number}', '2001-02-03 04:05:06.789', {end},
                       {is_current} WHERE {live};"#,
                number % 31
            )
        }
        26 => format!(
            r#"UPDATE "WorkExperience" SET "endDate" = '2011-01-01', "isCurrent" = false
               WHERE "userId" = {id};"#
        ),
        27 => format!(
            r#"DELETE FROM "WorkExperience" WHERE "userId" = {id} AND "title" LIKE '%{}';"#,
            number % 10
        ),
        28 => format!(
            r#"INSERT INTO "Education" ("userId", "school", "fieldOfStudy", "startDate")
               SELECT {id}, 'Academy {}', 'Field {number}', '1998-09-01' WHERE {live};"#,
            number % 9
        ),
        _ => format!(
            r#"UPDATE "Education" SET "endDate" = '2002-06-30' WHERE "userId" = {id};
               DELETE FROM "Education" WHERE "userId" = {other} AND "endDate" IS NOT NULL;"#
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn studios_with_keys_that_are_uuids_are_served() {
    check(&SCHEMA).await;
}
