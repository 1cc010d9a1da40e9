//! A table whose policies hide rows from the user of capture: half a site is worse than none.

use cloud_tests::postgres::{DATABASE, Postgres};

use super::site::{CapturedSite, SCHEMA};

const PEOPLE: &str = "
    INSERT INTO people (id, first_name, last_name)
        SELECT n, 'given' || n, 'family' FROM generate_series(1, 50) n;
    INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01' FROM generate_series(1, 49) n;
    INSERT INTO jobs (person, employer, begun)
        SELECT n, 'Employer', '2001-01-01' FROM generate_series(1, 50) n;
    CREATE ROLE follower LOGIN REPLICATION;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO follower;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_policies_is_refused_unless_its_user_is_above_them() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    postgres.execute(PEOPLE).await;
    let mut site = CapturedSite::of_one_process(postgres);
    site.reach_at(site.postgres.address_for("follower", DATABASE));
    let statements = [
        ("ALTER TABLE people ENABLE ROW LEVEL SECURITY", false),
        ("CREATE POLICY few ON people USING (id < 20)", false),
        ("ALTER ROLE follower BYPASSRLS", true),
    ];
    for (statement, is_accepted) in statements {
        site.postgres.execute(statement).await;
        let checked = site.run(&["--check"]);
        let text = String::from_utf8_lossy(&checked.stdout);
        assert_eq!(checked.status.success(), is_accepted, "{statement}: {text}");
        if is_accepted {
            continue;
        }
        assert!(
            text.contains("refused: public.people: ") && text.contains("row-level security"),
            "{statement}: {text}"
        );
        let built = site.try_build();
        let text = String::from_utf8_lossy(&built.stderr);
        assert_eq!(built.status.code(), Some(1), "{statement}: {text}");
        assert!(
            text.contains("public.people") && text.contains("row-level security"),
            "{statement}: {text}"
        );
        let slots = "SELECT count(*)::text FROM pg_replication_slots";
        assert_eq!(site.postgres.value(slots).await, "0");
    }
    // A user without other rights than these captures the site.
    site.serve();
    site.postgres
        .execute("UPDATE people SET headline = 'later' WHERE id > 10")
        .await;
    site.check().await;
}
