//! Measures what large pages and the resident graph are worth: other groups in processes of their
//! own, with them and without, by turns. Then the latency of calls while the graph is copied.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use cloud_proto::cloud::v1::GraphResidence;
use serde_json::Value;

use crate::{
    calls::Calls,
    capacity::{degrees_at, degrees_rate},
    channels::Channels,
    figures::{Figure, Figures},
    latencies::Latencies,
    outcome::Outcome,
    rounds::{by_turns, median},
    server::Server,
    setting::{Setting, graph_residence},
    unit::Unit,
};

/// The groups that are measured, of a site without profiles.
const GROUPS: [&str; 6] = ["start", "resident", "views", "degrees", "sizes", "changes"];
/// The groups with profiles.
const GROUPS_OF_PROFILES: [&str; 1] = ["search"];
/// The runs of each kind.
const TURNS: usize = 3;
/// The least time of a latency while the graph is copied.
const COPYING_MIN: Duration = Duration::from_millis(200);

/// The targets: the beginning of a row of another group, and how many times as good it is to be.
const TARGETS: [(&str, f64); 9] = [
    (
        "changes applied per second in the engine, windows of 1",
        3.0,
    ),
    ("changes replayed per second at a start", 3.0),
    ("view in the engine: median", 1.3),
    ("view in the engine: p99", 1.8),
    ("100 degrees on a warm view, in the engine: median", 1.4),
    ("the largest hub, in the engine: view", 1.8),
    ("batches of 100 degrees per second over gRPC", 1.3),
    ("start to first answer", 1.0 / 1.1),
    ("resident (anonymous + mapped)", 1.0 / 1.1),
];

/// The measured values of a row, by run.
#[derive(Debug, Default)]
struct Row {
    with: Vec<f64>,
    without: Vec<f64>,
}

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    // Both kinds find the site there.
    setting.questions()?;
    let mut order = Vec::new();
    let mut rows: BTreeMap<String, (Unit, Row)> = BTreeMap::new();
    for _ in 0..TURNS {
        for is_plain in [false, true] {
            for (what, unit, measured) in run(setting, is_plain)? {
                let (_, row) = rows.entry(what.clone()).or_insert_with(|| {
                    order.push(what);
                    (unit, Row::default())
                });
                let values = if is_plain {
                    &mut row.without
                } else {
                    &mut row.with
                };
                values.push(measured);
            }
        }
    }
    for what in order {
        if let Some((unit, row)) = rows.remove(&what) {
            figures.push(figure(&what, unit, &row));
        }
    }
    setting.runtime().block_on(while_copied(setting, figures))
}

fn figure(what: &str, unit: Unit, row: &Row) -> Figure {
    let (with, without) = (
        median(row.with.iter().copied()),
        median(row.without.iter().copied()),
    );
    let gain = match unit {
        Unit::PerSecond => with / without,
        _ => without / with,
    };
    let show = |values: &[f64]| {
        let values: Vec<_> = values.iter().map(|&value| unit.show(value)).collect();
        values.join(", ")
    };
    let figure = Figure::new(format!("times as good: {what}"), Unit::Times, gain).note(format!(
        "{} with large pages and a resident graph, {} without; runs with {}; without {}",
        unit.show(with),
        unit.show(without),
        show(&row.with),
        show(&row.without)
    ));
    let target = TARGETS.iter().find(|(start, _)| what.starts_with(start));
    match target {
        Some(&(_, target)) => figure.at_least(target).at_22_m(),
        None => figure,
    }
}

/// Runs the groups in a process of their own, and returns the rows that were measured.
fn run(setting: &Setting, is_plain: bool) -> Outcome<Vec<(String, Unit, f64)>> {
    let options = setting.options();
    let json = setting.data().folder().join("large-pages.json");
    let mut groups = GROUPS.to_vec();
    if !options.graph_only {
        groups.extend(GROUPS_OF_PROFILES);
    }
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--members", &options.members.to_string()])
        .args(["--mean-connections", &options.mean_connections.to_string()])
        .args(["--seed", &options.seed.to_string()])
        .args(["--seconds", &options.seconds.to_string()])
        .args(["--only", &groups.join(",")])
        .arg("--json")
        .arg(&json)
        .stdout(Stdio::null());
    if let Some(data) = &options.data {
        command.arg("--data").arg(data);
    }
    if options.graph_only {
        command.arg("--graph-only");
    }
    if is_plain {
        command.arg("--plain-pages");
    }
    let status = command.status()?;
    if !status.success() {
        return Err(format!("a run of the groups ended with {status}").into());
    }
    rows(&json)
}

fn rows(json: &Path) -> Outcome<Vec<(String, Unit, f64)>> {
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(json)?)?;
    let rows = rows.iter().filter_map(|row| {
        let unit = Unit::named(row["unit"].as_str()?)?;
        Some((
            row["what"].as_str()?.to_owned(),
            unit,
            row["measured"].as_f64()?,
        ))
    });
    Ok(rows.collect())
}

/// Measures GetDegrees while a server that has just started copies its graph, against one that does
/// not copy.
async fn while_copied(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let measured = setting.measured_server("large-pages").await?;
    let rate = degrees_rate(&measured.calls, setting.duration()).await?;
    let folder = measured.folder;
    measured.server.terminate()?;
    let start = async |memory: &'static str| -> Outcome<(Server, Arc<Calls>)> {
        let server = Server::start(folder.path(), &["--graph-memory", memory])?;
        let questions = setting.questions()?.clone();
        let calls = Calls::new(Channels::connect(&server).await?, questions);
        Ok((server, calls))
    };
    let (begun, (server, calls)) = (Instant::now(), start("resident").await?);
    while graph_residence(&calls).await? != GraphResidence::Resident {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let time = begun.elapsed();
    server.terminate()?;
    let duration = time.max(COPYING_MIN);
    let rounds = by_turns(
        async || {
            let (server, calls) = start("mapped").await?;
            let answered = degrees_at(&calls, rate, duration).await?;
            server.terminate()?;
            Ok(answered)
        },
        async || {
            let (server, calls) = start("resident").await?;
            let answered = degrees_at(&calls, rate, duration).await?;
            server.terminate()?;
            Ok(answered)
        },
    )
    .await?;
    let what = "GetDegrees, open loop at 30 %, while the graph is copied, against none: p99";
    let figure = Figure::new(what, Unit::Times, rounds.ratio(Latencies::p99));
    figures.push(figure.at_most(1.5).at_22_m().note(format!(
        "{}; from the start of the server, no view cached; alone, start and copy take {}; {}",
        Unit::PerSecond.show(rate),
        Unit::Seconds.show(time.as_secs_f64()),
        rounds.show()
    )));
    Ok(())
}
