//! Measures whether readers of everything delay small calls, and the memory that they take.
//!
//! The readers stand for other machines: their thread has a low priority, and decodes few answers.
//! Decoding one takes milliseconds, in which the system does not give the core to other threads.
//! That would add to the measured p99 what no server can avoid.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::thread::{self, JoinHandle};

use bytes::{Buf as _, BufMut as _, Bytes};
use cloud_proto::cloud::v1::{BatchGetProfilesRequest, BatchGetProfilesResponse};
use http::uri::PathAndQuery;
use prost::Message as _;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

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
/// The batches of which one is decoded and checked.
const CHECKED_EVERY: u64 = 100;
/// The niceness of the readers' thread.
const READERS_NICENESS: i32 = 10;
const METHOD: PathAndQuery = PathAndQuery::from_static("/cloud.v1.ProfileService/BatchGetProfiles");

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
            "{}; {} batches in {}; {}",
            Unit::PerSecond.show(rate),
            grouped(read.batches),
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
    bytes: u64,
}

impl Read {
    fn add(&mut self, other: &Self) {
        self.batches += other.batches;
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
        let endpoint = Endpoint::from_shared(address.clone())?;
        let mut client = Grpc::new(endpoint.connect().await?);
        let (batches, stopped, next) = (batches.clone(), stopped.clone(), next.clone());
        readers.spawn(async move {
            let mut read = Read::default();
            while !stopped.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let index = number as usize % BATCHES;
                let batch = batches.get(index).cloned().unwrap_or_default();
                let is_checked = number.is_multiple_of(CHECKED_EVERY);
                read.add(&read_batch(&mut client, batch, is_checked).await?);
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

/// Reads a batch. If `is_checked`, its answer is decoded: it ends before its limit, or has all.
async fn read_batch(
    client: &mut Grpc<Channel>,
    batch: Vec<u64>,
    is_checked: bool,
) -> Outcome<Read> {
    let members = batch.len();
    let request = BatchGetProfilesRequest {
        member_ids: batch,
        anonymous: true,
        ..Default::default()
    };
    client.ready().await?;
    let request = Request::new(Bytes::from(request.encode_to_vec()));
    let answer = match client.unary(request, METHOD, EncodedMessages).await {
        Ok(answer) => answer.into_inner(),
        // So many readers may wait for longer than a call may take.
        Err(status) if status.code() == Code::DeadlineExceeded => return Ok(Read::default()),
        Err(status) => return Err(status.into()),
    };
    let bytes = answer.len() as u64;
    if is_checked {
        let answer = BatchGetProfilesResponse::decode(answer)?;
        let expected = match answer.next_index {
            0 => members,
            next => next as usize,
        };
        let profiles = answer.results.iter().map(|result| result.profile.as_ref());
        let found = profiles.flatten().count();
        check_equal(|| "profiles of a batch".to_owned(), expected, found)?;
    }
    Ok(Read { batches: 1, bytes })
}

/// A codec that leaves messages encoded.
struct EncodedMessages;

impl Codec for EncodedMessages {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for EncodedMessages {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for EncodedMessages {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
