//! Measures lists that a caller wants whole: as a stream and in pages, against the engine's walk of
//! the same members, and a page far into the largest hub's list against the first.

use std::time::Instant;

use cloud_client::Client;
use cloud_engine::{Budget, Graph, NetworkDegree, NodeIndex, Scratch, View, network_members};
use cloud_proto::cloud::v1 as cloud;

use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::{Outcome, check_equal};
use crate::setting::Setting;
use crate::unit::{Unit, grouped};

/// The viewers whose 2nd degree is listed, if there are as many.
const VIEWERS: usize = 2_000;
/// The largest page of a list.
const PAGE_SIZE: u32 = 1_000;
/// How often the smallest page is listed.
const SMALLEST_CALLS: usize = 1_000;
/// How often the hub's list is walked in pages.
const HUB_ROUNDS: usize = 9;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let (graph, questions) = (setting.site()?.graph(), setting.questions()?);
    let viewers: Vec<NodeIndex> = questions
        .iter()
        .take(VIEWERS)
        .map(|question| question.viewer)
        .collect();
    let hub = setting.site()?.largest_hub()?.0;
    setting.runtime().block_on(async {
        let measured = setting.measured_server("lists").await?;
        let client = measured.calls.channels().client(0);
        let call = smallest_call(client, graph.member(hub).get()).await?;
        whole_lists(graph, client, &viewers, &call, figures).await?;
        hub_pages(graph, client, hub, figures).await
    })
}

/// Measures pages of one member from a viewer with a view: the cost of a call itself.
async fn smallest_call(client: &Client, viewer_id: u64) -> Outcome<Latencies> {
    let request = cloud::ListNetworkRequest {
        viewer_id,
        degree: cloud::Degree::Second.into(),
        page_size: 1,
        ..Default::default()
    };
    client.call(request.clone()).await?;
    let mut latencies = Latencies::new();
    for _ in 0..SMALLEST_CALLS {
        let start = Instant::now();
        client.call(request.clone()).await?;
        latencies.record(start.elapsed());
    }
    Ok(latencies)
}

/// A way to get a whole list over gRPC, and the engine's walk of the same members.
struct Way {
    name: &'static str,
    walked: Latencies,
    answered: Latencies,
}

impl Way {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            walked: Latencies::new(),
            answered: Latencies::new(),
        }
    }
}

/// Lists the 2nd degree of every second viewer as a stream, and that of the others in pages. No
/// view exists before, here or on the server: both begin at the arrays.
async fn whole_lists(
    graph: &Graph,
    client: &Client,
    viewers: &[NodeIndex],
    call: &Latencies,
    figures: &mut Figures,
) -> Outcome<()> {
    let mut scratch = Scratch::new();
    let (mut streams, mut paged) = (Way::new("as a stream"), Way::new("in pages of 1,000"));
    let mut members = 0;
    for (number, &viewer) in viewers.iter().enumerate() {
        let start = Instant::now();
        let budget = &mut Budget::unlimited();
        let view = View::build(graph, viewer, &mut scratch, budget)?;
        let everything = (None, view.second().len() as usize);
        let second = NetworkDegree::Second;
        let list = network_members(graph, &view, second, everything, &mut scratch, budget)?;
        let walked = start.elapsed();
        let expected: Vec<u64> = list.members.iter().map(|member| member.get()).collect();
        members += expected.len();
        let id = graph.member(viewer).get();
        let start = Instant::now();
        let (way, found) = if number.is_multiple_of(2) {
            (&mut streams, stream(client, id).await?)
        } else {
            (&mut paged, pages(client, id, |_, _| ()).await?)
        };
        way.answered.record(start.elapsed());
        way.walked.record(walked);
        check_equal(
            || format!("the 2nd degree of {id} {}", way.name),
            &expected,
            &found,
        )?;
    }
    let viewer_count = viewers.len().max(1);
    for Way {
        name,
        walked,
        answered,
    } in [streams, paged]
    {
        let note = format!(
            "{} members in the mean; median / p99 {}, in the engine {}; a page of one member {}",
            grouped((members / viewer_count) as u64),
            answered.show(),
            walked.show(),
            call.show(),
        );
        let what = format!("whole 2nd degree, first time, {name}: median, above the engine's");
        let above = answered.median() - walked.median();
        let figure = Figure::new(what, Unit::Seconds, above).at_most(0.5e-3);
        figures.push(figure.note(note));
        let what = format!("whole 2nd degree, first time, {name}: p99, against the engine's");
        let ratio = answered.p99() / walked.p99();
        figures.push(Figure::new(what, Unit::Times, ratio).at_most(3.0));
    }
    Ok(())
}

/// Measures every page of the hub's 2nd degree.
async fn hub_pages(
    graph: &Graph,
    client: &Client,
    hub: NodeIndex,
    figures: &mut Figures,
) -> Outcome<()> {
    let id = graph.member(hub).get();
    let (mut first, mut later) = (Latencies::new(), Latencies::new());
    let mut members = 0;
    for _ in 0..HUB_ROUNDS {
        let mut number = 0;
        let found = pages(client, id, |start, is_last| {
            match number {
                0 => first.record(start.elapsed()),
                // The last page is shorter.
                _ if is_last => {}
                _ => later.record(start.elapsed()),
            }
            number += 1;
        });
        members = found.await?.len();
    }
    let what = "page of 1,000 of the largest hub's 2nd degree: a later page, against the first";
    let ratio = later.median() / first.median();
    let note = format!(
        "{} members; medians {} and {}",
        grouped(members as u64),
        Unit::Seconds.show(later.median()),
        Unit::Seconds.show(first.median())
    );
    figures.push(
        Figure::new(what, Unit::Times, ratio)
            .at_most(1.2)
            .note(note),
    );
    Ok(())
}

async fn stream(client: &Client, viewer_id: u64) -> Outcome<Vec<u64>> {
    let mut stream = client
        .stream_network(viewer_id, cloud::Degree::Second)
        .await?;
    let mut members = Vec::new();
    while let Some(part) = stream.next().await? {
        members.extend(part.member_ids);
    }
    Ok(members)
}

/// Lists all pages, and calls `answered` with the start of each call and whether it was the last.
async fn pages(
    client: &Client,
    viewer_id: u64,
    mut answered: impl FnMut(Instant, bool),
) -> Outcome<Vec<u64>> {
    let mut request = cloud::ListNetworkRequest {
        viewer_id,
        degree: cloud::Degree::Second.into(),
        page_size: PAGE_SIZE,
        ..Default::default()
    };
    let mut members = Vec::new();
    loop {
        let start = Instant::now();
        let page = client.call(request.clone()).await?;
        let is_last = page.next_page_token.is_empty();
        answered(start, is_last);
        members.extend(page.member_ids);
        if is_last {
            return Ok(members);
        }
        request.page_token = page.next_page_token;
    }
}
