//! What `loader generate` is told on its command line.

use std::path::PathBuf;

use crate::Options;

/// The arguments of `loader generate`.
#[derive(clap::Args, Debug, Clone)]
pub struct Arguments {
    /// How many members the site has.
    #[arg(long)]
    pub members: u64,
    /// Connections of a member in the mean: the mean degree, 2 x connections / members.
    #[arg(long, value_name = "DEGREE")]
    pub mean_connections: f64,
    /// The same seed makes the same files, byte for byte, however many threads there are.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The directory to write to; made when it does not exist.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only connections.csv.
    #[arg(long)]
    pub graph_only: bool,
    /// Member ids spread over 63 bits instead of 1 to the number of members.
    #[arg(long)]
    pub sparse_ids: bool,
}

impl Arguments {
    /// The site that the arguments describe.
    pub fn options(&self) -> Options {
        Options {
            graph_only: self.graph_only,
            sparse_ids: self.sparse_ids,
            ..Options::new(self.members, self.mean_connections, self.seed)
        }
    }
}
