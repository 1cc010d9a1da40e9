//! The command line of a run.

use std::path::PathBuf;

/// Measure The Cloud on a synthetic site, and print a table of figures beside their targets.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "bench", version)]
pub struct Options {
    /// Number of members of the site.
    #[arg(long, default_value_t = 2_000_000)]
    pub members: u64,
    /// Mean degree: 2 x connections / members.
    #[arg(long, value_name = "DEGREE", default_value_t = 11.0)]
    pub mean_connections: f64,
    /// Generate only the graph: members have no profiles, and groups that need them are skipped.
    #[arg(long)]
    pub graph_only: bool,
    /// Remove each dump once nothing more is built from it. Only the snapshot of 22 M members and
    /// 120 M connections remains, and the disk never holds more than 15 GB.
    #[arg(long)]
    pub remove_dumps: bool,
    /// Seed of the site, the viewers and the changes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Folder of the sites that are kept from run to run; by default `bench-data` in the target
    /// folder.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Measure only these groups (separated by commas).
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Duration of each measurement over gRPC, in seconds; several take a multiple.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub seconds: f64,
    /// Also write the rows to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Read the graph from the map of its file, and forbid large pages to this process and to the
    /// servers. The group large-pages compares with this.
    #[arg(long)]
    pub plain_pages: bool,
}
