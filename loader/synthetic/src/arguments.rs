//! The command line of `loader generate`.

use std::path::PathBuf;

use crate::Options;

/// The arguments of `loader generate`.
#[derive(clap::Args, Debug, Clone)]
pub struct Arguments {
    /// Number of members of the site.
    #[arg(long)]
    pub members: u64,
    /// Mean degree: 2 x connections / members.
    #[arg(long, value_name = "DEGREE")]
    pub mean_connections: f64,
    /// Seed of everything that is drawn. The same seed makes the same files, byte for byte, on any
    /// number of threads.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Directory to write to; created when it does not exist.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write only connections.csv.
    #[arg(long)]
    pub graph_only: bool,
    /// Spread member ids over 63 bits, instead of numbering members from 1.
    #[arg(long)]
    pub sparse_ids: bool,
}

impl Arguments {
    /// Returns the site that the arguments describe.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            graph_only: self.graph_only,
            sparse_ids: self.sparse_ids,
            ..Options::new(self.members, self.mean_connections, self.seed)
        }
    }
}
