//! Compares PostgreSQL and Redis with a graph server: the same questions in alternation, and the
//! ratio of the latencies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloud_engine::{GRAPH_NAME, Scratch};

use crate::closed_loop;
use crate::exam::Exam;
use crate::figures::{Figure, Figures};
use crate::groups::build;
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::rivals::{Cloud, Contender, Kind, Networks, Postgres, Redis};
use crate::rounds::median;
use crate::setting::Setting;
use crate::unit::Unit;

/// The rounds of each contender. With the loading, they take minutes.
const ROUNDS: usize = 3;
/// The viewers of each round. Each round has others, so that every viewer's first question is
/// measured once.
const VIEWERS: usize = 500;
/// The callers when batches per second are measured.
const CALLERS: u64 = 32;

/// The questions of one caller, with their names in the table. After a viewer's first question the
/// graph server has the viewer's view, as in a session. Of the rivals only Redis keeping networks
/// has an equivalent.
const ASKED: [(&str, Kind); 5] = [
    (
        "100 degrees, a viewer's first time, one caller",
        Kind::Degrees,
    ),
    ("100 degrees, not the first time, one caller", Kind::Degrees),
    (
        "shared connections (count + first page), one caller",
        Kind::Shared,
    ),
    ("a path up to 3, not the first time, one caller", Kind::Path),
    (
        "network size, 1st and 2nd degree, not the first time, one caller",
        Kind::NetworkSize,
    ),
];

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        let graph = setting.site()?.graph();
        let measured = setting.measured_server("rivals").await?;
        let pairs = setting.data().pairs()?;
        let postgres = Postgres::start(setting.data().scratch_folder("postgres")?).await?;
        let redis = Redis::start(setting.data().scratch_folder("redis")?).await?;
        let built = build::of_pairs(setting)?.duration;
        let loaded = [
            postgres.load(&pairs, graph).await?,
            redis.load(graph).await?,
        ];
        costs(
            setting,
            figures,
            [built, loaded[0], loaded[1]],
            &postgres,
            &redis,
        )
        .await?;
        let contenders = [
            Contender::Cloud(Cloud::new(measured.calls.channels().clone())),
            Contender::Postgres(Arc::new(postgres)),
            Contender::Redis(redis.clone()),
            Contender::Redis(redis.with(Networks::Kept)),
        ];
        questions(setting, figures, &contenders).await
    })
}

/// One contender's figures: the latencies of each round for each of the questions of one caller,
/// and batches per second by round.
#[derive(Default)]
struct Answers {
    latencies: [Vec<Latencies>; ASKED.len()],
    rates: Vec<f64>,
}

async fn questions(
    setting: &Setting,
    figures: &mut Figures,
    contenders: &[Contender],
) -> Outcome<()> {
    let mut answers: Vec<Answers> = contenders.iter().map(|_| Answers::default()).collect();
    let (graph, mut scratch) = (setting.site()?.graph(), Scratch::new());
    for questions in setting.questions()?.chunks(VIEWERS).take(ROUNDS) {
        let exams = questions
            .iter()
            .enumerate()
            .map(|(number, question)| Exam::new(graph, question, number, &mut scratch));
        let exams: Arc<[Exam]> = exams.collect::<Outcome<_>>()?;
        for (asked, &(_, kind)) in ASKED.iter().enumerate() {
            for (contender, answers) in contenders.iter().zip(&mut answers) {
                let latencies = one_by_one(contender, kind, &exams).await?;
                answers.latencies[asked].push(latencies);
            }
        }
        for (contender, answers) in contenders.iter().zip(&mut answers) {
            answers
                .rates
                .push(rate(contender, &exams, setting.turn_duration() / 2).await?);
        }
    }
    let Some((cloud, rivals)) = answers.split_first() else {
        return Err("nobody was asked".into());
    };
    for (asked, (what, kind)) in ASKED.iter().enumerate() {
        for (rival, contender) in rivals.iter().zip(contenders.iter().skip(1)) {
            if *kind == Kind::Degrees || !keeps_networks(contender) {
                let rounds = (
                    rival.latencies[asked].as_slice(),
                    cloud.latencies[asked].as_slice(),
                );
                figures.push(slower(what, contender, rounds));
            }
        }
    }
    for (rival, contender) in rivals.iter().zip(contenders.iter().skip(1)) {
        let ratios = cloud
            .rates
            .iter()
            .zip(&rival.rates)
            .map(|(cloud, rival)| cloud / rival);
        let what = format!(
            "batches of 100 degrees per second, against {}",
            contender.name()
        );
        let show = |rates: &[f64]| Unit::PerSecond.show(median(rates.iter().copied()));
        let (cloud, rival) = (show(&cloud.rates), show(&rival.rates));
        let note =
            format!("{cloud} against {rival}; {CALLERS} callers, not the viewers' first time");
        figures.push(Figure::new(what, Unit::Times, median(ratios)).note(note));
    }
    Ok(())
}

fn keeps_networks(contender: &Contender) -> bool {
    matches!(contender, Contender::Redis(redis) if redis.networks() == Networks::Kept)
}

/// Runs one caller, with one question for each viewer.
async fn one_by_one(contender: &Contender, kind: Kind, exams: &[Exam]) -> Outcome<Latencies> {
    let mut latencies = Latencies::new();
    for (number, exam) in exams.iter().enumerate() {
        let start = Instant::now();
        contender.ask(kind, exam, number as u64).await?;
        latencies.record(start.elapsed());
    }
    Ok(latencies)
}

/// Measures batches of 100 degrees per second, with callers that keep everything busy.
async fn rate(contender: &Contender, exams: &Arc<[Exam]>, duration: Duration) -> Outcome<f64> {
    let (contender, exams) = (contender.clone(), exams.clone());
    let ask = move |number: u64| {
        let (contender, exams) = (contender.clone(), exams.clone());
        async move {
            let exam = exams
                .get(number as usize % exams.len())
                .ok_or("no questions")?;
            contender.ask(Kind::Degrees, exam, number).await
        }
    };
    Ok(closed_loop::run(CALLERS, duration, ask).await?.rate)
}

/// Returns the rival's median latency relative to ours: the median of the rounds' ratios.
fn slower(what: &str, rival: &Contender, (theirs, ours): (&[Latencies], &[Latencies])) -> Figure {
    let ratio = |quantile: fn(&Latencies) -> f64| {
        median(
            theirs
                .iter()
                .zip(ours)
                .map(|(theirs, ours)| quantile(theirs) / quantile(ours)),
        )
    };
    let show = |rounds: &[Latencies]| {
        let of = |quantile: fn(&Latencies) -> f64| {
            Unit::Seconds.show(median(rounds.iter().map(quantile)))
        };
        format!("{} / {}", of(Latencies::median), of(Latencies::p99))
    };
    Figure::new(
        format!("{what}: {}, median", rival.name()),
        Unit::Times,
        ratio(Latencies::median),
    )
    .note(format!(
        "p99 {}; median / p99 {} against {}",
        Unit::Times.show(ratio(Latencies::p99)),
        show(theirs),
        show(ours)
    ))
}

/// Measures the cost of loading and holding the graph.
async fn costs(
    setting: &Setting,
    figures: &mut Figures,
    loaded: [Duration; 3],
    postgres: &Postgres,
    redis: &Redis,
) -> Outcome<()> {
    let manifest = setting.site()?.manifest();
    let hot = manifest
        .file(GRAPH_NAME)
        .ok_or("the snapshot has no graph")?
        .bytes;
    let disk = manifest.files.iter().map(|file| file.bytes).sum();
    let (in_postgres, in_redis) = (postgres.size().await?, redis.size().await?);
    let [built, copied, added] = loaded.map(|duration| duration.as_secs_f64());
    let against = |what: &str, unit: Unit, theirs: f64, ours: f64, note: &str| {
        let note = format!("{} against {}{note}", unit.show(theirs), unit.show(ours));
        Figure::new(what, Unit::Times, theirs / ours).note(note)
    };
    let per_connection = |bytes: u64| bytes as f64 / manifest.connections as f64;
    let memory = |what: &str, bytes: u64, note: &str| {
        let what = format!("memory a connection: {what}");
        against(
            &what,
            Unit::Bytes,
            per_connection(bytes),
            per_connection(hot),
            note,
        )
    };
    figures.push(memory(
        "PostgreSQL",
        in_postgres.bytes,
        ": table and index, all in the buffers; the hot part of the snapshot",
    ));
    let note = format!(
        ": as Redis counts; the process has {} resident",
        Unit::Bytes.show(in_redis.resident as f64)
    );
    figures.push(memory("Redis", in_redis.memory, &note));
    let on_disk = |what: &str, bytes: u64, note: &str| {
        let what = format!("disk a connection: {what}");
        against(
            &what,
            Unit::Bytes,
            per_connection(bytes),
            per_connection(disk),
            note,
        )
    };
    let note = ": without the times of connections, which the snapshot has";
    figures.push(on_disk("PostgreSQL", in_postgres.bytes, note));
    figures.push(on_disk("Redis", in_redis.disk, note));
    let note = "; COPY, lists, primary key, VACUUM against loader build, from the same file";
    figures.push(against(
        "loading: PostgreSQL",
        Unit::Seconds,
        copied,
        built,
        note,
    ));
    let note = "; SADD by pipeline of lists that were there, against loader build from the file";
    figures.push(against("loading: Redis", Unit::Seconds, added, built, note));
    Ok(())
}
