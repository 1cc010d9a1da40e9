//! Refusals that depend on the server's state, as the client crate reports them.
//!
//! Refusals of requests that are wrong in themselves are in `bad_requests/`.

use crate::small_site::{SmallSite, config, write_snapshot};
use cloud_client::proto::databus::v1::{
    AsOf, PublishRequest, WindowPart, publisher_client::PublisherClient,
};
use cloud_client::{
    Admin, Client, ConnectionOrder, Degree, DegreesOptions, Error, Event, Page, PathsOptions,
    Point, SearchOptions, SuggestionsOptions, Window, connection_added,
};
use graph_server::{Config, Limits, serve};
use std::{fmt::Debug, time::Duration};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

/// Checks that the call fails with this code, and names this field, member or reason.
#[track_caller]
fn check<T: Debug>(outcome: Result<T, Error>, code: Code, named: &str) {
    let error = outcome.unwrap_err();
    let failure = error.failure().unwrap_or_else(|| panic!("{error}"));
    let names = failure
        .fields
        .iter()
        .map(|violation| violation.field.as_str());
    let resource = failure.resource.iter().map(|(_, name)| name.as_str());
    let names: Vec<_> = names
        .chain(resource)
        .chain([failure.reason.as_str()])
        .collect();
    assert_eq!(failure.code, code, "{error}");
    let is_load = code == Code::ResourceExhausted;
    assert_eq!(error.retry_delay().is_some(), is_load, "{failure:?}");
    assert!(
        names.contains(&named),
        "{named} is not in {names:?}: {error}"
    );
}

async fn channel(address: String) -> Channel {
    Endpoint::from_shared(address)
        .unwrap()
        .connect()
        .await
        .unwrap()
}

fn search(degrees: &[Degree], page: Page) -> SearchOptions {
    SearchOptions {
        degrees: degrees.to_vec(),
        page,
    }
}

#[tokio::test]
async fn the_client_tells_what_a_refusal_names() {
    let site = SmallSite::start(Limits::default()).await;
    let client = &site.client;
    let none = DegreesOptions::default();
    let members: Vec<_> = (1..=1001).collect();
    let degrees = |viewer, members| client.degrees(viewer, members, none);
    check(
        degrees(1, &[1, 0]).await,
        Code::InvalidArgument,
        "member_ids[1]",
    );
    check(degrees(99, &[1]).await, Code::NotFound, "99");
    check(
        degrees(1, &members).await,
        Code::InvalidArgument,
        "TOO_LARGE",
    );
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_page_token_is_for_its_own_request() {
    let site = SmallSite::start(Limits::default()).await;
    let client = &site.client;
    let small = || Page {
        size: 1,
        token: String::new(),
    };
    let next = |token: String| Page { size: 1, token };
    let token = client
        .connections(3, ConnectionOrder::Id, small())
        .await
        .unwrap()
        .next_page_token;
    let other = client
        .connections(3, ConnectionOrder::Recent, next(token.clone()))
        .await;
    check(other, Code::InvalidArgument, "page_token");
    check(
        client
            .connections(1, ConnectionOrder::Id, next(token))
            .await,
        Code::InvalidArgument,
        "page_token",
    );
    let token = client
        .shared_connections(1, 3, small())
        .await
        .unwrap()
        .next_page_token;
    check(
        client.shared_connections(3, 1, next(token)).await,
        Code::InvalidArgument,
        "page_token",
    );
    let token = client
        .network(3, Degree::First, small())
        .await
        .unwrap()
        .next_page_token;
    for (viewer, degree) in [(3, Degree::Second), (1, Degree::First)] {
        check(
            client.network(viewer, degree, next(token.clone())).await,
            Code::InvalidArgument,
            "page_token",
        );
    }
    let token = client
        .search(1, "acme", search(&[], small()))
        .await
        .unwrap()
        .next_page_token;
    let other = client
        .search(1, "member", search(&[], next(token.clone())))
        .await;
    check(other, Code::InvalidArgument, "page_token");
    let other = client
        .search(1, "acme", search(&[Degree::First], next(token)))
        .await;
    check(other, Code::InvalidArgument, "page_token");
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused_with_the_limit() {
    let limits = Limits {
        request_edges_max: 3,
        sessions_max: 0,
        subscriptions_max: 0,
        list_streams_max: 0,
        publishers_max: 0,
        ..Limits::default()
    };
    let site = SmallSite::start(limits).await;
    let client = &site.client;
    let (exhausted, forbidden) = (Code::ResourceExhausted, Code::FailedPrecondition);
    let none = DegreesOptions::default();
    let edges = "EDGES_EXHAUSTED";
    check(client.degrees(1, &[3], none).await, forbidden, edges);
    check(
        client.network(3, Degree::Second, Page::default()).await,
        forbidden,
        edges,
    );
    let far = PathsOptions {
        max_degree: 6,
        limit: 0,
    };
    check(client.paths(1, 5, far).await, forbidden, edges);
    check(
        client.suggestions(1, SuggestionsOptions::default()).await,
        forbidden,
        edges,
    );
    check(client.begin_session(7).await, exhausted, "BUSY");
    check(site.log.subscribe(0, &[], "").await, exhausted, "BUSY");
    let stream = client.stream_network(1, Degree::First).await;
    check(stream, exhausted, "BUSY");
    check(
        site.admin.publish(Window::default()).await,
        exhausted,
        "BUSY",
    );
    site.running.shutdown().await.unwrap();

    let site = SmallSite::start(Limits {
        requests_in_flight_max: 0,
        ..Limits::default()
    })
    .await;
    check(site.client.network_sizes(1, false).await, exhausted, "BUSY");
    site.running.shutdown().await.unwrap();
    let site = SmallSite::start(Limits {
        queued_requests_max: 0,
        ..Limits::default()
    })
    .await;
    check(
        site.client
            .search(1, "x", search(&[], Page::default()))
            .await,
        exhausted,
        "BUSY",
    );
    site.running.shutdown().await.unwrap();
}

/// Without places in the queue of the heavy threads, only work that runs on the thread of its
/// connection is answered.
#[tokio::test]
async fn heavy_work_never_runs_where_it_was_asked() {
    for (inline_edges_max, is_heavy) in [(0, true), (100_000, false)] {
        let site = SmallSite::start(Limits {
            inline_edges_max,
            queued_requests_max: 0,
            ..Limits::default()
        })
        .await;
        let degrees = site
            .client
            .degrees(1, &[3], DegreesOptions::default())
            .await;
        let outcomes = [
            degrees.map(drop),
            site.client.network_sizes(1, false).await.map(drop),
            site.client.network_sizes(1, true).await.map(drop),
        ];
        for outcome in outcomes {
            if is_heavy {
                check(outcome, Code::ResourceExhausted, "BUSY");
            } else {
                outcome.unwrap();
            }
        }
        site.running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_point_that_is_not_reached() {
    let site = SmallSite::start(Limits {
        wait_ms_max: 20,
        ..Limits::default()
    })
    .await;
    let head = site.log.log_status().await.unwrap().head.unwrap();
    let later = AsOf {
        scn: head.scn + 1,
        ..head.clone()
    };
    let reads = |point: Point| {
        let client = site.client.at_least(point);
        async move {
            let none = DegreesOptions::default();
            let first = Page::default;
            [
                client.degrees(1, &[2], none).await.map(drop),
                client.network_sizes(1, false).await.map(drop),
                client
                    .connections(1, ConnectionOrder::Id, first())
                    .await
                    .map(drop),
                client.shared_connections(1, 2, first()).await.map(drop),
                client.network(1, Degree::First, first()).await.map(drop),
                client.paths(1, 2, PathsOptions::default()).await.map(drop),
                client
                    .suggestions(1, SuggestionsOptions::default())
                    .await
                    .map(drop),
                client.begin_session(1).await.map(drop),
                client.subgraph(1, &[1], false).await.map(drop),
                client.stream_network(1, Degree::First).await.map(drop),
                client.search(1, "x", search(&[], first())).await.map(drop),
                client.profiles(&[1]).await.map(drop),
            ]
        }
    };
    for outcome in reads(later.clone().into()).await {
        assert_eq!(
            outcome.as_ref().unwrap_err().failure().unwrap().metadata["scn"],
            "0"
        );
        check(outcome, Code::Unavailable, "NOT_REACHED");
    }
    for outcome in reads(Point::source("nobody", 1)).await {
        check(outcome, Code::Unavailable, "NOT_REACHED");
    }
    let foreign = AsOf {
        history: 0,
        log_id: "0".repeat(32),
        scn: 0,
    };
    for outcome in reads(foreign.into()).await {
        check(outcome, Code::FailedPrecondition, "OTHER_LOG");
    }
    site.running.shutdown().await.unwrap();

    let site = SmallSite::start(Limits::default()).await;
    let later = AsOf {
        history: 0,
        log_id: site.log.log_status().await.unwrap().head.unwrap().log_id,
        scn: 1,
    };
    let hurried = site
        .client
        .at_least(later)
        .timeout(Duration::from_millis(20));
    assert_eq!(
        hurried.network_sizes(1, false).await.unwrap_err().code(),
        Code::DeadlineExceeded
    );
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_wrong_window_ends_the_call_after_those_before_it() {
    let site = SmallSite::start(Limits::default()).await;
    check(
        site.admin
            .publish(Window::of([connection_added(1, 7), connection_added(1, 1)]))
            .await,
        Code::InvalidArgument,
        "part.changes[1].connection_added.other_id",
    );
    let no_source = Window {
        source_offset: 3,
        ..Window::default()
    };
    check(
        site.admin.publish(no_source).await,
        Code::InvalidArgument,
        "part.source_offset",
    );
    let (sender, mut answers) = site.admin.publisher().await.unwrap();
    sender
        .send(Window::of([connection_added(1, 7)]))
        .await
        .unwrap();
    sender
        .send(Window::of([connection_added(0, 7)]))
        .await
        .unwrap();
    assert!(answers.next().await.unwrap().unwrap().as_of.is_some());
    let field = "part.changes[0].connection_added.member_id";
    check(answers.next().await, Code::InvalidArgument, field);

    // This uses the generated client: the client crate does not send parts that make no window.
    let admin = format!("http://{}", site.running.admin_addr());
    let mut wire = PublisherClient::new(channel(admin).await);
    let part = |part| PublishRequest { part };
    let gap = part(Some(WindowPart {
        part: 1,
        last: true,
        ..Default::default()
    }));
    let open = part(Some(WindowPart {
        part: 0,
        last: false,
        ..Default::default()
    }));
    for requests in [vec![part(None)], vec![gap], vec![open]] {
        let mut answers = wire
            .publish(tokio_stream::iter(requests))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            answers.message().await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn subscriptions_that_cannot_begin() {
    let site = SmallSite::start(Limits::default()).await;
    let client = &site.log;
    check(
        client.subscribe(7, &[], "").await,
        Code::OutOfRange,
        "BEYOND_HEAD",
    );
    check(
        client.subscribe(0, &[], "other").await,
        Code::FailedPrecondition,
        "OTHER_LOG",
    );
    let unspecified = [cloud_client::proto::databus::v1::ChangeKind::Unspecified];
    check(
        client.subscribe(0, &unspecified, "").await,
        Code::InvalidArgument,
        "kinds[0]",
    );
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_slow_subscriber_is_told_where_to_resume() {
    let limits = Limits {
        stall_ms_max: 50,
        subscriptions_max: 1,
        ..Limits::default()
    };
    let site = SmallSite::start(limits).await;
    let mut slow = site.log.subscribe(0, &[], "").await.unwrap();
    // This is more than the windows of HTTP/2 and the server's queue hold.
    let (sender, mut answers) = site.admin.publisher().await.unwrap();
    let windows = 24;
    for _ in 0..windows {
        sender
            .send(Window::of(
                (0..30_000).map(|other| connection_added(1, other + 2)),
            ))
            .await
            .unwrap();
    }
    drop(sender);
    while answers.next().await.unwrap().is_some() {}
    // The server cuts it off by its own clock, while nothing is read here. Then its place is free.
    let subscribe_when_free = async |after_scn| loop {
        if let Ok(subscription) = site.log.subscribe(after_scn, &[], "").await {
            break subscription;
        }
    };
    drop(subscribe_when_free(0).await);
    let error = loop {
        match slow.next().await {
            Ok(Some(Event::Part(_) | Event::Heartbeat(_))) => {}
            Ok(None) => panic!("ended in order"),
            Err(error) => break error,
        }
    };
    let resume = error.failure().unwrap().metadata["resume_after_scn"]
        .parse()
        .unwrap();
    check::<()>(Err(error), Code::ResourceExhausted, "SLOW_SUBSCRIBER");
    let mut rest = subscribe_when_free(resume).await;
    let mut windows_heard = 0;
    while resume + windows_heard < windows {
        if let Some(Event::Part(part)) = rest.next().await.unwrap() {
            assert_eq!(part.scn, resume + windows_heard + 1);
            windows_heard += u64::from(part.last);
        }
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let site = SmallSite::start(Limits {
        drain_timeout_ms: 60_000,
        ..Limits::default()
    })
    .await;
    let mut subscription = site.log.subscribe(0, &[], "").await.unwrap();
    let (sender, mut answers) = site.admin.publisher().await.unwrap();
    sender
        .send(Window::of([connection_added(1, 7)]))
        .await
        .unwrap();
    assert!(answers.next().await.unwrap().is_some());
    let public = site.running.public_addr().to_string();
    // This is long before the hard end.
    let ended = tokio::time::timeout(Duration::from_secs(30), site.running.shutdown()).await;
    ended.expect("streams do not hold it").unwrap();
    check(answers.next().await, Code::Unavailable, "NOT_SERVING");
    let error = loop {
        match subscription.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended in order"),
            Err(error) => break error,
        }
    };
    check::<()>(Err(error), Code::Unavailable, "NOT_SERVING");
    assert!(matches!(
        Client::connect(public).await,
        Err(Error::Unreachable { .. })
    ));
}

#[tokio::test]
async fn a_log_takes_only_the_sources_that_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    write_snapshot(&folder.path().join("snapshot"));
    let config = Config {
        take_source: vec!["core".to_owned()],
        ..config(folder.path(), Limits::default())
    };
    let running = serve(config).await.unwrap();
    let admin = Admin::connect(running.admin_addr().to_string())
        .await
        .unwrap();
    let window = |source_id: &str, source_offset| Window {
        source_id: source_id.to_owned(),
        source_offset,
        ..Window::of([connection_added(1, 7)])
    };
    for (source_id, offset) in [("", 0), ("cores", 3), ("cores", 0)] {
        let outcome = admin.publish(window(source_id, offset)).await;
        check(outcome, Code::FailedPrecondition, "CAPTURED");
    }
    for offset in [3, 0] {
        admin.publish(window("core", offset)).await.unwrap();
    }
    drop(admin);
    running.shutdown().await.unwrap();
}
