//! A snapshot and a log of the version before the rules, with each form of change that it accepted.
//!
//! The log holds:
//!
//! - texts with white space around them, with control characters and NUL;
//! - empty display names beside given names;
//! - empty skills;
//! - masks of nothing, of the id alone, of a field twice;
//! - positions whose kind is unspecified, 3 and 99 under masks that do not name it;
//! - a position that is current and ended;
//! - times at 1970 and below a millisecond.
//!
//! The snapshot holds a position without a kind. `profiles.bin` is that version's answer with the
//! profiles of all members.

use std::fs;
use std::path::Path;

use cloud_profile::{ProfileRecord, from_wire};
use cloud_proto::databus::v1::AsOf;
use cloud_tests::site::copy;
use prost::Message as _;

use super::site::{Site, search};

/// The answer of that version: its profiles were made of the log's records.
#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    as_of: Option<AsOf>,
    #[prost(message, repeated, tag = "2")]
    results: Vec<MemberResult>,
}

/// A member, and the profile if the member exists.
#[derive(Clone, PartialEq, prost::Message)]
struct MemberResult {
    #[prost(uint64, tag = "1")]
    member_id: u64,
    #[prost(message, optional, tag = "2")]
    profile: Option<ProfileRecord>,
}

const MEMBERS: [u64; 10] = [1, 2, 3, 10, 11, 12, 13, 14, 15, 20];

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_let_in_is_replayed_as_it_is() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/before_rules");
    let folder = tempfile::tempdir().expect("a folder");
    copy(&fixture, folder.path());
    let expected = fs::read(fixture.join("profiles.bin")).expect("the answer");
    let expected = Answer::decode(expected.as_slice()).expect("an answer");
    // The state is replayed from the log, then from the stores that the first run left.
    for _ in 0..2 {
        let site = Site::serve(folder.path()).await;
        let at_least = expected.as_of.clone().expect("a point");
        let client = site.client.clone().at_least(at_least);
        let answer = client.profiles(&MEMBERS).await.expect("profiles");
        let results = answer.results.into_iter().map(|result| MemberResult {
            member_id: result.member_id,
            profile: result.profile.map(from_wire),
        });
        assert_eq!(results.collect::<Vec<_>>(), expected.results);
        assert_eq!(answer.as_of, expected.as_of);
        for (query, members) in [
            ("organisation:undecided", &[1][..]),
            ("company:undecided", &[]),
            ("school:undecided", &[]),
            ("organisation:nowhere", &[10]),
            ("company:nowhere", &[]),
            ("title:unknown", &[10]),
            ("company:acme", &[11]),
            ("school:lund", &[11]),
            ("school:uppsala", &[2]),
            ("title:doctoral", &[2]),
            ("name:cyrus", &[3]),
            ("name:dee", &[10]),
            ("headline:spaced", &[10]),
            ("skill:go", &[10]),
            ("place:oslo", &[2]),
            ("place:back", &[15]),
        ] {
            let found = search(&client, 20, query).await;
            assert_eq!(found, (members.len() as u64, members.to_vec()), "{query}");
        }
        site.stop().await;
    }
}
