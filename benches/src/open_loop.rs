//! Calls at a fixed rate, whatever the server does. Latencies count from the time at which a call
//! was due.
//!
//! A caller that waits for each answer sees one slow answer, where many users would have waited
//! behind it (coordinated omission). Here calls are due at fixed times. A call that starts late
//! because the machine was busy has waited since it was due.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::Notify};

use crate::{cores::Ticks, latencies::Latencies, outcome::Outcome};

/// The most waiting calls. A server with more has fallen behind for good.
const IN_FLIGHT_MAX: u64 = 4_000;

/// The result of calls at a fixed rate.
#[derive(Clone, Debug, Default)]
pub struct OpenLoop {
    /// The time from when each call was due to its answer.
    pub latencies: Latencies,
    /// The ticks of the machine's cores meanwhile.
    pub cores: Ticks,
}

struct Progress {
    latencies: Mutex<Latencies>,
    failure: Mutex<Option<Box<dyn std::error::Error + Send + Sync>>>,
    in_flight: AtomicU64,
    ended: Notify,
}

/// Makes `rate` calls per second for `duration`. `call` gets the number of the call. Fails with the
/// first call that fails, or when the server falls behind. Pacing takes a thread of its own, since
/// tokio's timer ticks in milliseconds.
pub async fn run<C, F>(rate: f64, duration: Duration, call: C) -> Outcome<OpenLoop>
where
    C: Fn(u64) -> F + Send + 'static,
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let progress = Arc::new(Progress {
        latencies: Mutex::new(Latencies::new()),
        failure: Mutex::new(None),
        in_flight: AtomicU64::new(0),
        ended: Notify::new(),
    });
    let (paced, runtime) = (progress.clone(), Handle::current());
    let before = Ticks::now()?;
    tokio::task::spawn_blocking(move || pace(rate, duration, &runtime, &paced, &call)).await??;
    loop {
        let ended = progress.ended.notified();
        if progress.in_flight.load(Ordering::Acquire) == 0 {
            break;
        }
        ended.await;
    }
    if let Some(failure) = lock(&progress.failure).take() {
        return Err(failure);
    }
    let latencies = lock(&progress.latencies).clone();
    let cores = Ticks::now()?.since(before);
    Ok(OpenLoop { latencies, cores })
}

fn pace<C, F>(
    rate: f64,
    duration: Duration,
    runtime: &Handle,
    progress: &Arc<Progress>,
    call: &C,
) -> Outcome<()>
where
    C: Fn(u64) -> F,
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let calls = (rate * duration.as_secs_f64()) as u64;
    let start = Instant::now();
    for number in 0..calls {
        let due = start + Duration::from_secs_f64(number as f64 / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if progress.in_flight.fetch_add(1, Ordering::AcqRel) >= IN_FLIGHT_MAX {
            progress.in_flight.fetch_sub(1, Ordering::AcqRel);
            return Err(format!(
                "{IN_FLIGHT_MAX} calls wait at {rate:.0} calls/s: the server fell behind"
            )
            .into());
        }
        let (answered, progress) = (call(number), progress.clone());
        runtime.spawn(async move {
            match answered.await {
                Ok(()) => lock(&progress.latencies).record(due.elapsed()),
                Err(error) => {
                    lock(&progress.failure).get_or_insert(error);
                }
            }
            progress.in_flight.fetch_sub(1, Ordering::AcqRel);
            progress.ended.notify_one();
        });
    }
    Ok(())
}

/// Locks a histogram. One that a panicked task left is valid too.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap()
    }

    #[test]
    fn a_call_that_blocks_others_shows_in_their_latencies() {
        let latencies = runtime().block_on(run(
            1_000.0,
            Duration::from_millis(200),
            |number| async move {
                let start = Instant::now();
                while number == 0 && start.elapsed() < Duration::from_millis(100) {}
                Ok(())
            },
        ));
        let latencies = latencies.unwrap().latencies;
        assert_eq!(latencies.count(), 200);
        assert!(
            latencies.quantile(0.8) > 0.02,
            "{}",
            latencies.quantile(0.8)
        );
    }

    #[test]
    fn the_first_failure_ends_it() {
        let failed = runtime().block_on(run(1_000.0, Duration::from_millis(20), |_| async {
            Err("no".into())
        }));
        assert_eq!(failed.unwrap_err().to_string(), "no");
    }
}
