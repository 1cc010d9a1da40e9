//! Small benches of the engine, on a generated graph in memory, for changes to the engine. Run them
//! with a profiler, or against a saved baseline (`cargo bench -p cloud-benches -- --save-baseline
//! before`).
#![expect(clippy::expect_used, reason = "a bench that cannot go on fails")]

use std::{hint::black_box, sync::Arc};

use cloud_benches::questions::{self, Question};
use cloud_engine::{
    Base, Budget, Graph, GraphChange, NodeIndex, Scratch, View, Writer, degrees, network_sizes,
};
use cloud_model::{ConnectionTime, MemberId, Scn};
use cloud_synthetic::{Options, generate_edges};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const MEMBERS: u64 = 200_000;
const MEAN_CONNECTIONS: f64 = 11.0;
const SEED: u64 = 1;
const VIEWERS: usize = 1_000;

/// A generated graph, with viewers and their pages of members.
struct Site {
    base: Arc<Base>,
    graph: Graph,
    members: Vec<MemberId>,
    questions: Vec<Question>,
}

impl Site {
    fn new() -> Self {
        let edges = generate_edges(&Options::new(MEMBERS, MEAN_CONNECTIONS, SEED))
            .expect("the options are right");
        let members: Vec<MemberId> = edges.member_ids().filter_map(MemberId::new).collect();
        let edges: Vec<_> = edges
            .iter()
            .filter_map(|edge| {
                let time = ConnectionTime::from_millis(edge.connected_at);
                Some((
                    MemberId::new(edge.member)?,
                    MemberId::new(edge.other)?,
                    time,
                ))
            })
            .collect();
        let base = Arc::new(Base::from_edges(&members, &edges).expect("the edges name members"));
        let graph = Writer::new(base.clone(), Scn::BEGINNING).version().graph();
        let questions = questions::draw(&graph, VIEWERS, SEED).expect("the graph has connections");
        Self {
            base,
            graph,
            members,
            questions,
        }
    }

    fn views(&self) -> Vec<View> {
        let mut scratch = Scratch::new();
        let questions = self.questions.iter();
        questions
            .map(|question| build(&self.graph, question.viewer, &mut scratch))
            .collect()
    }

    /// Draws new connections between distant members.
    fn changes(&self, count: usize) -> Vec<GraphChange> {
        let ends = self.members.iter().zip(self.members.iter().rev()).cycle();
        let differing = ends.filter(|(member, other)| member != other).take(count);
        differing
            .map(|(&member, &other)| GraphChange::ConnectionAdded {
                existing_only: false,
                member,
                other,
                time: ConnectionTime::UNKNOWN,
            })
            .collect()
    }
}

fn build(graph: &Graph, viewer: NodeIndex, scratch: &mut Scratch) -> View {
    View::build(graph, viewer, scratch, &mut Budget::unlimited()).expect("the budget is unlimited")
}

fn views(criterion: &mut Criterion) {
    let site = Site::new();
    let mut scratch = Scratch::new();
    let mut viewers = site.questions.iter().cycle();
    criterion.bench_function("view of a viewer drawn by degree", |bencher| {
        bencher.iter(|| {
            viewers
                .next()
                .map(|question| build(&site.graph, question.viewer, &mut scratch))
        });
    });

    let views = site.views();
    let mut asked = site.questions.iter().zip(&views).cycle();
    criterion.bench_function("100 degrees on a warm view", |bencher| {
        bencher.iter(|| {
            let (question, view) = asked.next()?;
            let targets: Vec<NodeIndex> =
                question.targets.iter().map(|target| target.node).collect();
            degrees(
                &mut view.whole(&site.graph),
                &targets,
                &mut Budget::unlimited(),
            )
            .ok()
        });
    });

    let mut sized = views.iter().cycle();
    criterion.bench_function("3rd-degree size on a warm view", |bencher| {
        bencher.iter(|| {
            let view = sized.next()?;
            network_sizes(
                &site.graph,
                view,
                true,
                &mut scratch,
                &mut Budget::unlimited(),
            )
            .ok()
        });
    });
}

fn changes(criterion: &mut Criterion) {
    let site = Site::new();
    let mut writer = Writer::new(site.base.clone(), Scn::BEGINNING);
    neighbours(
        criterion,
        "neighbours of 1,000 untouched nodes",
        &writer.version().graph(),
    );
    writer
        .apply(Scn::new(1), &site.changes(MEMBERS as usize))
        .expect("the overlay has room");
    neighbours(
        criterion,
        "neighbours of 1,000 touched nodes",
        &writer.version().graph(),
    );

    let changes = site.changes(100_000);
    let mut group = criterion.benchmark_group("apply 100,000 changes");
    group
        .throughput(Throughput::Elements(changes.len() as u64))
        .sample_size(10);
    for window in [1, 1_000] {
        group.bench_function(format!("windows of {window}"), |bencher| {
            bencher.iter_batched_ref(
                || Writer::new(site.base.clone(), Scn::BEGINNING),
                |writer| {
                    for (scn, window) in (1..).zip(changes.chunks(window)) {
                        writer
                            .apply(Scn::new(scn), window)
                            .expect("the overlay has room");
                    }
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn neighbours(criterion: &mut Criterion, name: &str, graph: &Graph) {
    let nodes: Vec<NodeIndex> = graph.nodes().step_by(197).take(1_000).collect();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            let neighbours = nodes.iter().flat_map(|&node| graph.neighbours(node));
            black_box(neighbours.map(|node| u64::from(node.get())).sum::<u64>())
        });
    });
}

criterion_group!(benches, views, changes);
criterion_main!(benches);
