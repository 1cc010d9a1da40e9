//! The text that Prometheus scrapes: for each metric its help, its type, and a line for each value.

use crate::metrics::{
    Calls,
    histogram::{BOUNDS, Histogram},
};
use std::{
    fmt::{Display, Write},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// A page of metrics.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

/// The name and the value of a label.
type Label<'a> = (&'a str, &'a str);

impl Page {
    /// Writes the metrics of every server: its start, whether it serves, and its calls.
    pub fn server(&mut self, started: Instant, is_serving: bool, calls: &Calls) {
        let started = SystemTime::now().checked_sub(started.elapsed());
        let since = started.and_then(|started| started.duration_since(UNIX_EPOCH).ok());
        // A clock from before 1970 cannot say when.
        if let Some(since) = since {
            self.gauge(
                "process_start_time_seconds",
                "Time at which the server started, in seconds since 1970.",
                since.as_secs_f64(),
            );
        }
        self.gauge(
            "cloud_serving",
            "1 when the server follows the log and answers.",
            u8::from(is_serving),
        );
        calls.write(self);
    }

    /// Returns the page as text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Writes a value that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.describe(name, help, "gauge");
        self.value(name, &[], value);
    }

    /// Writes a value that only goes up.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.describe(name, help, "counter");
        self.value(name, &[], value);
    }

    /// Writes values that go up and down, by one label.
    pub fn gauges<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.describe(name, help, "gauge");
        for (of, value) in values {
            self.value(name, &[(label, of)], value);
        }
    }

    /// Writes values that only go up, by one label.
    pub fn counters<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.describe(name, help, "counter");
        for (of, value) in values {
            self.value(name, &[(label, of)], value);
        }
    }

    /// Writes a histogram of times, in seconds.
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.describe(name, help, "histogram");
        self.times(name, &[], histogram);
    }

    /// Writes histograms of times in seconds, by labels. Empty histograms are left out.
    pub(crate) fn histograms<'a>(
        &mut self,
        name: &str,
        help: &str,
        histograms: impl IntoIterator<Item = ([Label<'a>; 2], &'a Histogram)>,
    ) {
        self.describe(name, help, "histogram");
        for (labels, histogram) in histograms {
            if !histogram.is_empty() {
                self.times(name, &labels, histogram);
            }
        }
    }

    fn times(&mut self, name: &str, labels: &[Label<'_>], histogram: &Histogram) {
        let (counts, seconds) = histogram.cumulative();
        let [.., count] = counts;
        let bounds = BOUNDS.map(|bound| bound.as_secs_f64().to_string());
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        for (bound, below) in bounds.zip(counts) {
            let labels = [labels, &[("le", bound)]].concat();
            self.value(&format!("{name}_bucket"), &labels, below);
        }
        self.value(&format!("{name}_sum"), labels, seconds);
        self.value(&format!("{name}_count"), labels, count);
    }

    fn describe(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string does not fail, here and below.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &[Label<'_>], value: impl Display) {
        self.text.push_str(name);
        for (place, (label, of)) in labels.iter().enumerate() {
            let open = if place == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", escaped(of));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_page_reads_as_prometheus_wants_it() {
        let mut page = Page::default();
        page.gauge("views", "How many.", 3);
        page.counters("lost", "By whom.", "who", [("a\"b\\\n", 1)]);
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(3));
        let none = Histogram::default();
        let labels = |code| [("rpc", "x"), ("code", code)];
        page.histograms("t", "T.", [(labels("A"), &none), (labels("B"), &histogram)]);
        let text = page.into_text();
        let (before, times) = text.split_once("# HELP t ").unwrap();
        assert_eq!(
            before,
            "# HELP views How many.\n# TYPE views gauge\nviews 3\n\
             # HELP lost By whom.\n# TYPE lost counter\nlost{who=\"a\\\"b\\\\\\n\"} 1\n"
        );
        let lines: Vec<_> = times.lines().skip(2).collect();
        assert_eq!(lines.len(), BOUNDS.len() + 3);
        assert_eq!(lines[0], "t_bucket{rpc=\"x\",code=\"B\",le=\"0.0001\"} 0");
        assert_eq!(lines[5], "t_bucket{rpc=\"x\",code=\"B\",le=\"0.005\"} 1");
        assert_eq!(lines[16], "t_bucket{rpc=\"x\",code=\"B\",le=\"+Inf\"} 1");
        assert_eq!(lines[17], "t_sum{rpc=\"x\",code=\"B\"} 0.003");
        assert_eq!(lines[18], "t_count{rpc=\"x\",code=\"B\"} 1");
    }
}
