//! A site that is loaded from a dump equals the same site published through a log.
//!
//! Both have the same profiles, the same answers of searches, and for the same bad value the same
//! error.
//!
//! One server starts from the loader's snapshot. Another one starts from a member without
//! connections, and everything else is published to it. The rows that the loader skipped are
//! published too, one by one, and must be refused for the same reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use cloud_client::{Error, Window};
use cloud_proto::databus::v1::Member;
use loader::{OnError, Options, build};
use rand::{TryRngCore as _, rngs::OsRng};

use super::odd::{
    MEMBER_COLUMNS, OWNERS_AFTER, Odd, POSITION_COLUMNS, generated, hand_made, queries,
};
use super::site::{Site, search};

/// A plain member of both sites, who is the viewer of the searches.
const VIEWER: u64 = 2 * OWNERS_AFTER;

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_loaded_and_one_that_is_published_are_the_same() {
    let seed = OsRng.try_next_u64().expect("a seed");
    println!("seed {seed}");
    let plain = |member_id| Member {
        member_id,
        display_name: format!("member {member_id}"),
        ..Member::default()
    };
    let mut odd: Vec<Odd> = (1..=100)
        .map(|owner| Odd::Member(plain(OWNERS_AFTER + owner)))
        .collect();
    let hand_made = hand_made();
    assert!(hand_made.len() >= 500, "{}", hand_made.len());
    odd.extend(hand_made);
    odd.extend(generated(seed, 2_000));
    let viewer = Odd::Member(plain(VIEWER));

    let loaded = tempfile::tempdir().expect("a folder");
    load(loaded.path(), odd.iter().chain([&viewer]));
    let rejected = rejected(&loaded.path().join("snapshot/rejects.csv"));
    assert!(rejected.len() > 50, "{} rows are refused", rejected.len());
    let loaded_site = Site::serve(loaded.path()).await;

    let published = tempfile::tempdir().expect("a folder");
    load(published.path(), [&viewer].into_iter());
    let published_site = Site::serve(published.path()).await;
    let admin = published_site.admin.clone();
    let (bad, good): (Vec<&Odd>, Vec<&Odd>) = odd
        .iter()
        .partition(|odd| rejected.contains_key(&odd.key()));
    for odd in bad {
        let error = admin.publish(Window::of([odd.change()])).await;
        let error = error.expect_err("the loader refused it");
        let failure = error.failure().unwrap_or_else(|| panic!("{error}"));
        let [found] = failure.fields.as_slice() else {
            panic!("{odd:.300?}: {error}")
        };
        let reason = rejected
            .get(&odd.key())
            .map(String::as_str)
            .unwrap_or_default();
        check_error(odd, reason, &found.field, &found.description);
    }
    let made = admin
        .publish(Window::of(good.iter().map(|odd| odd.change())))
        .await;
    let made = made.unwrap_or_else(|error| panic!("the loader took it all: {error}"));

    let (one, other) = (
        loaded_site.client.clone(),
        published_site
            .client
            .clone()
            .at_least(made.as_of)
            .timeout(Duration::from_secs(60)),
    );
    let mut members: Vec<u64> = good.iter().map(|odd| odd.key().0).collect();
    members.sort_unstable();
    members.dedup();
    // A slow machine may need more time than one call waits.
    while let Err(error) = other.profiles(&[VIEWER]).await {
        assert!(matches!(error, Error::TryAgain(_)), "{error}");
    }
    for page in members.chunks(500) {
        let of_loaded = one.profiles(page).await.expect("profiles").results;
        let of_published = other.profiles(page).await.expect("profiles").results;
        for (one, other) in of_loaded.iter().zip(&of_published) {
            assert!(one.profile.is_some(), "member {}", one.member_id);
            assert_eq!(one, other);
        }
        assert_eq!(of_loaded.len(), of_published.len());
    }
    let mut hits = 0;
    for query in queries() {
        let (total, found) = search(&one, VIEWER, &query).await;
        let (other_total, other_found) = search(&other, VIEWER, &query).await;
        assert_eq!(total, other_total, "{query}");
        if total <= 100 {
            assert_eq!(found, other_found, "{query}");
        }
        hits += total;
    }
    assert!(hits > 1_000, "{hits} hits");
    loaded_site.stop().await;
    published_site.stop().await;
}

/// Compares the errors. The loader names column, field and reason; the log's path is longer. A kind
/// is a word in the dump and a number in the log.
fn check_error(odd: &Odd, reason: &str, field: &str, description: &str) {
    let from_field = reason
        .split_once("column ")
        .and_then(|(_, rest)| rest.split_once(": "));
    let reason = from_field.map_or(reason, |(_, rest)| rest);
    let parent = format!("part.changes[0].{}", odd.path());
    let field = field.strip_prefix(&parent).unwrap_or(field);
    let field = field.strip_prefix('.').unwrap_or(field);
    match field {
        "kind" => assert!(reason.starts_with("kind: "), "{reason}"),
        "" => assert_eq!(reason, description, "{odd:.300?}"),
        field => assert_eq!(reason, format!("{field}: {description}"), "{odd:.300?}"),
    }
}

fn load<'a>(folder: &Path, odd: impl Iterator<Item = &'a Odd>) {
    let (mut members, mut positions) = (MEMBER_COLUMNS.to_owned(), POSITION_COLUMNS.to_owned());
    for odd in odd {
        match odd {
            Odd::Member(_) => members += &odd.row(),
            Odd::Position(..) => positions += &odd.row(),
        }
    }
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).expect("writes");
        vec![path]
    };
    let options = Options {
        members: write("members.csv", members),
        positions: write("positions.csv", positions),
        out: folder.join("snapshot"),
        on_error: OnError::Skip,
        ..Options::default()
    };
    build(&options).unwrap_or_else(|error| panic!("{error}"));
}

/// Returns the reason for each skipped row, by the ids at the beginning of the row.
fn rejected(list: &Path) -> BTreeMap<(u64, u64), String> {
    let mut rows = csv::Reader::from_path(list).expect("a list of skipped rows");
    let mut rejected = BTreeMap::new();
    for row in rows.records() {
        let row = row.expect("a row");
        let cell = |index| row.get(index).unwrap_or_default();
        let mut ids = cell(3)
            .split(',')
            .map(|id| id.trim_matches('"').parse().unwrap_or(0));
        let member = ids.next().unwrap_or_default();
        let position = match cell(0).ends_with("positions.csv") {
            true => ids.next().unwrap_or_default(),
            false => 0,
        };
        rejected.insert((member, position), cell(2).to_owned());
    }
    rejected
}
