//! Changes that would exceed a bound of profiles, or state another key than the member's, have no
//! effect: live, replayed, and on a snapshot from before the bounds.

use crate::site::{Change, Site, Truth, apply, id, open, write_snapshot};
use cloud_engine::Writer;
use cloud_model::Scn;
use cloud_profile::{
    Bound, KeyConflict, ProfileRecord, empty_profile,
    limits::{POSITIONS_MAX, PROFILE_BYTES_MAX},
};
use cloud_proto::databus::v1::{Member, Position};
use cloud_search::ProfileStore;
use prost::Message as _;
use std::{array, sync::Arc};

/// The members of the site: the first has an empty profile, the others more than the bounds allow.
const EMPTY: u64 = 1;
const MANY: u64 = 2;
const LARGE: u64 = 3;

fn position(position_id: u64, bytes: usize) -> Position {
    Position {
        position_id,
        title: "x".repeat(bytes),
        ..Position::default()
    }
}

fn upserted(member: u64, position: Position) -> Change {
    Change::PositionUpserted(member, position, None)
}

fn headline(member_id: u64, bytes: usize) -> Change {
    let member = Member {
        member_id,
        headline: "y".repeat(bytes),
        ..Member::default()
    };
    Change::MemberUpserted(member, None)
}

fn truth() -> Truth {
    let with = |member, positions: Vec<Position>| ProfileRecord {
        positions,
        ..empty_profile(member)
    };
    let beyond = POSITIONS_MAX as u64 + 100;
    let profiles = [
        (EMPTY, empty_profile(EMPTY)),
        (
            MANY,
            with(MANY, (1..=beyond).map(|id| position(id, 1)).collect()),
        ),
        (LARGE, with(LARGE, vec![position(1, PROFILE_BYTES_MAX)])),
    ];
    Truth {
        profiles: profiles.into(),
        ..Truth::default()
    }
}

/// Returns the windows, each with the number of its changes that have no effect for each bound.
fn windows() -> Vec<(Vec<Change>, [u64; 3])> {
    let many = POSITIONS_MAX as u64;
    let add = |member, ids: std::ops::RangeInclusive<u64>| -> Vec<Change> {
        ids.map(|id| upserted(member, position(id, 100))).collect()
    };
    vec![
        (add(EMPTY, 1..=many), [0, 0, 0]),
        // One that is there, one beyond, and one more when there is room again.
        (
            vec![
                upserted(EMPTY, position(5, 200)),
                upserted(EMPTY, position(many + 1, 1)),
                Change::PositionRemoved(EMPTY, 7),
                upserted(EMPTY, position(many + 2, 1)),
                upserted(EMPTY, position(many + 3, 1)),
            ],
            [2, 0, 0],
        ),
        // A snapshot that holds more keeps it, and does not grow.
        (
            vec![
                upserted(MANY, position(3, 50)),
                upserted(MANY, position(many + 500, 1)),
                Change::PositionRemoved(MANY, many + 100),
                upserted(MANY, position(many + 100, 1)),
                headline(MANY, 300),
            ],
            [2, 0, 0],
        ),
        (
            vec![
                headline(LARGE, 1),
                upserted(LARGE, position(2, 1)),
                upserted(LARGE, position(1, PROFILE_BYTES_MAX - 100)),
                headline(LARGE, 10),
                headline(LARGE, 1_000),
            ],
            [0, 0, 3],
        ),
        // One that is removed and comes back begins with nothing.
        (
            vec![
                Change::MemberRemoved(MANY),
                headline(MANY, 5),
                upserted(MANY, position(many + 500, 1)),
            ],
            [0, 0, 0],
        ),
    ]
}

fn keyed(member_id: u64, key: &str, headline: &str) -> Change {
    let member = Member {
        member_id,
        key: key.to_owned(),
        headline: headline.to_owned(),
        ..Member::default()
    };
    Change::MemberUpserted(member, None)
}

fn profiles(people: &ProfileStore, site: &Site) -> Vec<ProfileRecord> {
    let graph = site.graph();
    let profile = |member| {
        let node = graph.node(id(member)).unwrap();
        people.profile(node, member).unwrap().unwrap()
    };
    [EMPTY, MANY, LARGE].map(profile).into()
}

fn counts(people: &ProfileStore) -> [u64; 3] {
    Bound::ALL.map(|bound| people.over_bounds().changes(bound))
}

#[test]
fn a_change_over_a_bound_has_no_effect_live_and_at_replay() {
    let mut site = Site::written_by(write_snapshot, truth());
    let mut expected = [0, 0, 0];
    for (scn, (changes, over)) in (1..).zip(windows()) {
        site.apply(scn, changes);
        site.commit();
        expected = array::from_fn(|bound| expected[bound] + over[bound]);
        assert_eq!(counts(&site.people), expected, "window {scn}");
    }
    let live = profiles(&site.people, &site);
    let of_truth: Vec<_> = site.truth.profiles.values().cloned().collect();
    assert!(
        live == of_truth,
        "the profiles are those of the plain merge"
    );
    assert_eq!(live[0].positions.len(), POSITIONS_MAX);
    assert_eq!(live[1].positions.len(), 1);
    let headline_bytes = |profile: &ProfileRecord| profile.member.as_ref().unwrap().headline.len();
    assert_eq!((live[2].positions.len(), headline_bytes(&live[2])), (1, 10));
    assert!(live[2].encoded_len() <= PROFILE_BYTES_MAX);

    // The log from its beginning, with one commit for all windows.
    let (people, mut writer) = open(site.directory.path(), &site.manifest, "replayed");
    let mut graph = Writer::new(Arc::clone(&site.base), Scn::BEGINNING);
    for (scn, changes) in &site.windows {
        apply(&mut graph, &mut writer, *scn, changes);
    }
    writer.commit(Scn::new(5)).unwrap();
    assert!(profiles(&people, &site) == live);
    assert_eq!(counts(&people), expected);

    // A new snapshot of the result takes the same changes to the same state.
    let mut rebuilt = Site::written_by(write_snapshot, site.truth.clone());
    let again = || vec![upserted(EMPTY, position(9_999, 1)), headline(LARGE, 1_000)];
    rebuilt.apply(1, again());
    rebuilt.commit();
    site.apply(6, again());
    site.commit();
    assert!(profiles(&rebuilt.people, &rebuilt) == profiles(&site.people, &site));
    assert_eq!(counts(&rebuilt.people), [1, 0, 1]);
}

#[test]
fn an_upsert_with_another_key_has_no_effect_live_and_at_replay() {
    let mut site = Site::written_by(write_snapshot, truth());
    let conflict = |member_id, kept: &str, stated: &str| KeyConflict {
        member_id,
        kept: kept.to_owned(),
        stated: stated.to_owned(),
    };
    let windows = [
        (vec![keyed(EMPTY, "one", "first")], 0, None),
        (
            vec![keyed(EMPTY, "two", "second"), keyed(MANY, "three", "third")],
            1,
            Some(conflict(EMPTY, "one", "two")),
        ),
        // One that is removed and comes back may have another key.
        (
            vec![
                Change::MemberRemoved(EMPTY),
                keyed(EMPTY, "two", "second"),
                keyed(EMPTY, "one", "first"),
            ],
            2,
            Some(conflict(EMPTY, "two", "one")),
        ),
        (
            vec![headline(LARGE, 1)],
            2,
            Some(conflict(EMPTY, "two", "one")),
        ),
    ];
    for (scn, (changes, count, last)) in (1..).zip(windows) {
        site.apply(scn, changes);
        site.commit();
        assert_eq!(site.people.key_conflicts().found(), (count, last), "{scn}");
    }
    let live = profiles(&site.people, &site);
    let of_truth: Vec<_> = site.truth.profiles.values().cloned().collect();
    assert!(live == of_truth, "the plain merge makes the same profiles");
    let keys = live
        .iter()
        .map(|profile| &*profile.member.as_ref().unwrap().key);
    assert_eq!(keys.collect::<Vec<_>>(), ["two", "three", ""]);

    // The log from its beginning, with one commit for all windows.
    let (people, mut writer) = open(site.directory.path(), &site.manifest, "replayed");
    let mut graph = Writer::new(Arc::clone(&site.base), Scn::BEGINNING);
    for (scn, changes) in &site.windows {
        apply(&mut graph, &mut writer, *scn, changes);
    }
    writer.commit(Scn::new(4)).unwrap();
    assert!(profiles(&people, &site) == live);
    assert_eq!(
        people.key_conflicts().found(),
        (2, Some(conflict(EMPTY, "two", "one")))
    );
}
