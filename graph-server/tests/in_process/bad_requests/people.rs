//! The rows of cloud.v1.SearchService and cloud.v1.ProfileService.

use super::{
    network::{batches, ids, sides},
    page::{at_least, sizes, tokens},
    raw::Wire,
    row::{Outcome, Row, row},
};
use cloud_proto::cloud::v1::{
    BatchGetProfilesRequest, Degree, SearchMembersRequest, SearchMembersResponse,
};
use graph_server::limits::*;
use prost::Message as _;
use prost_types::FieldMask;

const SEARCH: &str = "cloud.v1.SearchService/SearchMembers";
const PROFILES: &str = "cloud.v1.ProfileService/BatchGetProfiles";

pub(super) async fn rows(wire: &Wire, log_id: &str) -> Vec<Row> {
    let answer = wire.ask(SEARCH, vec![search("acme").encode_to_vec()], None);
    let answer = SearchMembersResponse::decode(answer.await.unwrap().as_slice()).unwrap();
    let mut rows = search_rows(log_id, &answer.next_page_token);
    rows.extend(batches(
        PROFILES,
        "member_ids[1]",
        PROFILES_BATCH_MAX,
        |member_ids| BatchGetProfilesRequest {
            anonymous: true,
            member_ids,
            at_least: None,
            ..Default::default()
        },
    ));
    rows.extend(sides(PROFILES, |viewer_id, anonymous| {
        BatchGetProfilesRequest {
            viewer_id,
            anonymous,
            member_ids: vec![1],
            ..Default::default()
        }
    }));
    rows.extend(read_masks());
    rows.extend(at_least(PROFILES, log_id, |at_least| {
        BatchGetProfilesRequest {
            anonymous: true,
            member_ids: vec![1],
            at_least,
            ..Default::default()
        }
    }));
    rows
}

fn read_masks() -> Vec<Row> {
    let unknown = || Outcome::Field("read_mask.paths[1]");
    let paths = |count: usize| vec!["headline"; count];
    [
        ("no paths", vec![], Outcome::Answered),
        ("every field", vec!["*"], Outcome::Answered),
        ("a field twice", paths(2), Outcome::Answered),
        (
            "fields of positions",
            vec!["positions.title", "positions.from"],
            Outcome::Answered,
        ),
        ("as many paths as may be", paths(64), Outcome::Answered),
        ("a path more", paths(65), Outcome::Field("read_mask.paths")),
        ("no such field", vec!["headline", "salary"], unknown()),
        (
            "the log's record",
            vec!["headline", "member.headline"],
            unknown(),
        ),
        (
            "no such field of positions",
            vec!["positions", "positions.headline"],
            unknown(),
        ),
        ("an empty path", vec!["headline", ""], unknown()),
    ]
    .into_iter()
    .map(|(what, paths, outcome)| {
        let paths = paths.into_iter().map(str::to_owned).collect();
        let request = BatchGetProfilesRequest {
            anonymous: true,
            member_ids: vec![1],
            read_mask: Some(FieldMask { paths }),
            ..Default::default()
        };
        row(PROFILES, "read_mask", what, &request, outcome)
    })
    .collect()
}

fn search(query: &str) -> SearchMembersRequest {
    SearchMembersRequest {
        viewer_id: 1,
        query: query.to_owned(),
        page_size: 1,
        ..Default::default()
    }
}

fn search_rows(log_id: &str, own: &str) -> Vec<Row> {
    let mut rows = ids(SEARCH, "viewer_id", |viewer_id| SearchMembersRequest {
        viewer_id,
        ..search("acme")
    });
    rows.extend(queries());
    let unlisted = |place: &'static str| Outcome::Field(place);
    for (what, degrees, outcome) in [
        ("all that may be", vec![1, 2, 3, 4], Outcome::Answered),
        ("one a thousand times", vec![1; 1_000], Outcome::Answered),
        ("unspecified", vec![0], unlisted("degrees[0]")),
        ("the viewer", vec![1, 5], unlisted("degrees[1]")),
        ("unknown", vec![6], unlisted("degrees[0]")),
        ("one above the last", vec![7], unlisted("degrees[0]")),
        ("negative", vec![-1], unlisted("degrees[0]")),
    ] {
        let request = SearchMembersRequest {
            degrees,
            ..search("acme")
        };
        rows.push(row(SEARCH, "degrees", what, &request, outcome));
    }
    rows.extend(sizes(SEARCH, SEARCH_PAGE_SIZE_MAX, |page_size| {
        SearchMembersRequest {
            page_size,
            ..search("acme")
        }
    }));
    rows.extend(tokens(SEARCH, own, &[], |page_token| {
        SearchMembersRequest {
            page_token,
            ..search("acme")
        }
    }));
    let own = |request: SearchMembersRequest| SearchMembersRequest {
        page_token: own.to_owned(),
        ..request
    };
    for (what, request) in [
        ("another query's", search("member")),
        (
            "another viewer's",
            SearchMembersRequest {
                viewer_id: 2,
                ..search("acme")
            },
        ),
        (
            "other degrees'",
            SearchMembersRequest {
                degrees: vec![Degree::First.into()],
                ..search("acme")
            },
        ),
    ] {
        let refused = Outcome::Field("page_token");
        rows.push(row(SEARCH, "page_token", what, &own(request), refused));
    }
    rows.extend(at_least(SEARCH, log_id, |at_least| SearchMembersRequest {
        at_least,
        ..search("acme")
    }));
    rows
}

fn queries() -> Vec<Row> {
    let refused = || Outcome::Field("query");
    let longer = QUERY_BYTES_MAX as u64 + 1;
    let too_large = Outcome::TooLarge {
        field: "query",
        asked: longer,
        limit: longer - 1,
    };
    [
        ("every member", String::new(), Outcome::Answered),
        ("the limit", "x".repeat(QUERY_BYTES_MAX), Outcome::Answered),
        (
            "above the limit",
            "x".repeat(QUERY_BYTES_MAX + 1),
            too_large,
        ),
        ("an open quote", "\"acme".to_owned(), refused()),
        ("an open parenthesis", "(acme".to_owned(), refused()),
        (
            "a parenthesis that closes nothing",
            "acme)".to_owned(),
            refused(),
        ),
        ("no such field", "nothing:acme".to_owned(), refused()),
        ("a field without a word", "title:".to_owned(), refused()),
        ("an operator alone", "OR".to_owned(), refused()),
        (
            "as many terms as may be",
            "x ".repeat(64),
            Outcome::Answered,
        ),
        ("a term more", "x ".repeat(65), refused()),
        (
            "as deep as may be",
            format!("{}x{}", "(".repeat(16), ")".repeat(16)),
            Outcome::Answered,
        ),
        (
            "a level deeper",
            format!("{}x{}", "(".repeat(17), ")".repeat(17)),
            refused(),
        ),
        (
            "a control character",
            "\u{0}acme".to_owned(),
            Outcome::Answered,
        ),
    ]
    .into_iter()
    .map(|(what, query, outcome)| row(SEARCH, "query", what, &search(&query), outcome))
    .collect()
}
