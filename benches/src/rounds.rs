//! Two measurements in alternation, so that both see the same machine. A slow minute slows both,
//! and the median discards a slow round.

use crate::{
    cores::Ticks, latencies::Latencies, open_loop::OpenLoop, outcome::Outcome, unit::Unit,
};

/// The rounds of each measurement.
pub const ROUNDS: u32 = 5;

/// The results of two measurements, a pair a round.
#[derive(Clone, Debug)]
pub struct Rounds(Vec<(OpenLoop, OpenLoop)>);

/// Runs both in alternation, [`ROUNDS`] times.
pub async fn by_turns(
    mut without: impl AsyncFnMut() -> Outcome<OpenLoop>,
    mut with: impl AsyncFnMut() -> Outcome<OpenLoop>,
) -> Outcome<Rounds> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((without().await?, with().await?));
    }
    Ok(Rounds(rounds))
}

impl Rounds {
    /// Returns the latency with, divided by the latency without: the median of the rounds' ratios.
    pub fn ratio(&self, quantile: fn(&Latencies) -> f64) -> f64 {
        median(
            self.0
                .iter()
                .map(|(without, with)| quantile(&with.latencies) / quantile(&without.latencies)),
        )
    }

    /// Formats median and p99 of both (each the median of the rounds) and the load of the machine,
    /// for a note.
    pub fn show(&self) -> String {
        let show = |kind: fn(&(OpenLoop, OpenLoop)) -> &OpenLoop| {
            let of = |quantile: fn(&Latencies) -> f64| {
                let quantiles = self.0.iter().map(|round| quantile(&kind(round).latencies));
                Unit::Seconds.show(median(quantiles))
            };
            let cores: Ticks = self.0.iter().map(|round| kind(round).cores).sum();
            let (middle, worst) = (of(Latencies::median), of(Latencies::p99));
            let (busy, stolen) = (100.0 * cores.busy_share(), 100.0 * cores.stolen_share());
            format!(
                "{middle} / {worst}, cores {busy:.0} % busy, \
                 of which {stolen:.1} % waited for the host"
            )
        };
        format!(
            "median / p99 with {}; without {}",
            show(|round| &round.1),
            show(|round| &round.0)
        )
    }
}

/// Returns the middle number; 0 of none.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_slow_round_is_outvoted() {
        let of = |millis: u64| OpenLoop {
            latencies: std::iter::once(Duration::from_millis(millis)).collect(),
            ..Default::default()
        };
        let rounds = Rounds(vec![
            (of(10), of(20)),
            (of(10), of(900)),
            (of(100), of(200)),
        ]);
        assert!((rounds.ratio(Latencies::median) - 2.0).abs() < 0.01);
    }
}
