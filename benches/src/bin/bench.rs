//! `make bench`: measures the real binaries on a synthetic site, and prints a table of figures
//! beside their targets.
//!
//! Progress goes to stderr, the table to stdout. The exit code is 1 when a figure could not be
//! measured. An incomplete or wrong answer is not a figure.

use std::{process::ExitCode, time::Instant};

use clap::Parser as _;
use cloud_benches::{
    figures::Figures, groups::Group, options::Options, outcome::Outcome, pages::forbid_large_pages,
    setting::Setting, unit::grouped,
};

/// The allocator of the server, so that the engine in this process is comparable.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the groups, and returns whether every figure was measured.
fn run(options: Options) -> Outcome<bool> {
    let names = Group::ALL.map(|group| group.name);
    if let Some(unknown) = options
        .only
        .iter()
        .find(|only| !names.contains(&only.as_str()))
    {
        return Err(format!("no group {unknown:?}, only {}", names.join(", ")).into());
    }
    if options.plain_pages {
        forbid_large_pages()?;
    }
    let start = Instant::now();
    let (mut figures, setting) = (Figures::of_site(options.members), Setting::new(options)?);
    let only = &setting.options().only;
    for group in Group::ALL.iter().filter(|group| group.is_wanted(only)) {
        group.measure(&setting, &mut figures);
    }
    let graph = setting.site()?.graph();
    println!(
        "{} members, {} connections, seed {}; {} cores; {:.0} s",
        grouped(graph.member_count()),
        grouped(graph.connection_count()),
        setting.options().seed,
        std::thread::available_parallelism()?,
        start.elapsed().as_secs_f64()
    );
    println!("Targets `at 22 M` are for a site of 22 M members and 120 M connections.");
    print!("{}", figures.to_table());
    if let Some(path) = &setting.options().json {
        figures.write_json(path)?;
    }
    Ok(figures.is_complete())
}
