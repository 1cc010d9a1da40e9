//! Measures the cost of a durable change, for logs of graph servers and of relays.

use std::path::Path;
use std::time::{Duration, Instant};

use cloud_proto::cloud::v1::Degree;
use cloud_proto::databus::v1::{AtLeast, at_least};
use tokio::task::JoinSet;

use crate::bare_sync::BareSync;
use crate::calls::Calls;
use crate::channels::Channels;
use crate::latencies::Latencies;
use crate::outcome::{Outcome, check_equal};
use crate::publisher::Publisher;
use crate::random_changes::RandomChanges;

/// The callers of Publish.
pub const CALLERS: u64 = 64;
/// The changes in each of their windows.
const WINDOW: usize = 16;

/// Returns the changes per second that are acknowledged to [`CALLERS`] callers, in windows of 16.
pub async fn durable_rate(
    publishers: &Channels,
    random: &mut RandomChanges,
    duration: Duration,
) -> Outcome<f64> {
    let start = Instant::now();
    let end = start + duration;
    let mut callers: JoinSet<Outcome<usize>> = JoinSet::new();
    for caller in 0..CALLERS {
        let (channels, mut random) = (publishers.clone(), random.fork());
        callers.spawn(async move {
            let mut publisher = Publisher::open(&channels, caller).await?;
            let mut changes = 0;
            while Instant::now() < end {
                publisher
                    .publish((0..WINDOW).map(|_| random.connection()).collect())
                    .await?;
                changes += WINDOW;
            }
            Ok(changes)
        });
    }
    let mut changes = 0;
    while let Some(caller) = callers.join_next().await {
        changes += caller??;
    }
    Ok(changes as f64 / start.elapsed().as_secs_f64())
}

/// The latencies of one caller who publishes a connection and then reads it, with a bare sync of
/// the same file system before each time.
#[derive(Debug)]
pub struct Visible {
    /// The latencies of Publish and then GetDegrees.
    pub visible: Latencies,
    /// The latencies of the bare sync.
    pub syncs: Latencies,
}

impl Visible {
    /// Publishes changes through `publishers`, and reads them from the server of `calls`. The bare
    /// sync is of a file in `folder`.
    pub async fn measure(
        publishers: &Channels,
        calls: &Calls,
        folder: &Path,
        random: &mut RandomChanges,
        duration: Duration,
    ) -> Outcome<Self> {
        let mut bare = BareSync::new(folder)?;
        let mut publisher = Publisher::open(publishers, 0).await?;
        let (mut visible, mut syncs) = (Latencies::new(), Latencies::new());
        let start = Instant::now();
        while start.elapsed() < duration {
            syncs.record(bare.sync()?);
            let (member, other) = random.pair();
            let asked = Instant::now();
            let as_of = publisher
                .publish(vec![RandomChanges::connected(member, other)])
                .await?;
            let at_least = AtLeast {
                point: Some(at_least::Point::AsOf(as_of)),
            };
            let degree = calls.degree(member, other, at_least).await?;
            visible.record(asked.elapsed());
            check_equal(
                || format!("the degree of {other}, newly connected with {member}"),
                Degree::First,
                degree,
            )?;
        }
        Ok(Self { visible, syncs })
    }

    /// Returns the seconds by which a quantile of the calls exceeds that of the sync.
    pub fn above_sync(&self, quantile: fn(&Latencies) -> f64) -> f64 {
        quantile(&self.visible) - quantile(&self.syncs)
    }

    /// Formats both for a note.
    pub fn show(&self) -> String {
        format!(
            "median / p99 of Publish and then GetDegrees {}, \
             of a bare fdatasync of the same file system {}; {} of each",
            self.visible.show(),
            self.syncs.show(),
            self.visible.count()
        )
    }
}
