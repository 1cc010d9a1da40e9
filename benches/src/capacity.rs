//! A server's capacity for one kind of call, and the rate at which it is measured: 30 % of that.

use std::sync::Arc;
use std::time::Duration;

use crate::calls::Calls;
use crate::closed_loop;
use crate::open_loop::{self, OpenLoop};
use crate::outcome::Outcome;

/// The number of callers, which keep both cores busy.
const CALLERS: u64 = 32;
/// The share of its capacity at which a server's latencies are measured.
const SHARE: f64 = 0.3;

/// The members of a GetDegrees call.
const PAGE: usize = 25;

/// Returns 30 % of the rate of GetDegrees calls of 25 members that the server can answer.
pub async fn degrees_rate(calls: &Arc<Calls>, duration: Duration) -> Outcome<f64> {
    rate_of(
        calls.each(|calls, number| async move { calls.degrees(number, PAGE).await }),
        duration,
    )
    .await
}

/// Measures the latencies of these calls, open loop.
pub async fn degrees_at(calls: &Arc<Calls>, rate: f64, duration: Duration) -> Outcome<OpenLoop> {
    let degrees = calls.each(|calls, number| async move { calls.degrees(number, PAGE).await });
    open_loop::run(rate, duration, degrees).await
}

/// Returns 30 % of the rate of calls of any kind that the server can answer.
pub async fn rate_of<F, C>(call: C, duration: Duration) -> Outcome<f64>
where
    C: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    Ok(closed_loop::run(CALLERS, duration, call).await?.rate * SHARE)
}
