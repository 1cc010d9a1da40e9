//! Batches of profiles: what fits into an answer, and what a mask leaves of it.

use crate::small_site::{MEMBERS, SmallSite, config, profile, write_snapshot_of};
use cloud_client::proto::cloud::v1::{BatchGetProfilesResponse, ProfileResult};
use cloud_profile::{ProfileRecord, from_wire};
use cloud_proto::databus::v1::{Position, YearMonth};
use graph_server::{Limits, limits::PROFILES_ANSWER_BYTES_MAX};
use proptest::{
    collection::vec,
    prelude::Strategy,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use prost::Message as _;

/// The bytes of `next_index` with its tag, at most.
const NEXT_INDEX_BYTES: usize = 6;

/// Starts a server on a site with these profiles.
async fn start(profile: fn(u64) -> ProfileRecord) -> SmallSite {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = config(folder.path(), Limits::default()).snapshot;
    write_snapshot_of(&snapshot, profile);
    SmallSite::on(folder, Limits::default()).await
}

/// Returns a profile of about this many bytes, over the rules for any one field.
fn with_summary(id: u64, bytes: usize) -> ProfileRecord {
    let mut record = profile(id);
    record.member.as_mut().unwrap().summary = "x".repeat(bytes);
    record
}

/// Sends all members at once, and what is left as often as it takes.
async fn answers(site: &SmallSite, members: &[u64]) -> Vec<BatchGetProfilesResponse> {
    let (mut rest, mut answers) = (members, Vec::new());
    loop {
        let answer = site.client.profiles(rest).await.unwrap();
        let next = answer.next_index as usize;
        assert_eq!(
            answer.results.len(),
            if next == 0 { rest.len() } else { next }
        );
        answers.push(answer);
        if next == 0 {
            return answers;
        }
        rest = &rest[next..];
    }
}

#[tokio::test]
async fn answers_to_a_batch_are_the_answers_to_each_member() {
    let site = start(|id| with_summary(id, 1 << (2 * id + 2))).await;
    let mut single: Vec<ProfileResult> = Vec::new();
    for member in 1..=MEMBERS + 1 {
        single.extend(site.client.profiles(&[member]).await.unwrap().results);
    }
    let members = vec(select((1..=MEMBERS + 1).collect::<Vec<_>>()), 1..300);
    let mut random = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(Default::default()),
    );
    let mut is_split = false;
    for _ in 0..30 {
        let members = members.new_tree(&mut random).unwrap().current();
        let answers = answers(&site, &members).await;
        is_split |= answers.len() > 1;
        let expected: Vec<_> = members.iter().map(|&id| &single[id as usize - 1]).collect();
        let results: Vec<_> = answers.iter().flat_map(|answer| &answer.results).collect();
        assert!(results == expected, "{members:?}");
        let mut answered = 0;
        for answer in &answers {
            answered += answer.results.len();
            let bytes = answer.encoded_len();
            assert!(bytes <= PROFILES_ANSWER_BYTES_MAX, "{members:?}: {bytes}");
            // The next profile did not fit.
            if let Some(next) = expected.get(answered) {
                let next = BatchGetProfilesResponse {
                    results: vec![(*next).clone()],
                    ..Default::default()
                };
                let with_next = bytes + next.encoded_len();
                assert!(with_next + NEXT_INDEX_BYTES > PROFILES_ANSWER_BYTES_MAX);
            }
        }
    }
    assert!(is_split);
    let (as_of, all) = site.client.all_profiles(&[8; 40], &[]).await.unwrap();
    assert_eq!((as_of.unwrap().scn, all.len()), (0, 40));
    assert!(all.iter().all(|result| *result == single[7]));
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_profile_above_the_size_of_an_answer_is_answered_alone_or_by_fields() {
    let site = start(|id| with_summary(id, (id as usize - 1) << 20)).await;
    let results = async |members: &[u64]| {
        let answer = site.client.profiles(members).await.unwrap();
        (answer.results.len(), answer.next_index)
    };
    assert_eq!(results(&[2, 1, 2]).await, (1, 1));
    assert_eq!(results(&[1, 2]).await, (1, 1));
    assert_eq!(results(&[1, 1, 4]).await, (2, 2));
    assert_eq!(results(&[4]).await, (1, 0));
    // Member 5 has more than 4 MiB.
    let refused = site.client.profiles(&[5, 1]).await.unwrap_err();
    assert_eq!(refused.failure().unwrap().reason, "ANSWER_TOO_LARGE");
    assert_eq!(results(&[1, 5]).await, (1, 1));
    let masked = site
        .client
        .profiles_with(&[5, 8], &["headline"])
        .await
        .unwrap();
    assert_eq!(masked.results.len(), 2);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_mask_leaves_the_named_fields_and_the_ids() {
    let site = start(|id| ProfileRecord {
        positions: vec![Position {
            from: Some(YearMonth {
                year: 2001,
                month: 0,
            }),
            ..profile(id).positions[0].clone()
        }],
        ..with_summary(id, 100)
    })
    .await;
    let fields = ["display_name", "positions.title", "positions.from"];
    let answer = site.client.profiles_with(&[4, 99], &fields).await.unwrap();
    let [of_member, of_unknown] = &answer.results[..] else {
        panic!("{answer:?}");
    };
    let mut expected = ProfileRecord::default();
    let member = expected.member.get_or_insert_default();
    member.member_id = 4;
    member.display_name = "Member 4".to_owned();
    expected.positions.push(Position {
        position_id: 1,
        title: "Engineer".to_owned(),
        from: Some(YearMonth {
            year: 2001,
            month: 0,
        }),
        ..Position::default()
    });
    assert_eq!(of_member.profile.clone().map(from_wire), Some(expected));
    assert_eq!((of_unknown.member_id, &of_unknown.profile), (99, &None));
    let none = site
        .client
        .profiles_with(&[4], &["headline"])
        .await
        .unwrap();
    let profile = none.results[0].profile.as_ref().unwrap();
    assert_eq!(
        (profile.headline.as_str(), profile.positions.len()),
        ("Engineer at Acme", 0)
    );
    site.running.shutdown().await.unwrap();
}
