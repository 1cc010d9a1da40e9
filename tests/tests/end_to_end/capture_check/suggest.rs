//! Mappings suggested for the schemas of social applications.

use cloud_capture::{
    Catalogue, Database, Mapping,
    check::{init, init_statements},
    suggest,
};
use cloud_tests::postgres::Postgres;

use super::{Site, refusals};

/// A schema, and lines that a mapping of it must and must not have.
struct Schema {
    name: &'static str,
    tables: &'static str,
    lines: &'static [&'static str],
    absent: &'static [&'static str],
}

const SCHEMAS: [Schema; 6] = [
    Schema {
        name: "mirrored",
        tables: include_str!("../../../fixtures/capture/mirrored.sql"),
        lines: &[
            "table = \"public.users\"",
            "given_name = \"first_name\"",
            "family_name = \"last_name\"",
            "place = \"city\"",
            "summary = \"bio\"",
            "[[positions]]",
            "organisation = \"company_name\"",
            "current = { is_null = \"ended_on\" }",
            "table = \"public.friendships\"",
            "pair = \"both_rows\"",
            "connected_at = \"created_at\"",
            "# Not mapped, though they refer to members: public.messages.",
        ],
        absent: &["seed", "[[profiles]]", "table = \"public.messages\""],
    },
    Schema {
        name: "status",
        tables: include_str!("../../../fixtures/capture/status.sql"),
        lines: &[
            "table = \"public.members\"",
            "where = { deleted_at = { is_null = true } }",
            "display_name = \"full_name\"",
            "skills = \"skills\"",
            "kind = { constant = \"education\" }",
            "from = \"start_year\"",
            "table = \"public.friend_links\"",
            "pair = \"one_row\"",
            "connected_at = \"accepted_at\"",
            "# status has the values \"accepted\" (33), \"pending\" (16), \"declined\" (0).",
            "where = { status = \"accepted\", deleted_at = { is_null = true } }",
            "# Not mapped, though they refer to members: public.blocks.",
        ],
        absent: &["seed", "table = \"public.blocks\""],
    },
    Schema {
        name: "uuid",
        tables: include_str!("../../../fixtures/capture/uuid.sql"),
        lines: &[
            "table = \"app.accounts\"",
            "where = { is_deleted = false }",
            "table = \"app.account_profiles\"",
            "headline = \"headline\"",
            "table = \"app.account_locations\"",
            "region = \"region\"",
            "table = \"app.experiences\"",
            "hash_id = true",
            "current = \"is_current\"",
            "table = \"app.educations\"",
            "title = \"field_of_study\"",
            "table = \"app.connections\"",
            "member = \"account_a\"",
            "pair = \"one_row\"",
            "# Not mapped, though they refer to members: app.follows.",
        ],
        absent: &["table = \"app.follows\""],
    },
    Schema {
        name: "clubs",
        tables: include_str!("../../../fixtures/capture/clubs.sql"),
        lines: &[
            "table = \"public.accounts\"",
            "table = \"public.profiles\"",
            "headline = \"tagline\"",
            "place = \"location\"",
            "table = \"public.work_experiences\"",
            "table = \"public.friendships\"",
            "pair = \"both_rows\"",
        ],
        absent: &[
            "seed",
            "table = \"public.account_notes\"",
            "table = \"public.friend_requests\"",
            "table = \"public.roles\"",
            "table = \"public.posts\"",
        ],
    },
    Schema {
        name: "graduates",
        tables: include_str!("../../../fixtures/capture/graduates.sql"),
        lines: &[
            "# CHECK: are all rows members? state has the values \"active\" (1242), \"invited\" \
             (207), \"suspended\" (51). Add a test to `where` if not.",
            "display_name = \"full_name\"",
            "headline = \"title\"",
            "table = \"public.jobs\"",
            "table = \"public.schools\"",
            "title = \"degree\"",
            "table = \"public.connections\"",
            "connected_at = \"accepted_at\"",
            "where = { status = 0, deleted_at = { is_null = true } }",
        ],
        // The state is that of an account.
        absent: &["region", "table = \"public.job_offers\""],
    },
    Schema {
        name: "studios",
        tables: include_str!("../../../fixtures/capture/studios.sql"),
        lines: &[
            "table = \"public.User\"",
            "where = { deletedAt = { is_null = true } }",
            "given_name = \"firstName\"",
            "table = \"public.UserProfile\"",
            "table = \"public.UserSettings\"",
            "country = \"countryCode\"",
            "table = \"public.WorkExperience\"",
            "from = \"startDate\"",
            "current = \"isCurrent\"",
            "table = \"public.Education\"",
            "title = \"fieldOfStudy\"",
            "table = \"public.Connection\"",
            "connected_at = \"acceptedAt\"",
            "where = { status = \"ACCEPTED\" }",
        ],
        absent: &["table = \"public.JobPosting\"", "table = \"public.Follow\""],
    },
];

#[tokio::test]
async fn each_schema_is_ready_after_suggestion_and_init() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    for Schema {
        name,
        tables,
        lines,
        absent,
    } in SCHEMAS
    {
        let address = postgres.create_database(name).await;
        postgres.execute_in(name, tables).await;
        let database = Database::at(&address).expect("an address");
        let session = database.connect().await.expect("a session");
        let catalogue = Catalogue::read(&database, &session, "cloud", None).await;
        let catalogue = catalogue.expect("the catalogue");
        let text = suggest(&session, &catalogue).await;
        let text = text.unwrap_or_else(|error| panic!("{name}: {error}"));
        for line in lines {
            assert!(
                text.lines().any(|found| found == *line),
                "{name}: {line} is not in\n{text}"
            );
        }
        for part in absent {
            assert!(!text.contains(part), "{name}: {part} is in\n{text}");
        }
        let mapping = Mapping::parse(&text).expect("a mapping");
        let site = Site { address, mapping };
        let statements = init_statements(&site.mapping, &site.catalogue().await);
        let run = init(&session, &statements, |_| {}).await;
        run.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            refusals(&site.findings().await),
            Vec::<String>::new(),
            "{name}"
        );
    }
    let seed = |text: &str| Mapping::parse(text).expect("a mapping").seed;
    let database = Database::at(&postgres.address_of("uuid")).expect("an address");
    let session = database.connect().await.expect("a session");
    let catalogue = Catalogue::read(&database, &session, "cloud", None).await;
    let catalogue = catalogue.expect("the catalogue");
    let one = suggest(&session, &catalogue).await.expect("a mapping");
    let other = suggest(&session, &catalogue).await.expect("a mapping");
    assert!(
        seed(&one).is_some() && seed(&one) != seed(&other),
        "seeds are random"
    );
}

#[tokio::test]
async fn tables_without_foreign_keys_are_found_by_name() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let tables = "
        CREATE TABLE people (id int PRIMARY KEY, nickname text, disabled boolean);
        CREATE TABLE relationships (id int PRIMARY KEY, person_id int, other_person_id int,
            state smallint);
        CREATE TABLE person_studies (id int PRIMARY KEY, person_id int, school text);
        INSERT INTO relationships VALUES (1, 1, 2, 1), (2, 1, 3, 1), (3, 1, 4, 0);";
    let address = postgres.create_database("bare").await;
    postgres.execute_in("bare", tables).await;
    let database = Database::at(&address).expect("an address");
    let session = database.connect().await.expect("a session");
    let catalogue = Catalogue::read(&database, &session, "cloud", None).await;
    let text = suggest(&session, &catalogue.expect("the catalogue"))
        .await
        .expect("a mapping");
    for line in [
        "table = \"public.people\"",
        "table = \"public.person_studies\"",
        "other = \"other_person_id\"",
        "# state has the values \"1\" (2), \"0\" (1).",
        "where = { state = 1 }",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    let address = postgres.create_database("nothing").await;
    postgres
        .execute_in("nothing", "CREATE TABLE parcels (id int PRIMARY KEY)")
        .await;
    let database = Database::at(&address).expect("an address");
    let session = database.connect().await.expect("a session");
    let catalogue = Catalogue::read(&database, &session, "cloud", None).await;
    let error = suggest(&session, &catalogue.expect("the catalogue"))
        .await
        .expect_err("none");
    assert!(
        error.to_string().contains("The tables are public.parcels"),
        "{error}"
    );
}
