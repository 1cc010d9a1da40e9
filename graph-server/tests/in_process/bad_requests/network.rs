//! The rows of cloud.v1.NetworkService.

use super::{
    page::{at_least, bounded, sizes, tokens},
    raw::Wire,
    row::{Outcome, Row, row},
};
use cloud_proto::cloud::v1::*;
use graph_server::limits::*;
use prost::Message;

const DEGREES: &str = "cloud.v1.NetworkService/GetDegrees";
const FOR_VIEWERS: &str = "cloud.v1.NetworkService/GetDegreesForViewers";
const SUBGRAPH: &str = "cloud.v1.NetworkService/GetSubgraph";
const STREAM_CONNECTIONS: &str = "cloud.v1.NetworkService/StreamConnections";
const STREAM_SHARED: &str = "cloud.v1.NetworkService/StreamSharedConnections";
const STREAM_NETWORK: &str = "cloud.v1.NetworkService/StreamNetwork";
const SIZES: &str = "cloud.v1.NetworkService/GetNetworkSizes";
const CONNECTIONS: &str = "cloud.v1.NetworkService/ListConnections";
const SHARED: &str = "cloud.v1.NetworkService/ListSharedConnections";
const NETWORK: &str = "cloud.v1.NetworkService/ListNetwork";
const PATHS: &str = "cloud.v1.NetworkService/ListPaths";
const SUGGESTIONS: &str = "cloud.v1.NetworkService/SuggestConnections";
const BEGIN: &str = "cloud.v1.NetworkService/BeginSession";
const END: &str = "cloud.v1.NetworkService/EndSession";

/// Returns the token of the next page, from a page of one.
async fn token<A: Message + Default>(
    wire: &Wire,
    call: &str,
    request: &impl Message,
    token: impl Fn(A) -> String,
) -> String {
    let answer = wire.ask(call, vec![request.encode_to_vec()], None).await;
    token(A::decode(answer.unwrap().as_slice()).unwrap())
}

pub(super) async fn rows(wire: &Wire, log_id: &str) -> Vec<Row> {
    let connections = connections_of(3, ConnectionOrder::Id);
    let connections = token(
        wire,
        CONNECTIONS,
        &connections,
        |page: ListConnectionsResponse| page.next_page_token,
    )
    .await;
    let shared = token(
        wire,
        SHARED,
        &shared_of(1, 3),
        |page: ListSharedConnectionsResponse| page.next_page_token,
    )
    .await;
    let network = token(
        wire,
        NETWORK,
        &network_of(3, Degree::First),
        |page: ListNetworkResponse| page.next_page_token,
    )
    .await;
    let suggested = SuggestConnectionsRequest {
        page_size: 1,
        ..suggestions_for(3)
    };
    let suggested = token(
        wire,
        SUGGESTIONS,
        &suggested,
        |page: SuggestConnectionsResponse| page.next_page_token,
    )
    .await;
    let mut rows = degrees(log_id);
    rows.extend(degrees_for_viewers(log_id));
    rows.extend(subgraph(log_id));
    rows.extend(streams(log_id));
    rows.extend(network_sizes(log_id));
    rows.extend(list_connections(log_id, &connections, &network));
    rows.extend(list_shared(log_id, &shared, &connections));
    rows.extend(list_network(log_id, &network, &shared));
    rows.extend(list_paths(log_id));
    rows.extend(suggestions(log_id, &suggested, &network));
    rows.extend(sessions(log_id));
    rows
}

/// Returns the rows about the one id that a call names.
pub(super) fn ids<M: Message>(
    call: &'static str,
    field: &'static str,
    request: impl Fn(u64) -> M,
) -> Vec<Row> {
    vec![
        row(call, field, "0", &request(0), Outcome::Field(field)),
        row(
            call,
            field,
            "an unknown member",
            &request(99),
            Outcome::NoMember(99),
        ),
        row(
            call,
            field,
            "the largest id",
            &request(u64::MAX),
            Outcome::NoMember(u64::MAX),
        ),
        row(
            call,
            field,
            "a known member",
            &request(1),
            Outcome::Answered,
        ),
    ]
}

/// Returns the rows about the side from which a call on the public listener reads. The call's
/// fields are `viewer_id` and `anonymous`.
pub(super) fn sides<M: Message>(call: &'static str, request: impl Fn(u64, bool) -> M) -> Vec<Row> {
    let mut rows = ids(call, "viewer_id", |viewer_id| request(viewer_id, false));
    for (what, viewer_id, outcome) in [
        ("a visitor", 0, Outcome::Answered),
        ("a visitor who is a member", 1, Outcome::Field("anonymous")),
    ] {
        let request = request(viewer_id, true);
        rows.push(row(call, "anonymous", what, &request, outcome));
    }
    rows
}

/// Returns the rows about a batch of ids; unknown ones are answered.
pub(super) fn batches<M: Message>(
    call: &'static str,
    first_wrong: &'static str,
    limit: usize,
    request: impl Fn(Vec<u64>) -> M,
) -> Vec<Row> {
    batches_in(call, ("member_ids", first_wrong), limit, request)
}

/// Returns the same rows about the ids in `field`; the second name is that of the wrong one.
fn batches_in<M: Message>(
    call: &'static str,
    (about, first_wrong): (&'static str, &'static str),
    limit: usize,
    request: impl Fn(Vec<u64>) -> M,
) -> Vec<Row> {
    let too_large = |asked| Outcome::TooLarge {
        field: about,
        asked,
        limit: limit as u64,
    };
    let of = |count: usize| request((1..=count as u64).collect());
    vec![
        row(call, about, "none", &request(vec![]), Outcome::Answered),
        row(
            call,
            about,
            "0 among others",
            &request(vec![1, 0]),
            Outcome::Field(first_wrong),
        ),
        row(
            call,
            about,
            "an unknown member, twice",
            &request(vec![99, u64::MAX, 99]),
            Outcome::Answered,
        ),
        row(call, about, "the limit", &of(limit), Outcome::Answered),
        row(
            call,
            about,
            "above the limit",
            &of(limit + 1),
            too_large(limit as u64 + 1),
        ),
        row(
            call,
            about,
            "above the limit, 0 among them",
            &request(vec![0; 100_000]),
            too_large(100_000),
        ),
    ]
}

fn degrees(log_id: &str) -> Vec<Row> {
    let good = |viewer_id| GetDegreesRequest {
        viewer_id,
        member_ids: vec![2, 4],
        ..Default::default()
    };
    let mut rows = ids(DEGREES, "viewer_id", good);
    rows.extend(batches(
        DEGREES,
        "member_ids[1]",
        DEGREES_BATCH_MAX,
        |member_ids| GetDegreesRequest {
            member_ids,
            ..good(1)
        },
    ));
    rows.extend(bounded(
        DEGREES,
        "shared_sample",
        SHARED_SAMPLE_MAX,
        |shared_sample| GetDegreesRequest {
            shared_sample,
            ..good(1)
        },
    ));
    let everything = GetDegreesRequest {
        shared_count: true,
        path: true,
        ..good(1)
    };
    for field in ["shared_count", "path"] {
        rows.push(row(
            DEGREES,
            field,
            "asked for",
            &everything,
            Outcome::Answered,
        ));
    }
    rows.extend(at_least(DEGREES, log_id, |at_least| GetDegreesRequest {
        at_least,
        ..good(1)
    }));
    rows
}

fn network_sizes(log_id: &str) -> Vec<Row> {
    let good = |viewer_id| GetNetworkSizesRequest {
        viewer_id,
        ..Default::default()
    };
    let mut rows = ids(SIZES, "viewer_id", good);
    let third = GetNetworkSizesRequest {
        third: true,
        ..good(1)
    };
    rows.push(row(SIZES, "third", "asked for", &third, Outcome::Answered));
    rows.extend(at_least(SIZES, log_id, |at_least| GetNetworkSizesRequest {
        at_least,
        ..good(1)
    }));
    rows
}

fn connections_of(member_id: u64, order: ConnectionOrder) -> ListConnectionsRequest {
    ListConnectionsRequest {
        anonymous: true,
        member_id,
        order: order.into(),
        page_size: 1,
        ..Default::default()
    }
}

fn list_connections(log_id: &str, own: &str, of_network: &str) -> Vec<Row> {
    let by_id = ConnectionOrder::Id;
    let mut rows = ids(CONNECTIONS, "member_id", |id| connections_of(id, by_id));
    rows.extend(sides(CONNECTIONS, |viewer_id, anonymous| {
        ListConnectionsRequest {
            viewer_id,
            anonymous,
            ..connections_of(3, by_id)
        }
    }));
    for (what, order, outcome) in [
        ("unspecified", 0, Outcome::Answered),
        ("one above the last", 3, Outcome::Field("order")),
        ("negative", -1, Outcome::Field("order")),
        ("the largest number", i32::MAX, Outcome::Field("order")),
    ] {
        let request = ListConnectionsRequest {
            order,
            ..connections_of(1, by_id)
        };
        rows.push(row(CONNECTIONS, "order", what, &request, outcome));
    }
    rows.extend(sizes(CONNECTIONS, LIST_PAGE_SIZE_MAX, |page_size| {
        ListConnectionsRequest {
            page_size,
            ..connections_of(1, by_id)
        }
    }));
    let with = |member_id, order, page_token| ListConnectionsRequest {
        page_token,
        ..connections_of(member_id, order)
    };
    rows.extend(tokens(
        CONNECTIONS,
        own,
        &[("another call's", of_network)],
        |token| with(3, by_id, token),
    ));
    let refused = || Outcome::Field("page_token");
    let recent = with(3, ConnectionOrder::Recent, own.to_owned());
    rows.push(row(
        CONNECTIONS,
        "page_token",
        "another order's",
        &recent,
        refused(),
    ));
    let member = with(1, by_id, own.to_owned());
    rows.push(row(
        CONNECTIONS,
        "page_token",
        "another member's",
        &member,
        refused(),
    ));
    let viewer = ListConnectionsRequest {
        viewer_id: 1,
        anonymous: false,
        ..with(3, by_id, own.to_owned())
    };
    rows.push(row(
        CONNECTIONS,
        "page_token",
        "another viewer's",
        &viewer,
        refused(),
    ));
    rows.extend(at_least(CONNECTIONS, log_id, |at_least| {
        ListConnectionsRequest {
            at_least,
            ..connections_of(1, by_id)
        }
    }));
    rows
}

fn shared_of(viewer_id: u64, member_id: u64) -> ListSharedConnectionsRequest {
    ListSharedConnectionsRequest {
        viewer_id,
        member_id,
        page_size: 1,
        ..Default::default()
    }
}

fn list_shared(log_id: &str, own: &str, of_connections: &str) -> Vec<Row> {
    let mut rows = ids(SHARED, "viewer_id", |id| shared_of(id, 3));
    rows.extend(ids(SHARED, "member_id", |id| shared_of(3, id)));
    rows.extend(sizes(SHARED, LIST_PAGE_SIZE_MAX, |page_size| {
        ListSharedConnectionsRequest {
            page_size,
            ..shared_of(1, 3)
        }
    }));
    let with = |viewer, member, page_token| ListSharedConnectionsRequest {
        page_token,
        ..shared_of(viewer, member)
    };
    rows.extend(tokens(
        SHARED,
        own,
        &[("another call's", of_connections)],
        |token| with(1, 3, token),
    ));
    rows.push(row(
        SHARED,
        "page_token",
        "of the two the other way round",
        &with(3, 1, own.to_owned()),
        Outcome::Field("page_token"),
    ));
    rows.extend(at_least(SHARED, log_id, |at_least| {
        ListSharedConnectionsRequest {
            at_least,
            ..shared_of(1, 3)
        }
    }));
    rows
}

fn network_of(viewer_id: u64, degree: Degree) -> ListNetworkRequest {
    ListNetworkRequest {
        viewer_id,
        degree: degree.into(),
        page_size: 1,
        ..Default::default()
    }
}

fn list_network(log_id: &str, own: &str, of_shared: &str) -> Vec<Row> {
    let mut rows = ids(NETWORK, "viewer_id", |id| network_of(id, Degree::Second));
    for (what, degree, outcome) in [
        ("third", 3, Outcome::Answered),
        ("unspecified", 0, Outcome::Field("degree")),
        ("out of network", 4, Outcome::Field("degree")),
        ("the viewer", 5, Outcome::Field("degree")),
        ("unknown", 6, Outcome::Field("degree")),
        ("one above the last", 7, Outcome::Field("degree")),
        ("negative", -1, Outcome::Field("degree")),
    ] {
        let request = ListNetworkRequest {
            degree,
            ..network_of(1, Degree::First)
        };
        rows.push(row(NETWORK, "degree", what, &request, outcome));
    }
    rows.extend(sizes(NETWORK, LIST_PAGE_SIZE_MAX, |page_size| {
        ListNetworkRequest {
            page_size,
            ..network_of(1, Degree::First)
        }
    }));
    let with = |viewer, degree, page_token| ListNetworkRequest {
        page_token,
        ..network_of(viewer, degree)
    };
    rows.extend(tokens(
        NETWORK,
        own,
        &[("another call's", of_shared)],
        |token| with(3, Degree::First, token),
    ));
    let refused = || Outcome::Field("page_token");
    let degree = with(3, Degree::Second, own.to_owned());
    rows.push(row(
        NETWORK,
        "page_token",
        "another degree's",
        &degree,
        refused(),
    ));
    let viewer = with(1, Degree::First, own.to_owned());
    rows.push(row(
        NETWORK,
        "page_token",
        "another viewer's",
        &viewer,
        refused(),
    ));
    rows.extend(at_least(NETWORK, log_id, |at_least| ListNetworkRequest {
        at_least,
        ..network_of(1, Degree::First)
    }));
    rows
}

fn list_paths(log_id: &str) -> Vec<Row> {
    let good = |viewer_id, member_id| ListPathsRequest {
        viewer_id,
        member_id,
        ..Default::default()
    };
    let mut rows = ids(PATHS, "viewer_id", |id| good(id, 3));
    rows.extend(ids(PATHS, "member_id", |id| good(3, id)));
    rows.extend(bounded(
        PATHS,
        "max_degree",
        PATHS_DEGREE_MAX,
        |max_degree| ListPathsRequest {
            max_degree,
            ..good(1, 5)
        },
    ));
    rows.extend(bounded(PATHS, "limit", PATHS_NAMED_MAX, |limit| {
        ListPathsRequest {
            limit,
            ..good(1, 5)
        }
    }));
    rows.extend(at_least(PATHS, log_id, |at_least| ListPathsRequest {
        at_least,
        ..good(1, 3)
    }));
    rows
}

fn suggestions_for(viewer_id: u64) -> SuggestConnectionsRequest {
    SuggestConnectionsRequest {
        viewer_id,
        ..Default::default()
    }
}

fn suggestions(log_id: &str, own: &str, of_network: &str) -> Vec<Row> {
    let good = suggestions_for;
    let mut rows = ids(SUGGESTIONS, "viewer_id", good);
    rows.extend(sizes(SUGGESTIONS, SUGGESTIONS_MAX, |page_size| {
        SuggestConnectionsRequest {
            page_size,
            ..good(1)
        }
    }));
    let sample = "shared_sample";
    rows.extend(bounded(
        SUGGESTIONS,
        sample,
        SHARED_SAMPLE_MAX,
        |shared_sample| SuggestConnectionsRequest {
            shared_sample,
            ..good(1)
        },
    ));
    let exclude = |exclude_ids| SuggestConnectionsRequest {
        exclude_ids,
        ..good(1)
    };
    let limit = SUGGESTIONS_NAMED_MAX;
    let field = ("exclude_ids", "exclude_ids[1]");
    rows.extend(batches_in(SUGGESTIONS, field, limit, exclude));
    let include = |include_ids| SuggestConnectionsRequest {
        include_ids,
        ..good(1)
    };
    let field = ("include_ids", "include_ids[1]");
    rows.extend(batches_in(SUGGESTIONS, field, limit, include));
    let with = |viewer, page_token| SuggestConnectionsRequest {
        page_token,
        ..good(viewer)
    };
    let foreign = [("another call's", of_network)];
    rows.extend(tokens(SUGGESTIONS, own, &foreign, |token| with(3, token)));
    let own = || own.to_owned();
    let others = [
        ("another viewer's", with(1, own())),
        (
            "another sample's",
            SuggestConnectionsRequest {
                shared_sample: 1,
                ..with(3, own())
            },
        ),
        (
            "of a request that excludes other members",
            SuggestConnectionsRequest {
                exclude_ids: vec![7],
                ..with(3, own())
            },
        ),
        (
            "of a request that includes other members",
            SuggestConnectionsRequest {
                include_ids: vec![5],
                ..with(3, own())
            },
        ),
    ];
    let refused = || Outcome::Field("page_token");
    for (what, request) in others {
        rows.push(row(SUGGESTIONS, "page_token", what, &request, refused()));
    }
    rows.extend(at_least(SUGGESTIONS, log_id, |at_least| {
        SuggestConnectionsRequest {
            at_least,
            ..good(1)
        }
    }));
    rows
}

fn degrees_for_viewers(log_id: &str) -> Vec<Row> {
    let good = |viewer_ids, member_ids| GetDegreesForViewersRequest {
        viewer_ids,
        member_ids,
        at_least: None,
    };
    let field = ("viewer_ids", "viewer_ids[1]");
    let limit = DEGREES_VIEWERS_MAX;
    let mut rows = batches_in(FOR_VIEWERS, field, limit, |viewers| good(viewers, vec![3]));
    let field = ("member_ids", "member_ids[1]");
    let limit = DEGREES_FOR_VIEWERS_BATCH_MAX;
    rows.extend(batches_in(FOR_VIEWERS, field, limit, |members| {
        good(vec![1, 3], members)
    }));
    rows.extend(at_least(FOR_VIEWERS, log_id, |at_least| {
        GetDegreesForViewersRequest {
            at_least,
            ..good(vec![1], vec![3])
        }
    }));
    rows
}

fn subgraph(log_id: &str) -> Vec<Row> {
    let good = |viewer_id| GetSubgraphRequest {
        viewer_id,
        member_ids: vec![1, 2, 3],
        ..Default::default()
    };
    let mut rows = ids(SUBGRAPH, "viewer_id", good);
    let members = |member_ids| GetSubgraphRequest {
        member_ids,
        ..good(1)
    };
    let field = ("member_ids", "member_ids[1]");
    rows.extend(batches_in(SUBGRAPH, field, SUBGRAPH_MEMBERS_MAX, members));
    let timed = GetSubgraphRequest {
        connected_at: true,
        ..good(1)
    };
    let what = "with times";
    rows.push(row(
        SUBGRAPH,
        "connected_at",
        what,
        &timed,
        Outcome::Answered,
    ));
    rows.extend(at_least(SUBGRAPH, log_id, |at_least| GetSubgraphRequest {
        at_least,
        ..good(1)
    }));
    rows
}

fn streams(log_id: &str) -> Vec<Row> {
    let connections = |member_id, order| StreamConnectionsRequest {
        anonymous: true,
        member_id,
        order,
        ..Default::default()
    };
    let mut rows = ids(STREAM_CONNECTIONS, "member_id", |id| connections(id, 2));
    rows.extend(sides(STREAM_CONNECTIONS, |viewer_id, anonymous| {
        StreamConnectionsRequest {
            viewer_id,
            anonymous,
            ..connections(3, 2)
        }
    }));
    for (what, order, outcome) in [
        ("the default", 0, Outcome::Answered),
        ("recent", 1, Outcome::Answered),
        ("one above the last", 3, Outcome::Field("order")),
        ("negative", -1, Outcome::Field("order")),
    ] {
        let request = connections(3, order);
        rows.push(row(STREAM_CONNECTIONS, "order", what, &request, outcome));
    }
    rows.extend(at_least(STREAM_CONNECTIONS, log_id, |at_least| {
        StreamConnectionsRequest {
            at_least,
            ..connections(3, 0)
        }
    }));
    let shared = |viewer_id, member_id| StreamSharedConnectionsRequest {
        viewer_id,
        member_id,
        at_least: None,
    };
    rows.extend(ids(STREAM_SHARED, "viewer_id", |id| shared(id, 3)));
    rows.extend(ids(STREAM_SHARED, "member_id", |id| shared(1, id)));
    rows.extend(at_least(STREAM_SHARED, log_id, |at_least| {
        StreamSharedConnectionsRequest {
            at_least,
            ..shared(1, 3)
        }
    }));
    let network = |viewer_id, degree| StreamNetworkRequest {
        viewer_id,
        degree,
        at_least: None,
    };
    rows.extend(ids(STREAM_NETWORK, "viewer_id", |id| network(id, 2)));
    for (what, degree, outcome) in [
        ("third", 3, Outcome::Answered),
        ("unspecified", 0, Outcome::Field("degree")),
        ("out of network", 4, Outcome::Field("degree")),
        ("one above the last", 7, Outcome::Field("degree")),
    ] {
        let request = network(1, degree);
        rows.push(row(STREAM_NETWORK, "degree", what, &request, outcome));
    }
    rows.extend(at_least(STREAM_NETWORK, log_id, |at_least| {
        StreamNetworkRequest {
            at_least,
            ..network(1, 1)
        }
    }));
    rows
}

fn sessions(log_id: &str) -> Vec<Row> {
    let good = |viewer_id| BeginSessionRequest {
        viewer_id,
        at_least: None,
    };
    let mut rows = ids(BEGIN, "viewer_id", good);
    rows.extend(at_least(BEGIN, log_id, |at_least| BeginSessionRequest {
        viewer_id: 1,
        at_least,
    }));
    let refused = || Outcome::Field("session");
    for (what, session, outcome) in [
        ("none", String::new(), refused()),
        ("too short", "1".repeat(31), refused()),
        ("too long", "1".repeat(33), refused()),
        ("no digits", "g".repeat(32), refused()),
        ("a sign", format!("+{}", "1".repeat(31)), refused()),
        ("a megabyte", "1".repeat(1 << 20), refused()),
        ("one that never was", "0".repeat(32), Outcome::Answered),
    ] {
        let request = EndSessionRequest { session };
        rows.push(row(END, "session", what, &request, outcome));
    }
    rows
}
