//! Two measurements by turns, so that both see the same machine: a slow minute slows both.

use crate::latencies::Latencies;
use crate::outcome::Outcome;

/// Turns of each.
pub const ROUNDS: u32 = 3;

/// Latencies of both, each taken [`ROUNDS`] times by turns.
pub async fn by_turns(
    mut one: impl AsyncFnMut() -> Outcome<Latencies>,
    mut other: impl AsyncFnMut() -> Outcome<Latencies>,
) -> Outcome<(Latencies, Latencies)> {
    let mut both = (Latencies::new(), Latencies::new());
    for _ in 0..ROUNDS {
        both.0.merge(&one().await?);
        both.1.merge(&other().await?);
    }
    Ok(both)
}
