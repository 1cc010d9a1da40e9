//! The options of a generated site.

use crate::Error;

/// The options of a generated site: its size, its density, and its seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The number of members, at most [`Options::MEMBERS_MAX`].
    pub members: u64,
    /// The mean degree: 2 x connections / members. At most half of the other members.
    pub mean_connections: f64,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// Whether to leave out members.csv and positions.csv.
    pub graph_only: bool,
    /// Whether member ids are spread over 63 bits instead of `1..=members`.
    pub sparse_ids: bool,
}

impl Options {
    /// The most members of a site: node indexes are 32 bits wide.
    pub const MEMBERS_MAX: u64 = u32::MAX as u64;
    /// The highest mean degree. Above it the graph would not be a social network; it also bounds
    /// the memory.
    pub const MEAN_CONNECTIONS_MAX: f64 = 1_000.0;

    /// Describes a whole site, with profiles and with member ids `1..=members`.
    #[must_use]
    pub fn new(members: u64, mean_connections: f64, seed: u64) -> Self {
        Options {
            members,
            mean_connections,
            seed,
            graph_only: false,
            sparse_ids: false,
        }
    }

    /// Returns the number of members as a node index's type, or an error when the options are
    /// invalid.
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
