//! Measures reads that wait for an offset of their source, while the source goes on at a rate.
//!
//! A web application that has written to its database knows the offset of its write, and sends it
//! with its next read. The offsets here are those that were just published, so each read waits for
//! a window that may not be durable yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cloud_client::{Client, DegreesOptions, Point, SearchOptions, Window};
use tokio::task::JoinSet;

use crate::channels::Channels;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::random_changes::RandomChanges;
use crate::setting::Setting;
use crate::unit::Unit;

/// The windows per second of the source.
const RATES: [u64; 3] = [10, 300, 3_000];
/// The source.
const SOURCE: &str = "core";
/// The interval at which due windows are sent.
const TICK: Duration = Duration::from_millis(2);
/// The share of the windows that change a profile; the others change a connection.
const PROFILES_EVERY: u64 = 4;

/// The call of a read.
#[derive(Clone, Copy, Debug)]
enum Read {
    Degrees,
    Search,
    Profiles,
}

impl Read {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Degrees, "GetDegrees"),
        (Self::Search, "SearchMembers"),
        (Self::Profiles, "profiles"),
    ];

    async fn ask(self, client: &Client, member: u64) -> Outcome<()> {
        match self {
            Self::Degrees => {
                let options = DegreesOptions::default();
                client.degrees(member, &[member], options).await?;
            }
            Self::Search => {
                let options = SearchOptions::default();
                client.search(member, "engineer", options).await?;
            }
            Self::Profiles => drop(client.profiles(&[member]).await?),
        }
        Ok(())
    }
}

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        let measured = setting.measured_server("at-least").await?;
        let channels = measured.calls.channels();
        let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
        let mut begins_after = 0;
        for rate in RATES {
            let source = Source::start(channels, rate, begins_after, random.fork()).await?;
            let latencies = read(channels, &source, &mut random, setting.duration()).await?;
            begins_after = source.stop().await?;
            for ((_, name), latencies) in Read::ALL.iter().zip(latencies) {
                let what = format!("{name} at an offset of a source of {rate} windows/s");
                let reads = format!("{} reads, all answered", latencies.count());
                figures.push(
                    Figure::new(format!("{what}, median"), Unit::Seconds, latencies.median())
                        .note(reads),
                );
                figures.push(Figure::new(
                    format!("{what}, p99"),
                    Unit::Seconds,
                    latencies.p99(),
                ));
            }
        }
        Ok(())
    })
}

/// Reads with each call, one caller each, until the duration has passed.
async fn read(
    channels: &Channels,
    source: &Source,
    random: &mut RandomChanges,
    duration: Duration,
) -> Outcome<Vec<Latencies>> {
    let mut readers: JoinSet<Outcome<(usize, Latencies)>> = JoinSet::new();
    for (place, (read, _)) in Read::ALL.into_iter().enumerate() {
        let client = channels.client(place as u64).clone();
        let (mut random, sent) = (random.fork(), source.sent.clone());
        readers.spawn(async move {
            let mut latencies = Latencies::new();
            let end = Instant::now() + duration;
            while Instant::now() < end {
                let offset = sent.load(Ordering::Relaxed);
                let client = client.at_least(Point::source(SOURCE, offset));
                let member = random.member();
                let asked = Instant::now();
                read.ask(&client, member).await?;
                latencies.record(asked.elapsed());
            }
            Ok((place, latencies))
        });
    }
    let mut found = Vec::new();
    while let Some(reader) = readers.join_next().await {
        found.push(reader??);
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, latencies)| latencies).collect())
}

/// A source that publishes windows of one change, each with the next offset.
struct Source {
    /// The last offset that was sent.
    sent: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    sender: tokio::task::JoinHandle<Outcome<()>>,
    answers: tokio::task::JoinHandle<Outcome<()>>,
}

impl Source {
    async fn start(
        channels: &Channels,
        rate: u64,
        after: u64,
        mut random: RandomChanges,
    ) -> Outcome<Self> {
        let (windows, mut answers) = channels.admin(0).publisher().await?;
        let sent = Arc::new(AtomicU64::new(after + 1));
        let stopped = Arc::new(AtomicBool::new(false));
        let (offset, is_stopped) = (sent.clone(), stopped.clone());
        let sender = tokio::spawn(async move {
            let start = Instant::now();
            let mut tick = tokio::time::interval(TICK);
            let mut next = after + 1;
            while !is_stopped.load(Ordering::Relaxed) {
                tick.tick().await;
                let due = (start.elapsed().as_secs_f64() * rate as f64) as u64;
                while next <= after + 1 + due {
                    let change = match next % PROFILES_EVERY {
                        0 => random.headline(format!("engineer {next}")),
                        _ => random.connection(),
                    };
                    let window = Window {
                        source_id: SOURCE.to_owned(),
                        source_offset: next,
                        ..Window::of([change])
                    };
                    windows.send(window).await?;
                    offset.store(next, Ordering::Relaxed);
                    next += 1;
                }
            }
            Ok(())
        });
        let answers = tokio::spawn(async move {
            while answers.next().await?.is_some() {}
            Ok(())
        });
        Ok(Self {
            sent,
            stopped,
            sender,
            answers,
        })
    }

    /// Stops the source, and returns its last offset.
    async fn stop(self) -> Outcome<u64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.sender.await??;
        self.answers.await??;
        Ok(self.sent.load(Ordering::Relaxed))
    }
}
