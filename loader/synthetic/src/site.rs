//! A site before it is written: people, organisations, and who is connected with whom.

use super::{Error, Options, Progress};
use crate::degrees::wanted_degrees;
use crate::edges::{Edges, Ids};
use crate::organisations::Organisations;
use crate::passes::connect;
use crate::people::{Person, draw_people};
use crate::times::Times;

/// The connections of the site that the options describe, in memory: about 8 bytes each, and at most 40 bytes a member
/// beside them while they are made. Errors when there can be no such site.
pub fn generate_edges(options: &Options) -> Result<Edges, Error> {
    Ok(Site::new(options, &Progress::silent())?.edges)
}

/// Everything about a site but its profiles' words.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) organisations: Organisations,
    pub(super) people: Vec<Person>,
    pub(super) edges: Edges,
}

impl Site {
    pub(super) fn new(options: &Options, progress: &Progress) -> Result<Self, Error> {
        let members = options.checked_members()?;
        let seed = options.seed;
        let stage = progress.stage("drawing people", u64::from(members));
        let organisations = Organisations::new(members, seed);
        let people = draw_people(members, seed, &organisations);
        let wanted = wanted_degrees(members, options.mean_connections, seed);
        stage.finish();

        let mut pairs = connect(&people, &wanted, seed, progress);
        let stage = progress.stage("shuffling connections", 1);
        pairs.shuffle_and_deduplicate();
        stage.finish();
        let edges = Edges {
            pairs,
            members,
            ids: if options.sparse_ids {
                Ids::Sparse
            } else {
                Ids::Dense
            },
            times: Times::new(seed),
        };
        Ok(Site {
            organisations,
            people,
            edges,
        })
    }
}
