//! The load of the machine's cores, from all processes. A latency means little without it.

use std::{fs, iter::Sum};

use crate::outcome::Outcome;

/// Ticks of all cores since the machine started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ticks {
    busy: u64,
    /// The busy ticks that the host of this virtual machine took for itself or for other guests.
    stolen: u64,
    all: u64,
}

impl Ticks {
    /// Reads the current ticks.
    pub fn now() -> Outcome<Self> {
        parse(&fs::read_to_string("/proc/stat")?)
    }

    /// Returns the ticks that passed since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            busy: self.busy.saturating_sub(before.busy),
            stolen: self.stolen.saturating_sub(before.stolen),
            all: self.all.saturating_sub(before.all),
        }
    }

    /// Returns the share of the time in which cores were busy.
    pub fn busy_share(self) -> f64 {
        self.busy as f64 / self.all.max(1) as f64
    }

    /// Returns the share of the time in which a process was ready, but the host did not run this
    /// machine. Such a wait takes milliseconds.
    pub fn stolen_share(self) -> f64 {
        self.stolen as f64 / self.all.max(1) as f64
    }
}

impl Sum for Ticks {
    fn sum<I: Iterator<Item = Self>>(ticks: I) -> Self {
        ticks.fold(Self::default(), |sum, more| Self {
            busy: sum.busy + more.busy,
            stolen: sum.stolen + more.stolen,
            all: sum.all + more.all,
        })
    }
}

/// Parses the first line of `/proc/stat`: user, nice, system, idle, iowait and so on, by proc(5).
fn parse(stat: &str) -> Outcome<Ticks> {
    let line = stat
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "));
    let line = line.ok_or("/proc/stat does not begin with the line of all cores")?;
    // The times of guests are included in user and nice already.
    let ticks = line.split_whitespace().take(8).map(str::parse::<u64>);
    let ticks = ticks.collect::<Result<Vec<_>, _>>()?;
    let all = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Ok(Ticks {
        busy: all - idle,
        stolen: ticks.get(7).copied().unwrap_or_default(),
        all,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_is_neither_idle_nor_waiting_is_busy() {
        let at = |line: &str| parse(line).unwrap();
        let before = at("cpu  10 0 10 100 0 0 0 0 5 0\ncpu0 1 2 3 4");
        let later = at("cpu  20 5 25 130 40 0 0 10 9 0\n");
        let passed: Ticks = [Ticks::default(), later.since(before)].into_iter().sum();
        assert_eq!((passed.busy, passed.stolen, passed.all), (40, 10, 110));
        assert!((passed.busy_share() - 40.0 / 110.0).abs() < 1e-9);
        assert!((passed.stolen_share() - 10.0 / 110.0).abs() < 1e-9);
        assert!(parse("intr 1 2 3").is_err());
    }
}
