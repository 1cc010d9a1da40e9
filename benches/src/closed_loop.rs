//! Callers that call again as soon as they are answered. They measure a server's capacity, and the
//! latency of one caller.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{latencies::Latencies, outcome::Outcome};

/// The result of all callers together.
#[derive(Clone, Debug)]
pub struct ClosedLoop {
    /// The time from each call's start to its answer.
    pub latencies: Latencies,
    /// The calls answered per second.
    pub rate: f64,
}

/// Runs `callers` callers for `duration`. `call` gets the number of the call, which no two calls
/// share.
pub async fn run<C, F>(callers: u64, duration: Duration, call: C) -> Outcome<ClosedLoop>
where
    C: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let end = Instant::now() + duration;
    run_while(callers, call, move |_| Instant::now() < end).await
}

/// Runs `callers` callers for a number of calls in all.
pub async fn run_calls<C, F>(callers: u64, calls: u64, call: C) -> Outcome<ClosedLoop>
where
    C: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    run_while(callers, call, move |number| number < calls).await
}

async fn run_while<C, F>(
    callers: u64,
    call: C,
    goes_on: impl Fn(u64) -> bool + Clone + Send + 'static,
) -> Outcome<ClosedLoop>
where
    C: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let call = Arc::new(call);
    let start = Instant::now();
    let mut tasks: JoinSet<Outcome<Latencies>> = JoinSet::new();
    for caller in 0..callers {
        let (call, goes_on) = (call.clone(), goes_on.clone());
        tasks.spawn(async move {
            let mut latencies = Latencies::new();
            let mut number = caller;
            while goes_on(number) {
                let asked = Instant::now();
                call(number).await?;
                latencies.record(asked.elapsed());
                number += callers;
            }
            Ok(latencies)
        });
    }
    let mut latencies = Latencies::new();
    while let Some(ended) = tasks.join_next().await {
        latencies.merge(&ended??);
    }
    let rate = latencies.count() as f64 / start.elapsed().as_secs_f64();
    Ok(ClosedLoop { latencies, rate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn every_number_is_called_once() {
        let sum = Arc::new(AtomicU64::new(0));
        let called = sum.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let ended = runtime.block_on(run_calls(3, 100, move |number| {
            called.fetch_add(number, Ordering::Relaxed);
            async { Ok(()) }
        }));
        assert_eq!(ended.unwrap().latencies.count(), 100);
        assert_eq!(sum.load(Ordering::Relaxed), 99 * 100 / 2);
    }
}
