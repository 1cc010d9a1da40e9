//! Measures 3rd-degree sizes over gRPC, and whether heavy ones delay others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use crate::calls::Calls;
use crate::capacity::{degrees_at, degrees_rate};
use crate::closed_loop;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::rounds::by_turns;
use crate::setting::Setting;
use crate::unit::Unit;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let hub_id = setting.site()?.largest_hub()?.1.get();
    setting.runtime().block_on(async {
        let measured = setting.measured_server("sizes").await?;
        let calls = &measured.calls;
        let sizes = calls.each(|calls, number| async move { calls.sizes(number, true).await });
        let latencies = closed_loop::run(1, setting.duration() * 2, sizes)
            .await?
            .latencies;
        let note = format!("over gRPC, one caller, {} calls", latencies.count());
        let median = Figure::new("3rd-degree size: median", Unit::Seconds, latencies.median());
        figures.push(median.at_most(3e-3).at_22_m().note(note));
        figures.push(
            Figure::new("3rd-degree size: p99", Unit::Seconds, latencies.p99())
                .at_most(30e-3)
                .at_22_m(),
        );
        beside_heavy_calls(setting, calls, hub_id, figures).await
    })
}

async fn beside_heavy_calls(
    setting: &Setting,
    calls: &Arc<Calls>,
    hub_id: u64,
    figures: &mut Figures,
) -> Outcome<()> {
    let rate = degrees_rate(calls, setting.duration()).await?;
    let mut heavy_calls = 0;
    let rounds = by_turns(
        async || degrees_at(calls, rate, setting.turn_duration()).await,
        async || {
            let heavy = HeavyCaller::start(calls.clone(), hub_id);
            let answered = degrees_at(calls, rate, setting.turn_duration()).await?;
            heavy_calls += heavy.stop().await?;
            Ok(answered)
        },
    )
    .await?;
    let what = "p99 of GetDegrees, open loop at 30 %, \
                beside the largest member's 3rd-degree size, against without";
    let ratio = Figure::new(what, Unit::Times, rounds.ratio(Latencies::p99)).at_most(2.0);
    figures.push(ratio.note(format!(
        "{}; {heavy_calls} heavy calls; {}",
        Unit::PerSecond.show(rate),
        rounds.show()
    )));
    Ok(())
}

/// A client that repeats the same heavy call.
struct HeavyCaller {
    stopped: Arc<AtomicBool>,
    task: JoinHandle<Outcome<u64>>,
}

impl HeavyCaller {
    fn start(calls: Arc<Calls>, viewer_id: u64) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = stopped.clone();
        let task = tokio::spawn(async move {
            let mut answered = 0;
            while !is_stopped.load(Ordering::Relaxed) {
                calls.sizes_of(0, viewer_id, true).await?;
                answered += 1;
            }
            Ok(answered)
        });
        Self { stopped, task }
    }

    async fn stop(self) -> Outcome<u64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.task.await?
    }
}
