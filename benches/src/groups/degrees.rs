//! Measures degrees, shared connections and paths over gRPC, with the client on the server's cores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::closed_loop;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::rounds::{ROUNDS, median};
use crate::server::Server;
use crate::setting::{Measured, Setting};
use crate::unit::Unit;

/// The callers, which keep both cores busy.
const CALLERS: u64 = 32;
/// The empty calls before the measurement, which do the work of the first use.
const FIRST_CALLS: u64 = 500;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        let measured = setting.measured_server("degrees").await?;
        let calls = &measured.calls;
        let empty =
            calls.each(|calls, number| async move { calls.channels().empty_call(number).await });
        closed_loop::run_calls(CALLERS, FIRST_CALLS, empty).await?;
        cold(calls, figures).await?;
        warm(setting, &measured, figures).await?;
        against_empty_calls(setting, &measured, figures).await?;
        one_by_one(setting, calls, figures).await
    })
}

/// Requests the degrees of every viewer once, when no view is cached.
async fn cold(calls: &Arc<Calls>, figures: &mut Figures) -> Outcome<()> {
    let degrees = calls.each(|calls, number| async move { calls.degrees(number, 100).await });
    let latencies = closed_loop::run_calls(1, calls.question_count(), degrees)
        .await?
        .latencies;
    let what = "100 degrees on a cold view, over gRPC, one caller";
    let median = Figure::new(format!("{what}: median"), Unit::Seconds, latencies.median());
    figures.push(median.at_most(0.25e-3).at_22_m());
    figures.push(
        Figure::new(format!("{what}: p99"), Unit::Seconds, latencies.p99())
            .at_most(2e-3)
            .at_22_m(),
    );
    Ok(())
}

async fn warm(setting: &Setting, measured: &Measured, figures: &mut Figures) -> Outcome<()> {
    let calls = &measured.calls;
    let before = views(calls).await?;
    let degrees = calls.each(|calls, number| async move { calls.degrees(number, 100).await });
    let degrees = saturate(&measured.server, setting.duration(), degrees).await?;
    let after = views(calls).await?;
    let (hits, misses) = (after.hits - before.hits, after.misses - before.misses);
    let what = "batches of 100 degrees per second over gRPC, warm, client on the same cores";
    let figure = Figure::new(what, Unit::PerSecond, degrees.rate)
        .at_least(16e3)
        .at_22_m();
    figures.push(figure.note(format!(
        "{CALLERS} callers; {} of the server's time for each; {} views take {}; \
         {:.1} % of the calls found theirs",
        Unit::Seconds.show(degrees.server_time),
        after.views,
        Unit::Bytes.show(after.bytes as f64),
        100.0 * hits as f64 / (hits + misses).max(1) as f64
    )));
    Ok(())
}

/// A server's maximum rate of one kind of call, and the cost of each.
struct Saturation {
    /// The calls per second.
    rate: f64,
    /// The seconds of processor time that the server takes for one call. The client takes the rest.
    server_time: f64,
}

async fn saturate<F, C>(server: &Server, duration: Duration, call: C) -> Outcome<Saturation>
where
    C: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let before = server.processor_time()?;
    let ended = closed_loop::run(CALLERS, duration, call).await?;
    let time = server.processor_time()?.saturating_sub(before);
    let server_time = time.as_secs_f64() / ended.latencies.count().max(1) as f64;
    Ok(Saturation {
        rate: ended.rate,
        server_time,
    })
}

async fn views(calls: &Calls) -> Outcome<cloud_proto::cloud::v1::ViewCacheStatus> {
    let status = calls.channels().admin(0).status().await?;
    Ok(status.views.ok_or("the status has no views")?)
}

async fn against_empty_calls(
    setting: &Setting,
    measured: &Measured,
    figures: &mut Figures,
) -> Outcome<()> {
    let (calls, server) = (&measured.calls, &measured.server);
    let duration = setting.turn_duration() / 2;
    let (mut degrees, mut empty) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let asking = calls.each(|calls, number| async move { calls.degrees(number, 25).await });
        degrees.push(saturate(server, duration, asking).await?);
        let asking =
            calls.each(|calls, number| async move { calls.channels().empty_call(number).await });
        empty.push(saturate(server, duration, asking).await?);
    }
    let ratio = median(
        degrees
            .iter()
            .zip(&empty)
            .map(|(degrees, empty)| degrees.rate / empty.rate),
    );
    let show = |rounds: &[Saturation]| {
        let rate = Unit::PerSecond.show(median(rounds.iter().map(|round| round.rate)));
        let time = Unit::Seconds.show(median(rounds.iter().map(|round| round.server_time)));
        format!("{rate}, {time} of the server's time for each")
    };
    let figure = Figure::new(
        "GetDegrees of 25, calls per second, against an empty call",
        Unit::Times,
        ratio,
    );
    figures.push(figure.at_least(0.7).note(format!(
        "{}; empty (a health check on the same listener) {}",
        show(&degrees),
        show(&empty)
    )));
    Ok(())
}

/// Measures one caller who makes each kind of call in turn, so that all see the same machine.
async fn one_by_one(setting: &Setting, calls: &Arc<Calls>, figures: &mut Figures) -> Outcome<()> {
    let [mut empty, mut shared, mut path] = [(); 3].map(|()| Latencies::new());
    let (start, mut number) = (Instant::now(), 0);
    while start.elapsed() < setting.duration() * 2 {
        empty.record(timed(calls.channels().empty_call(number)).await?);
        shared.record(timed(calls.shared(number)).await?);
        path.record(timed(calls.path(number)).await?);
        number += 1;
    }
    let ratio = |what: &str, latencies: &Latencies, bound| {
        let ratio =
            Figure::new(what, Unit::Times, latencies.median() / empty.median()).at_most(bound);
        let show = |seconds| Unit::Seconds.show(seconds);
        ratio.note(format!(
            "median {} against {}",
            show(latencies.median()),
            show(empty.median())
        ))
    };
    figures.push(ratio(
        "shared connections (count + first page), against an empty call: median",
        &shared,
        1.5,
    ));
    figures.push(ratio(
        "a path up to 3, against an empty call: median",
        &path,
        2.0,
    ));
    Ok(())
}

async fn timed(call: impl Future<Output = Outcome<()>>) -> Outcome<Duration> {
    let start = Instant::now();
    call.await?;
    Ok(start.elapsed())
}
