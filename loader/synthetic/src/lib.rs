//! `loader generate`: a synthetic site of any size, with the shape of real ones.
//!
//! Each person's place, school and company are drawn first, and decide who connects with whom.
//! Degrees are heavy-tailed: log-normal, with a few hubs of many thousands.
//!
//! Everything is a function of the seed. The same options make the same files byte for byte, on any
//! number of threads, and the same graph with or without profiles.
//!
//! ```
//! use cloud_synthetic::{Options, generate_edges};
//!
//! let edges = generate_edges(&Options::new(1_000, 6.0, 42))?;
//! assert_eq!(edges.member_ids().len(), 1_000);
//! assert!(edges.iter().all(|edge| edge.member != edge.other));
//! # Ok::<(), cloud_synthetic::Error>(())
//! ```

mod arguments;
mod calendar;
mod career;
mod choice;
mod connections;
mod degrees;
mod edges;
mod error;
mod industries;
mod lists;
mod names;
mod options;
mod organisation_names;
mod organisations;
mod output;
mod pairs;
mod passes;
mod pattern;
mod people;
mod profile;
mod profiles;
mod progress;
mod queue;
mod random;
mod ranks;
mod scramble;
mod shape;
mod site;
mod summary;
mod times;
mod world;

use std::{path::Path, time::Instant};

pub use arguments::Arguments;
pub use degrees::Hubs;
pub use edges::{Edge, Edges};
pub use error::Error;
pub use options::Options;
pub use output::WrittenFile;
pub use progress::Progress;
pub use shape::Shape;
pub use site::generate_edges;
pub use summary::Summary;

use crate::{
    connections::write_connections,
    output::{OutputFile, make_directory},
    profiles::write_profiles,
    shape::share_inside_communities,
    site::Site,
    summary::peak_memory,
};

/// Runs `loader generate` with its arguments, and prints the summary.
///
/// # Errors
/// [`Error`] when the options are invalid, or when the directory or stdout cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let progress = Progress::on_standard_error();
    let summary = generate_with_progress(&arguments.options(), &arguments.out, &progress)?;
    cloud_terminal::print(format_args!("{summary}\n")).map_err(Error::Print)
}

/// Generates the site's files in the directory, which is created when it does not exist. Files of
/// the same names are replaced once all new ones are complete.
///
/// # Errors
/// [`Error`] when the options are invalid, or when the directory cannot be written.
pub fn generate(options: &Options, out_dir: impl AsRef<Path>) -> Result<Summary, Error> {
    generate_with_progress(options, out_dir.as_ref(), &Progress::silent())
}

/// Generates the site's files as [`generate`] does, and shows progress.
///
/// # Errors
/// [`Error`] when the options are invalid, or when the directory cannot be written.
pub fn generate_with_progress(
    options: &Options,
    out_dir: &Path,
    progress: &Progress,
) -> Result<Summary, Error> {
    let began = Instant::now();
    let members = options.checked_members()?;
    make_directory(out_dir)?;
    let site = Site::new(options, progress)?;
    let mut files = Vec::new();
    let mut positions = 0;
    if !options.graph_only {
        let (profiles, count) = write_profiles(&site, options.seed, out_dir, progress)?;
        files.extend(profiles);
        positions = count;
    }
    let inside_communities = share_inside_communities(&site.edges.pairs, &site.people);
    let edges = site.edges;
    files.push(write_connections(&edges, out_dir, progress)?);

    let stage = progress.stage("measuring", 1);
    let hubs = Hubs::of(members, options.mean_connections);
    let shape = Shape::measure(
        &edges.pairs,
        hubs,
        inside_communities,
        members,
        options.seed,
    );
    stage.finish();
    let files = files
        .into_iter()
        .map(OutputFile::finish)
        .collect::<Result<_, _>>()?;
    Ok(Summary {
        members: options.members,
        connections: edges.len() as u64,
        positions,
        shape,
        files,
        elapsed: began.elapsed(),
        peak_memory: peak_memory(),
    })
}
