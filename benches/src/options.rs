//! What a run is told on its command line.

use std::path::PathBuf;

/// Measures The Cloud on a synthetic site, and prints a table of figures beside their targets.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "bench", version)]
pub struct Options {
    /// Members of the site.
    #[arg(long, default_value_t = 2_000_000)]
    pub members: u64,
    /// Connections of a member in the mean.
    #[arg(long, value_name = "DEGREE", default_value_t = 11.0)]
    pub mean_connections: f64,
    /// Nothing but the graph: members have no profiles, and what needs them is skipped.
    #[arg(long)]
    pub graph_only: bool,
    /// Remove each dump once nothing more is built of it: what is left of 22 M members and 120 M connections is their
    /// snapshot, and there is never more than 15 GB.
    #[arg(long)]
    pub remove_dumps: bool,
    /// The site, the viewers and the changes are drawn from this.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where sites are kept from run to run; by default `bench-data` in the target folder.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Measure only these groups (separated by commas).
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// How long each measurement over gRPC goes on, in seconds; several take a multiple.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub seconds: f64,
    /// Also write the rows to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
