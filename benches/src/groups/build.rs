//! Measures the builds of snapshots from dumps, by the real loader.

use std::path::Path;

use cloud_engine::GRAPH_NAME;

use crate::{
    data::{DUMP, PAIRS, SPARSE},
    figures::{Figure, Figures},
    loader_run::LoaderRun,
    outcome::Outcome,
    setting::Setting,
    unit::Unit,
};

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let data = setting.data();
    let dense = of_pairs(setting)?;
    let what = "connections -> graph snapshot, plain CSV, dense ids";
    figures.push(
        seconds(what, &dense)
            .at_most(12.0)
            .at_22_m()
            .note(dense.stages_text()),
    );
    let peak = Figure::new(
        format!("{what}: peak memory"),
        Unit::Bytes,
        dense.peak_bytes as f64,
    );
    figures.push(peak.at_most(4.0 * 1024.0 * 1024.0 * 1024.0).at_22_m());
    data.done_with(PAIRS)?;

    let site = setting.site_build()?;
    let what = if setting.options().graph_only {
        "the snapshot that all else is measured on: graph and times, no profiles"
    } else {
        "the whole site: graph, profiles, index"
    };
    figures.push(seconds(what, site).note(site.stages_text()));
    hot_part(setting, figures)?;
    data.done_with(DUMP)?;

    let map = "connections:member=member_id,other=other_id,time=connected_at";
    let connections = data.sparse_connections()?;
    let sparse = of_connections(setting, &connections, map, &[])?;
    let figure = seconds("the same with sparse 64-bit ids and times", &sparse);
    figures.push(figure.at_most(25.0).at_22_m().note(sparse.stages_text()));
    let spilling = of_connections(setting, &connections, map, &["--memory", "2GiB"])?;
    let figure = seconds("the same with --memory 2GiB", &spilling);
    figures.push(figure.at_most(40.0).at_22_m().note(spilling.stages_text()));
    let figure = Figure::new(
        "the same with --memory 2GiB: peak memory",
        Unit::Bytes,
        spilling.peak_bytes as f64,
    );
    figures.push(figure.at_most((2_u64 << 30) as f64));
    data.done_with(SPARSE)
}

fn hot_part(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let manifest = setting.site()?.manifest();
    let hot = manifest
        .file(GRAPH_NAME)
        .ok_or("the snapshot has no graph")?;
    let per_connection = hot.bytes as f64 / manifest.connections as f64;
    let figure = Figure::new(
        "hot part of the snapshot, id order",
        Unit::Bytes,
        hot.bytes as f64,
    );
    figures.push(
        figure
            .at_most(1.25e9)
            .at_22_m()
            .note(format!("{per_connection:.1} bytes a connection")),
    );
    Ok(())
}

/// Builds a snapshot from pairs of dense ids, and deletes it.
pub(super) fn of_pairs(setting: &Setting) -> Outcome<LoaderRun> {
    let map = "connections:member=member_id,other=other_id";
    of_connections(setting, &setting.data().pairs()?, map, &[])
}

fn of_connections(
    setting: &Setting,
    connections: &Path,
    map: &str,
    flags: &[&str],
) -> Outcome<LoaderRun> {
    let folder = setting.data().scratch_folder("build")?;
    let out = folder.path().join("snapshot");
    let connections = connections.display().to_string();
    let out = out.display().to_string();
    let arguments = ["--connections", &connections, "--map", map, "--out", &out];
    LoaderRun::of(
        "build",
        arguments
            .iter()
            .chain(flags)
            .map(|&argument| argument.to_owned()),
    )
}

fn seconds(what: &str, run: &LoaderRun) -> Figure {
    Figure::new(what, Unit::Seconds, run.duration.as_secs_f64())
}
