//! Latencies of one kind of call: a histogram of three digits, and its quantiles.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::unit::Unit;

/// The longest latency that the histogram distinguishes.
const LONGEST: Duration = Duration::from_secs(600);

/// The latencies of calls.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// Starts without calls.
    pub fn new() -> Self {
        match Histogram::new_with_bounds(1, LONGEST.as_nanos() as u64, 3) {
            Ok(histogram) => Self(histogram),
            Err(error) => unreachable!("the bounds are constants: {error}"),
        }
    }

    /// Records the latency of one call.
    pub fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanoseconds.max(1));
    }

    /// Adds the calls of another histogram.
    pub fn merge(&mut self, other: &Self) {
        if let Err(error) = self.0.add(&other.0) {
            unreachable!("all histograms have the same bounds: {error}");
        }
    }

    /// Returns the number of calls.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the seconds that this share of the calls (0 to 1) did not exceed; 0 without calls.
    pub fn quantile(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e9
    }

    /// Returns the seconds that half of the calls did not exceed.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Returns the seconds that 99 % of the calls did not exceed.
    pub fn p99(&self) -> f64 {
        self.quantile(0.99)
    }

    /// Formats median and p99 for a note.
    pub fn show(&self) -> String {
        format!(
            "{} / {}",
            Unit::Seconds.show(self.median()),
            Unit::Seconds.show(self.p99())
        )
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut latencies = Self::new();
        durations
            .into_iter()
            .for_each(|latency| latencies.record(latency));
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near_the_recorded_values() {
        let latencies: Latencies = (1..=1000).map(Duration::from_micros).collect();
        assert_eq!(latencies.count(), 1000);
        for (share, wanted) in [(0.5, 500e-6), (0.99, 990e-6), (1.0, 1000e-6)] {
            let got = latencies.quantile(share);
            assert!((got / wanted - 1.0).abs() < 0.002, "{share}: {got}");
        }
    }
}
