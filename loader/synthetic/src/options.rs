//! Which site to make.

use crate::Error;

/// A site to make: how large, how dense, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Members of the site, at most [`Options::MEMBERS_MAX`].
    pub members: u64,
    /// The mean degree: 2 x connections / members. At most half of the other members.
    pub mean_connections: f64,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
    /// No members.csv and no positions.csv.
    pub graph_only: bool,
    /// Member ids spread over 63 bits instead of `1..=members`.
    pub sparse_ids: bool,
}

impl Options {
    /// Node indexes are 32 bits wide.
    pub const MEMBERS_MAX: u64 = u32::MAX as u64;
    /// A mean above this would not be a social network; it also bounds what is allocated.
    pub const MEAN_CONNECTIONS_MAX: f64 = 1_000.0;

    /// A whole site (profiles too) with member ids `1..=members`.
    pub fn new(members: u64, mean_connections: f64, seed: u64) -> Self {
        Options {
            members,
            mean_connections,
            seed,
            graph_only: false,
            sparse_ids: false,
        }
    }

    /// The number of members as a node index's type; an error for a site that cannot be made.
    pub(super) fn checked_members(&self) -> Result<u32, Error> {
        let members = match u32::try_from(self.members) {
            Ok(members) if members > 0 => members,
            _ => {
                return Err(Error::Members {
                    members: self.members,
                    members_max: Self::MEMBERS_MAX,
                });
            }
        };
        let mean_max = (f64::from(members - 1) / 2.0).min(Self::MEAN_CONNECTIONS_MAX);
        if !(0.0..=mean_max).contains(&self.mean_connections) {
            return Err(Error::MeanConnections {
                mean: self.mean_connections,
                mean_max,
                members,
            });
        }
        Ok(members)
    }
}
