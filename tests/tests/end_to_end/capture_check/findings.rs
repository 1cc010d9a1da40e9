//! Each finding about tables and publications is provoked, and mended by its own SQL.

use cloud_capture::Severity::{self, Refused, Warning};
use cloud_tests::postgres::Postgres;

use super::{Site, matching, refusals};

const MEMBERS: &str = "[members]\ntable = \"users\"\nid = \"id\"\n";
const PAIRS: &str = "[members]\ntable = \"users\"\nid = \"id\"\n[[connections]]\ntable = \"ties\"\n\
                     member = \"a\"\nother = \"b\"\npair = \"one_row\"\n";
const LIVE_PAIRS: &str = "[members]\ntable = \"users\"\nid = \"id\"\n[[connections]]\n\
                          table = \"ties\"\nmember = \"a\"\nother = \"b\"\npair = \"one_row\"\n\
                          where = { gone_at = { is_null = true } }\n";
const PROFILES: &str = "[members]\ntable = \"users\"\nid = \"id\"\n[[profiles]]\n\
                        table = \"details\"\nmember = \"user_id\"\n\
                        fields = { headline = \"tagline\" }\n";
const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text);";
const PUBLISHED: &str = "CREATE PUBLICATION cloud FOR ALL TABLES;";

/// A database that lacks something.
struct Lack {
    name: &'static str,
    /// The statements after the table of users.
    tables: &'static str,
    mapping: &'static str,
    severity: Severity,
    place: &'static str,
    what: &'static str,
    /// The beginning of the last statement that mends it. Empty if SQL does not.
    mend: &'static str,
}

const LACKS: &[Lack] = &[
    Lack {
        name: "identity_by_index",
        tables: "CREATE TABLE ties (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, \
                 UNIQUE (a, b));",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "a DELETE does not say the a and b of its row. The index ties_a_b_key does",
        mend: "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY USING INDEX \"ties_a_b_key\"",
    },
    Lack {
        name: "identity_null",
        tables: "CREATE TABLE ties (id int PRIMARY KEY, a int NOT NULL, b int, UNIQUE (a, b));",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "No unique index over NOT NULL columns does",
        mend: "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "identity_partial",
        tables: "CREATE TABLE ties (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL); \
                 CREATE UNIQUE INDEX ON ties (a, b) WHERE a > 0;",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "writes the old row to the WAL once more",
        mend: "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "identity_deferrable",
        tables: "CREATE TABLE ties (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, \
                 UNIQUE (a, b) DEFERRABLE); INSERT INTO ties SELECT n, n, n + 1 FROM \
                 generate_series(1, 100) n; UPDATE ties SET a = a; ANALYZE ties;",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "bytes a row",
        mend: "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "identity_nothing",
        tables: "ALTER TABLE users REPLICA IDENTITY NOTHING;",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "the replica identity is NOTHING",
        mend: "ALTER TABLE \"public\".\"users\" REPLICA IDENTITY USING INDEX \"users_pkey\"",
    },
    Lack {
        name: "identity_of_dropped_index",
        tables: "CREATE TABLE ties (a int NOT NULL, b int NOT NULL); \
                 CREATE UNIQUE INDEX pair ON ties (a, b); \
                 ALTER TABLE ties REPLICA IDENTITY USING INDEX pair; DROP INDEX pair;",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "the index of the replica identity was dropped",
        mend: "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "identity_of_leaf",
        tables: "CREATE TABLE ties (a int, b int, PRIMARY KEY (a, b)) PARTITION BY RANGE (a); \
                 CREATE TABLE ties_1 PARTITION OF ties FOR VALUES FROM (0) TO (10); \
                 CREATE TABLE ties_2 PARTITION OF ties FOR VALUES FROM (10) TO (20); \
                 ALTER TABLE ties_2 REPLICA IDENTITY NOTHING; \
                 ALTER PUBLICATION cloud SET (publish_via_partition_root = true);",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties_2",
        what: "(a partition of public.ties)",
        mend: "ALTER TABLE \"public\".\"ties_2\" REPLICA IDENTITY USING INDEX \"ties_2_pkey\"",
    },
    Lack {
        name: "identity_of_root",
        tables: "CREATE TABLE ties (a int NOT NULL, b int NOT NULL) PARTITION BY RANGE (a); \
                 CREATE TABLE ties_1 PARTITION OF ties FOR VALUES FROM (0) TO (10); \
                 ALTER TABLE ties_1 REPLICA IDENTITY FULL; \
                 ALTER PUBLICATION cloud SET (publish_via_partition_root = true);",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "sends the whole old row, or must: this one does not",
        mend: "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "identity_of_leaf_below_full_root",
        tables: "CREATE TABLE ties (a int, b int, PRIMARY KEY (a, b)) PARTITION BY RANGE (a); \
                 CREATE TABLE ties_1 PARTITION OF ties FOR VALUES FROM (0) TO (10); \
                 ALTER TABLE ties REPLICA IDENTITY FULL; \
                 ALTER PUBLICATION cloud SET (publish_via_partition_root = true);",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties_1",
        what: "sends the whole old row, or must: this one does not",
        mend: "ALTER TABLE \"public\".\"ties_1\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "values_out_of_line",
        tables: "ALTER TABLE users ADD gone_at timestamptz;",
        mapping: "[members]\ntable = \"users\"\nid = \"id\"\nfields = { summary = \"name\" }\n\
                  where = { gone_at = { is_null = true } }\n",
        severity: Warning,
        place: "public.users",
        what: "an UPDATE does not send a long value of name again",
        mend: "ALTER TABLE \"public\".\"users\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "values_out_of_line_and_key_by_cascade",
        tables: "CREATE TABLE details (tagline text, user_id bigint PRIMARY KEY \
                 REFERENCES users ON UPDATE CASCADE);",
        mapping: PROFILES,
        severity: Warning,
        place: "public.details",
        what: "an UPDATE does not send a long value of tagline again",
        mend: "ALTER TABLE \"public\".\"details\" REPLICA IDENTITY FULL",
    },
    Lack {
        name: "no_publication",
        tables: "DROP PUBLICATION cloud;",
        mapping: MEMBERS,
        severity: Refused,
        place: "publication cloud",
        what: "there is none",
        mend: "CREATE PUBLICATION \"cloud\" FOR TABLE \"public\".\"users\" WITH \
               (publish_via_partition_root = true)",
    },
    Lack {
        name: "publication_without_table",
        tables: "DROP PUBLICATION cloud; CREATE PUBLICATION cloud;",
        mapping: MEMBERS,
        severity: Refused,
        place: "publication cloud",
        what: "it does not send public.users",
        mend: "ALTER PUBLICATION \"cloud\" ADD TABLE",
    },
    Lack {
        name: "publication_with_filter",
        tables: "DROP PUBLICATION cloud; CREATE PUBLICATION cloud FOR TABLE users WHERE (id > 5);",
        mapping: MEMBERS,
        severity: Refused,
        place: "publication cloud",
        what: "it sends only rows of public.users with (id > 5)",
        mend: "ALTER PUBLICATION \"cloud\" ADD TABLE",
    },
    Lack {
        name: "publication_with_columns",
        tables: "DROP PUBLICATION cloud; CREATE PUBLICATION cloud FOR TABLE users (id);",
        mapping: "[members]\ntable = \"users\"\nid = \"id\"\nfields = { headline = \"name\" }\n",
        severity: Refused,
        place: "publication cloud",
        what: "a list of columns of public.users without name",
        mend: "ALTER PUBLICATION \"cloud\" ADD TABLE",
    },
    Lack {
        name: "publication_with_all_columns",
        tables: "DROP PUBLICATION cloud; CREATE PUBLICATION cloud FOR TABLE users (id);",
        mapping: MEMBERS,
        severity: Warning,
        place: "publication cloud",
        what: "does not allow REPLICA IDENTITY FULL",
        mend: "ALTER PUBLICATION \"cloud\" ADD TABLE",
    },
    Lack {
        name: "publication_of_inserts",
        tables: "ALTER PUBLICATION cloud SET (publish = 'insert, update');",
        mapping: MEMBERS,
        severity: Refused,
        place: "publication cloud",
        what: "it does not send all of inserts, updates, deletes and truncations",
        mend: "ALTER PUBLICATION \"cloud\" SET (publish = ",
    },
    Lack {
        name: "publication_of_partitions",
        tables: "CREATE TABLE ties (a int, b int, PRIMARY KEY (a, b)) PARTITION BY RANGE (a); \
                 CREATE TABLE ties_1 PARTITION OF ties FOR VALUES FROM (0) TO (10);",
        mapping: PAIRS,
        severity: Refused,
        place: "publication cloud",
        what: "it sends rows of public.ties as rows of its partitions",
        mend: "ALTER PUBLICATION \"cloud\" SET (publish_via_partition_root = true)",
    },
    Lack {
        name: "generated_column",
        tables: "ALTER TABLE users ADD shown text GENERATED ALWAYS AS (upper(name)) STORED;",
        mapping: "[members]\ntable = \"users\"\nid = \"id\"\nfields = { headline = \"shown\" }\n",
        severity: Refused,
        place: "public.users",
        what: "the column shown is generated",
        mend: "ALTER TABLE \"public\".\"users\" ALTER COLUMN \"shown\" DROP EXPRESSION",
    },
    Lack {
        name: "unlogged_table",
        tables: "ALTER TABLE users SET UNLOGGED;",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "it is unlogged",
        mend: "ALTER TABLE \"public\".\"users\" SET LOGGED",
    },
    Lack {
        name: "foreign_table",
        tables: "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far; \
                 DROP TABLE users; CREATE FOREIGN TABLE users (id bigint) SERVER away;",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "it is a foreign table",
        mend: "",
    },
    Lack {
        name: "unlogged_partition",
        tables: "CREATE TABLE ties (a int, b int, PRIMARY KEY (a, b)) PARTITION BY RANGE (a); \
                 CREATE UNLOGGED TABLE ties_1 PARTITION OF ties FOR VALUES FROM (0) TO (10); \
                 ALTER PUBLICATION cloud SET (publish_via_partition_root = true);",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties_1",
        what: "it is unlogged",
        mend: "ALTER TABLE \"public\".\"ties_1\" SET LOGGED",
    },
    Lack {
        name: "foreign_partition",
        tables: "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far; \
                 CREATE TABLE ties (a int, b int) PARTITION BY RANGE (a); \
                 CREATE FOREIGN TABLE ties_1 PARTITION OF ties FOR VALUES FROM (0) TO (10) \
                 SERVER away;",
        mapping: PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "its partition public.ties_1 is a foreign table",
        mend: "",
    },
    Lack {
        name: "a_view",
        tables: "ALTER TABLE users RENAME TO kept; CREATE VIEW users AS SELECT * FROM kept;",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "it is a view",
        mend: "",
    },
    Lack {
        name: "heirs",
        tables: "CREATE TABLE old_users () INHERITS (users);",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "other tables inherit from it (public.old_users)",
        mend: "",
    },
    Lack {
        name: "a_partition",
        tables: "DROP TABLE users; CREATE TABLE people (id int PRIMARY KEY) PARTITION BY RANGE \
                 (id); CREATE TABLE users PARTITION OF people DEFAULT;",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "it is a partition: map the partitioned table",
        mend: "",
    },
    Lack {
        name: "no_table",
        tables: "ALTER TABLE users RENAME TO usrs;",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "there is no such table; names like it: public.usrs",
        mend: "",
    },
    Lack {
        name: "no_column",
        tables: "ALTER TABLE users RENAME name TO full_name;",
        mapping: "[members]\ntable = \"users\"\nid = \"id\"\n\
                  fields = { headline = \"fullname\" }\n",
        severity: Refused,
        place: "public.users",
        what: "there is no column fullname, which [members] names; names like it: full_name",
        mend: "",
    },
    Lack {
        name: "key_without_seed",
        tables: "ALTER TABLE users ALTER id TYPE uuid USING gen_random_uuid();",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "the member's key id is of type uuid: give the mapping a `seed`",
        mend: "",
    },
    Lack {
        name: "key_of_no_kind",
        tables: "ALTER TABLE users ALTER id TYPE numeric(20, 2);",
        mapping: MEMBERS,
        severity: Refused,
        place: "public.users",
        what: "the member's key id is of type numeric(20,2): keys are integers",
        mend: "",
    },
    Lack {
        name: "position_without_hash",
        tables: "CREATE TABLE jobs (user_id bigint, id uuid, PRIMARY KEY (user_id, id));",
        mapping: "[members]\ntable = \"users\"\nid = \"id\"\n[[positions]]\ntable = \"jobs\"\n\
                  id = \"id\"\nmember = \"user_id\"\n",
        severity: Refused,
        place: "public.jobs",
        what: "write `hash_id = true`",
        mend: "",
    },
    Lack {
        name: "keys_of_several_types",
        tables: "CREATE TABLE ties (a text, b text, PRIMARY KEY (a, b), CHECK (a < b)); \
                 ALTER TABLE users ALTER id TYPE uuid USING gen_random_uuid();",
        mapping: "seed = \"s\"\n[members]\ntable = \"users\"\nid = \"id\"\n[[connections]]\n\
                  table = \"ties\"\nmember = \"a\"\nother = \"b\"\npair = \"one_row\"\n",
        severity: Warning,
        place: "mapping",
        what: "(text in public.ties.a, uuid in public.users.id)",
        mend: "",
    },
    Lack {
        name: "profile_not_unique",
        tables: "CREATE TABLE details (user_id bigint NOT NULL, tagline text); \
                 ALTER TABLE details REPLICA IDENTITY FULL;",
        mapping: PROFILES,
        severity: Refused,
        place: "public.details",
        what: "no unique constraint keeps rows of the same (user_id) apart",
        mend: "CREATE UNIQUE INDEX CONCURRENTLY \"details_user_id_key\" ON",
    },
    Lack {
        name: "pairs_not_unique",
        tables: "CREATE TABLE ties (a int, b int, PRIMARY KEY (a, b)); \
                 INSERT INTO ties VALUES (1, 2), (3, 2);",
        mapping: PAIRS,
        severity: Warning,
        place: "public.ties",
        what: "no unique constraint keeps rows of the same (a, b) in either order apart",
        mend: "CREATE UNIQUE INDEX CONCURRENTLY \"ties_pair_key\" ON \"public\".\"ties\" \
               (least(\"a\", \"b\"), greatest(\"a\", \"b\"))",
    },
    Lack {
        name: "dead_pairs_beside_live_ones",
        tables: "CREATE TABLE ties (a int NOT NULL, b int NOT NULL, gone_at timestamptz); \
                 CREATE UNIQUE INDEX ON ties (least(a, b), greatest(a, b)) WHERE gone_at IS NULL; \
                 CREATE UNIQUE INDEX ties_key ON ties (a, b, gone_at); \
                 INSERT INTO ties VALUES (1, 2, NULL), (1, 2, now()), (2, 1, 'yesterday');",
        mapping: LIVE_PAIRS,
        severity: Refused,
        place: "public.ties",
        what: "1 pairs have several rows of the same (a, b) in either order, of which one counts",
        mend: "ALTER TABLE \"public\".\"ties\" REPLICA IDENTITY FULL",
    },
];

#[tokio::test]
async fn each_lack_is_found_and_mended_by_its_own_sql() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    for lack in LACKS {
        let Lack { name, .. } = lack;
        let tables = format!("{USERS}{PUBLISHED}{}", lack.tables);
        let site = Site::new(&postgres, name, &tables, lack.mapping).await;
        let findings = site.findings().await;
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let [finding] = matching(&findings, lack.place, lack.what)[..] else {
            panic!("{name}: not once among {texts:#?}");
        };
        assert_eq!(finding.severity, lack.severity, "{name}: {finding}");
        assert_eq!(
            finding.mend.is_empty(),
            lack.mend.is_empty(),
            "{name}: {finding}"
        );
        if lack.mend.is_empty() {
            continue;
        }
        let last = finding.mend.last().expect("a statement");
        assert!(last.starts_with(lack.mend), "{name}: {finding}");
        // What a mended table lacks beside it is mended too.
        for _ in 0..3 {
            for statement in site
                .findings()
                .await
                .iter()
                .flat_map(|finding| &finding.mend)
            {
                if !statement.starts_with("ALTER SYSTEM") {
                    postgres.execute_in(name, statement).await;
                }
            }
        }
        let mended = site.findings().await;
        assert!(
            matching(&mended, lack.place, lack.what).is_empty(),
            "{name}: {mended:#?}"
        );
        assert_eq!(refusals(&mended), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn the_wrong_kind_of_pairs_is_found() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let tables = format!(
        "{USERS}{PUBLISHED} CREATE TABLE ties (a int, b int, PRIMARY KEY (a, b));
         INSERT INTO ties VALUES (1, 2), (2, 1), (3, 4), (5, 4);"
    );
    let both = PAIRS.replace("one_row", "both_rows");
    let site = Site::new(&postgres, "both", &tables, &both).await;
    let what = "2 of 4 sampled rows have no row in the other direction";
    let findings = site.findings().await;
    assert_eq!(
        matching(&findings, "public.ties", what).len(),
        1,
        "{findings:#?}"
    );
    let site = Site::new(&postgres, "one", &tables, PAIRS).await;
    let what = "If each pair has a row in each direction, write `pair = \"both_rows\"` instead";
    let findings = site.findings().await;
    assert_eq!(
        matching(&findings, "public.ties", what).len(),
        1,
        "{findings:#?}"
    );
}

#[tokio::test]
async fn rows_of_one_pair_are_counted_in_both_orders() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let tables = format!(
        "{USERS}{PUBLISHED} CREATE TABLE ties (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL);
         ALTER TABLE ties REPLICA IDENTITY FULL;
         INSERT INTO ties VALUES (1, 1, 2), (2, 2, 1), (3, 5, 6), (4, 5, 6), (5, 7, 8);"
    );
    let site = Site::new(&postgres, "doubled", &tables, PAIRS).await;
    let what = "have several rows of the same (a, b) in either order, and no unique constraint";
    let findings = site.findings().await;
    let [finding] = matching(&findings, "public.ties", what)[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!(finding.severity, Refused);
    assert!(finding.what.starts_with("2 pairs "), "{finding}");
    let [query, index] = &finding.mend[..] else {
        panic!("{finding}");
    };
    let pairs = postgres.rows_in("doubled", query).await;
    assert_eq!(pairs.len(), 2, "{pairs:?}");
    let refused = postgres.try_execute_in("doubled", index).await;
    assert!(refused.is_err(), "rows are doubled");
    // The index that failed stays, not valid, and counts for nothing.
    postgres
        .execute_in("doubled", "DROP INDEX ties_pair_key")
        .await;
    postgres
        .execute_in("doubled", "DELETE FROM ties WHERE id IN (2, 4)")
        .await;
    postgres.execute_in("doubled", index).await;
    let mended = site.findings().await;
    assert!(
        matching(&mended, "public.ties", "").is_empty(),
        "{mended:#?}"
    );
}

#[tokio::test]
async fn a_slot_before_its_publication_is_found() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let tables = format!("{USERS}{PUBLISHED}");
    let site = Site::new(&postgres, "renewed", &tables, MEMBERS).await;
    let slot = "SELECT pg_create_logical_replication_slot('cloud_renewed', 'pgoutput')";
    postgres.execute_in("renewed", slot).await;
    let what = "it was created or altered after the position of the slot cloud_renewed";
    let found = site.findings().await;
    assert!(
        matching(&found, "publication cloud", what).is_empty(),
        "{found:#?}"
    );
    postgres
        .execute_in("renewed", &format!("DROP PUBLICATION cloud; {PUBLISHED}"))
        .await;
    let found = site.findings().await;
    assert_eq!(
        matching(&found, "publication cloud", what).len(),
        1,
        "{found:#?}"
    );
}
