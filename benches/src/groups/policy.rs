//! Measures what hidden members cost: views and degrees of a site of which some members are
//! restricted and each viewer has blocks, against the same site without.

use std::{path::Path, sync::Arc, time::Instant};

use cloud_engine::{
    Base, Budget, Fold, Graph, GraphChange, Manifest, NodeIndex, Scratch, StandsAt, View, Writer,
    degrees,
};
use cloud_model::{RestrictionKind, Scn};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    figures::{Figure, Figures},
    latencies::Latencies,
    outcome::Outcome,
    questions::Question,
    setting::Setting,
    unit::{Unit, grouped},
};

/// One of so many members is restricted.
const MEMBERS_FOR_ONE_RESTRICTED: usize = 100;
/// The blocks of each viewer, half of them of the viewer's own.
const BLOCKS: usize = 10;
/// The views that are built before any is used, as in the group `views`.
const VIEWS_AT_ONCE: usize = 500;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let (site, questions) = (setting.site()?, setting.questions()?);
    let beside = site.snapshot().join("..");
    let folders = [
        tempfile::tempdir_in(&beside)?,
        tempfile::tempdir_in(&beside)?,
    ];
    // Both are folded, so that both are mapped from files.
    let graphs = [
        folded(setting, &[], folders[0].path())?,
        folded(setting, &policy(setting)?, folders[1].path())?,
    ];
    let asked: Vec<&Question> = questions
        .iter()
        .filter(|question| !graphs[1].is_restricted(question.viewer))
        .collect();
    let [mut building, mut asking] = [(); 2].map(|()| [Latencies::new(), Latencies::new()]);
    let mut scratch = Scratch::new();
    for questions in asked.chunks(VIEWS_AT_ONCE) {
        let mut views = Vec::with_capacity(questions.len());
        for (number, question) in questions.iter().enumerate() {
            // What comes second finds more in the processor's caches: the two take turns.
            for place in turns(number) {
                let start = Instant::now();
                let graph = graphs[place].clone().seen_by(question.viewer);
                let budget = &mut Budget::unlimited();
                let view = View::build(&graph, question.viewer, &mut scratch, budget)?;
                building[place].record(start.elapsed());
                views.push((place, question, view));
            }
        }
        for (place, question, view) in views {
            let targets = question.targets.iter();
            let members: Vec<_> = targets
                .map(|target| graphs[place].member(target.node))
                .collect();
            let start = Instant::now();
            let graph = graphs[place].clone().seen_by(question.viewer);
            let shown: Vec<NodeIndex> = graph.page(&members).into_iter().flatten().collect();
            degrees(&mut view.whole(&graph), &shown, &mut Budget::unlimited())?;
            asking[place].record(start.elapsed());
        }
    }
    let note = format!(
        "{} viewers, 1 of {MEMBERS_FOR_ONE_RESTRICTED} members restricted, {BLOCKS} blocks a \
         viewer, against none",
        grouped(asked.len() as u64)
    );
    for (what, [plain, ruled], bound) in [
        ("view with hidden members", &building, 1.1),
        (
            "100 degrees on a warm view with hidden members",
            &asking,
            1.05,
        ),
    ] {
        let ratio = |name: &str, of: fn(&Latencies) -> f64| {
            let note = format!(
                "{note}; {} against {}",
                Unit::Seconds.show(of(ruled)),
                Unit::Seconds.show(of(plain))
            );
            Figure::new(
                format!("{what}, against without: {name}"),
                Unit::Times,
                of(ruled) / of(plain),
            )
            .note(note)
        };
        let median = ratio("median", Latencies::median);
        figures.push(median.at_most(bound).at_22_m());
        figures.push(ratio("p99", Latencies::p99));
    }
    Ok(())
}

/// Returns the order of the two graphs, which alternates.
fn turns(number: usize) -> [usize; 2] {
    [number % 2, 1 - number % 2]
}

/// Draws the restrictions of the site, and the blocks of its viewers.
fn policy(setting: &Setting) -> Outcome<Vec<GraphChange>> {
    let (graph, questions) = (setting.site()?.graph(), setting.questions()?);
    let mut random = ChaCha8Rng::seed_from_u64(setting.options().seed);
    let kind = RestrictionKind::new(1).ok_or("1 is a kind")?;
    let restricted = graph.nodes().step_by(MEMBERS_FOR_ONE_RESTRICTED);
    let restricted = restricted.map(|node| GraphChange::MemberRestricted {
        member: graph.member(node),
        kind,
        ends_at: 0,
    });
    let mut changes: Vec<GraphChange> = restricted.collect();
    for question in questions.iter() {
        let viewer = graph.member(question.viewer);
        for number in 0..BLOCKS {
            let other = NodeIndex::new(random.random_range(0..graph.node_bound()));
            let other = graph.member(other);
            let (blocker, blocked) = match number % 2 {
                0 => (viewer, other),
                _ => (other, viewer),
            };
            changes.push(GraphChange::MemberBlocked { blocker, blocked });
        }
    }
    Ok(changes)
}

/// Folds the site with these changes into a snapshot in the folder, and returns its graph.
fn folded(setting: &Setting, changes: &[GraphChange], folder: &Path) -> Outcome<Graph> {
    let site = setting.site()?;
    let mut writer = site.writer();
    let scn = Scn::new(site.manifest().scn.get() + 1);
    writer.apply(scn, changes)?;
    let mut fold = Fold::create(writer.begin_fold(), folder)?;
    while fold.step()? {}
    let manifest = Manifest {
        files: fold.finish()?.files,
        ..Manifest::new(site.graph().base().lineage(), scn, StandsAt::Beginning {})
    };
    let base = Arc::new(Base::open(folder, &manifest)?);
    Ok(Writer::new(base, scn).version().graph())
}
