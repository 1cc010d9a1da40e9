//! Two keys whose hashes are one member id: 2^63 ids are many, and no promise.

use cloud_tests::{postgres::Postgres, server::Server};

use super::site::{CapturedSite, POSITION_FIELDS, Reader};

/// The seed and the keys of a collision, found by walking 2^32 hashes (van Oorschot and Wiener,
/// "Parallel Collision Search with Cryptanalytic Applications", 1999).
const SEED: &str = "example.org/2026";
const KEY: &str = "4ace13ff44df6e22";
const OTHER_KEY: &str = "46741ad0985e78d9";
const MEMBER_ID: &str = "1337957133564878652";

/// Reads what the site should have: the member of the first key alone.
const READER: Reader = Reader {
    member_fields: &["member_id", "headline"],
    position_fields: POSITION_FIELDS,
    members: "
        SELECT '1337957133564878652', title FROM users WHERE handle = '4ace13ff44df6e22'",
    positions: "SELECT NULL WHERE false",
    connections: "SELECT NULL WHERE false",
};

/// Returns a site of users with text keys, and one user. `None` if there is no PostgreSQL.
async fn site() -> Option<CapturedSite> {
    let postgres = Postgres::start().await?;
    postgres
        .execute(&format!(
            "CREATE TABLE users (handle text PRIMARY KEY, title text);
             ALTER TABLE users REPLICA IDENTITY FULL;
             CREATE PUBLICATION cloud FOR TABLE users;
             INSERT INTO users VALUES ('{KEY}', 'the first');"
        ))
        .await;
    let site = CapturedSite::without_mapping(postgres, READER);
    let mapping = format!(
        "seed = \"{SEED}\"\n[members]\ntable = \"users\"\nid = \"handle\"\n\
         fields = {{ headline = \"title\" }}\n"
    );
    std::fs::write(site.mapping(), mapping).expect("the mapping");
    Some(site)
}

/// Checks that the site has the member of the first key, with what its row states.
async fn check_members(site: &CapturedSite) {
    let position = site.position().await;
    let expected = site.expected().await.members;
    assert_eq!(expected.len(), 1);
    assert_eq!(site.content(position).await.members, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_refuses_them_by_name() {
    let Some(site) = site().await else {
        return;
    };
    let insert = format!("INSERT INTO users VALUES ('{OTHER_KEY}', 'the second')");
    site.postgres.execute(&insert).await;
    let refused = site.try_build();
    let printed = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{printed}");
    for word in ["public.users", KEY, OTHER_KEY, MEMBER_ID, "seed"] {
        assert!(printed.contains(word), "no {word} in {printed}");
    }
    let slots = "SELECT count(*)::text FROM pg_replication_slots";
    assert_eq!(site.postgres.value(slots).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_one_changes_nothing_live_and_replayed() {
    let Some(mut site) = site().await else {
        return;
    };
    site.build_and_serve();
    site.capture();
    let statements = format!(
        "INSERT INTO users VALUES ('{OTHER_KEY}', 'the second');
         UPDATE users SET title = 'the second again' WHERE handle = '{OTHER_KEY}';
         UPDATE users SET title = 'still the first' WHERE handle = '{KEY}';"
    );
    site.postgres.execute(&statements).await;
    check_members(&site).await;
    let server = site.server.take().expect("a server");
    let status = server.connect().await.admin.status().await;
    let conflicts = status.expect("a status").key_conflicts;
    let conflicts = conflicts.expect("two changes were passed over");
    assert_eq!(conflicts.changes, 2);
    assert_eq!(conflicts.member_id.to_string(), MEMBER_ID);
    let keys = (&*conflicts.kept_key, &*conflicts.stated_key);
    assert_eq!(keys, (KEY, OTHER_KEY));

    // Without its live profiles, the next server reads all of the log again.
    site.kill_capture();
    server.kill();
    let live = site.folder.path().join("snapshot/live");
    std::fs::remove_dir_all(live).expect("live profiles");
    site.server = Some(Server::start(site.folder.path()));
    site.capture();
    check_members(&site).await;
}
