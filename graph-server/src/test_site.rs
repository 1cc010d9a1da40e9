//! Small graphs for unit tests.

use cloud_engine::{Base, Writer};
use cloud_model::{ConnectionTime, MemberId, Scn};
use std::sync::Arc;

pub(crate) fn member(id: u64) -> MemberId {
    MemberId::new(id).unwrap()
}

/// Returns a graph of the members 1 to `members`, each connected to the next, at the beginning of a
/// log.
pub(crate) fn path_graph(members: u64) -> Writer {
    let ids: Vec<_> = (1..=members).map(member).collect();
    let edges: Vec<_> = ids
        .windows(2)
        .map(|pair| (pair[0], pair[1], ConnectionTime::UNKNOWN))
        .collect();
    Writer::new(
        Arc::new(Base::from_edges(&ids, &edges).unwrap()),
        Scn::BEGINNING,
    )
}
