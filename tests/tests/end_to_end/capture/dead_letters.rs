//! Rows that the rules refuse are set aside: counted in the metrics, and listed in a file.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::site::{CapturedSite, lsn};

const PEOPLE: &str = "
    INSERT INTO people (id, first_name, last_name)
        SELECT n, 'given' || n, 'family' FROM generate_series(1, 300) n;
    INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01' FROM generate_series(1, 299) n;
    INSERT INTO jobs (person, employer, begun)
        SELECT n, 'Employer', '2001-01-01' FROM generate_series(1, 50) n;
";

#[tokio::test(flavor = "multi_thread")]
async fn each_row_that_is_set_aside_is_counted_and_listed() {
    let Some(mut site) = CapturedSite::start().await else {
        return;
    };
    site.begin().await;
    site.capture_with(&["--ops-listen", "127.0.0.1:0"]);
    site.postgres.execute(PEOPLE).await;
    let before = site.position().await;
    for first in (101..=200).step_by(10) {
        let last = first + 9;
        let refused = format!(
            "UPDATE people SET headline = repeat('x', 1025) WHERE id BETWEEN {first} AND {last};
             UPDATE people SET team = 'team {first}' WHERE id <= 100;"
        );
        site.postgres.execute(&refused).await;
    }
    let after = site.position().await;
    site.postgres
        .execute("UPDATE people SET headline = 'short' WHERE id BETWEEN 101 AND 200")
        .await;
    site.check().await;

    site.until_metric("cloud_capture_dead_letters_total 100")
        .await;
    let path = site.folder.path().join("capture/dead-letters.jsonl");
    let letters = fs::read_to_string(path).expect("the rows that were set aside");
    let mut keys = BTreeSet::new();
    for line in letters.lines() {
        let letter: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| {
            let text = letter[name].as_str();
            text.unwrap_or_else(|| panic!("no {name} in {line}"))
                .to_owned()
        };
        assert_eq!(text("table"), "public.people");
        let position = lsn(&text("lsn"));
        assert!((before..after).contains(&position), "{line}");
        let reason = text("reason");
        assert!(
            reason.contains("headline") && reason.contains("1025 bytes"),
            "{line}"
        );
        assert!(keys.insert(text("key")), "{line}: twice");
    }
    assert_eq!(keys, (101..=200).map(|key: u32| key.to_string()).collect());
}
