//! Measures whether readers of everything delay small calls, and the memory that they take.
//!
//! The readers are other machines: their thread has a low priority, so that decoding their answers
//! takes as little as possible from the measured calls.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::thread::{self, JoinHandle};

use cloud_client::{Client, Error};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::capacity::{degrees_at, degrees_rate};
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::{Outcome, check_equal};
use crate::random_changes::RandomChanges;
use crate::rounds::by_turns;
use crate::setting::Setting;
use crate::unit::{Unit, grouped};

/// The readers, each on a connection of its own.
const READERS: usize = 64;
/// The members of a batch, the most that one may have.
const BATCH: usize = 1_000;
/// The batches that the readers repeat.
const BATCHES: usize = 500;
/// The niceness of the readers' thread.
const READERS_NICENESS: i32 = 10;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
    let batches: Arc<[Vec<u64>]> = (0..BATCHES)
        .map(|_| (0..BATCH).map(|_| random.member()).collect())
        .collect();
    setting.runtime().block_on(async {
        let measured = setting.measured_server("profile-batches").await?;
        let calls = &measured.calls;
        let rate = degrees_rate(calls, setting.duration()).await?;
        let before = measured.server.resident()?.anonymous;
        let (mut most, mut read) = (before, Read::default());
        let rounds = by_turns(
            async || degrees_at(calls, rate, setting.turn_duration()).await,
            async || {
                let readers = Readers::start(measured.server.public(), Arc::clone(&batches));
                let answered = degrees_at(calls, rate, setting.turn_duration()).await?;
                most = most.max(measured.server.resident()?.anonymous);
                read.add(&readers.stop()?);
                Ok(answered)
            },
        )
        .await?;
        let what = "p99 of GetDegrees, open loop at 30 %, \
                    beside 64 readers of batches of 1,000 profiles, against without";
        let ratio = Figure::new(what, Unit::Times, rounds.ratio(Latencies::p99)).at_most(2.0);
        figures.push(ratio.note(format!(
            "{}; {} batches with {} profiles in {}; {}",
            Unit::PerSecond.show(rate),
            grouped(read.batches),
            grouped(read.profiles),
            Unit::Bytes.show(read.bytes as f64),
            rounds.show()
        )));
        let what = "memory of the server with 64 such readers, beyond that without";
        let beyond = Figure::new(what, Unit::Bytes, most.saturating_sub(before) as f64);
        figures.push(beyond.note(format!(
            "{} and {}, without mapped files",
            Unit::Bytes.show(most as f64),
            Unit::Bytes.show(before as f64)
        )));
        Ok(())
    })
}

/// The answers of the readers.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    batches: u64,
    profiles: u64,
    bytes: u64,
}

impl Read {
    fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.profiles += other.profiles;
        self.bytes += other.bytes;
    }
}

/// Readers that read batch after batch until they are stopped.
struct Readers {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<Outcome<Read>>,
}

impl Readers {
    fn start(address: &str, batches: Arc<[Vec<u64>]>) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let (is_stopped, address) = (Arc::clone(&stopped), address.to_owned());
        let thread = thread::spawn(move || {
            // On Linux, niceness belongs to the thread.
            rustix::process::nice(READERS_NICENESS)?;
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(read_all(address, batches, is_stopped))
        });
        Self { stopped, thread }
    }

    fn stop(self) -> Outcome<Read> {
        self.stopped.store(true, Ordering::Relaxed);
        let ended = self.thread.join();
        ended.map_err(|_| "the readers' thread panicked")?
    }
}

async fn read_all(
    address: String,
    batches: Arc<[Vec<u64>]>,
    stopped: Arc<AtomicBool>,
) -> Outcome<Read> {
    let next = Arc::new(AtomicU64::new(0));
    let mut readers: JoinSet<Outcome<Read>> = JoinSet::new();
    for _ in 0..READERS {
        let client = Client::connect(address.as_str()).await?.without_timeout();
        let (batches, stopped, next) = (batches.clone(), stopped.clone(), next.clone());
        readers.spawn(async move {
            let mut read = Read::default();
            while !stopped.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed) as usize;
                let batch = batches.get(number % BATCHES).cloned().unwrap_or_default();
                read.add(&read_batch(&client, &batch).await?);
            }
            Ok(read)
        });
    }
    let mut read = Read::default();
    while let Some(ended) = readers.join_next().await {
        read.add(&ended??);
    }
    Ok(read)
}

/// Reads a batch; an answer ends before its limit, or has all.
async fn read_batch(client: &Client, batch: &[u64]) -> Outcome<Read> {
    let answer = match client.profiles(batch).await {
        Ok(answer) => answer,
        // So many readers may wait for longer than a call may take.
        Err(Error::Deadline(_)) => return Ok(Read::default()),
        Err(error) => return Err(error.into()),
    };
    let expected = match answer.next_index {
        0 => batch.len(),
        next => next as usize,
    };
    let found = answer
        .results
        .iter()
        .filter_map(|result| result.profile.as_ref());
    let found = found.count();
    check_equal(|| "profiles of a batch".to_owned(), expected, found)?;
    Ok(Read {
        batches: 1,
        profiles: found as u64,
        bytes: prost::Message::encoded_len(&answer) as u64,
    })
}
