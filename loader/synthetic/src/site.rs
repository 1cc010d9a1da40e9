//! A site before it is written: its people, organisations and connections.

use crate::{
    Error, Options, Progress,
    degrees::wanted_degrees,
    edges::{Edges, Ids},
    organisations::Organisations,
    passes::connect,
    people::{Person, draw_people},
    times::Times,
};

/// Generates the connections of the site in memory: about 8 bytes each. While they are generated,
/// at most 40 bytes a member come on top.
///
/// # Errors
/// [`Error`] when the options are invalid.
pub fn generate_edges(options: &Options) -> Result<Edges, Error> {
    Ok(Site::new(options, &Progress::silent())?.edges)
}

/// A site without the texts of its profiles.
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
