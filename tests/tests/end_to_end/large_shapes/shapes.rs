//! The large shapes, joined at two leaves of the star, and their answers in closed form.
//!
//! ```text
//! path(1,000,000) ... path(2) - path(1) - leaf(1) - HUB - leaf(2) - clique(1) = rest of the clique
//!                                                    |
//!                                                leaf(3) to leaf(1,000,000)
//! ```

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use cloud_proto::cloud::v1::Degree;

/// The member with 1,000,000 connections.
pub(crate) const HUB: u64 = 1;
/// The number of the hub's connections.
pub(crate) const LEAVES: u64 = 1_000_000;
/// The number of members of the clique, who are all connected to each other.
pub(crate) const CLIQUE_MEMBERS: u64 = 1_000;
/// The number of members of the path, each connected to the next.
pub(crate) const PATH_MEMBERS: u64 = 1_000_000;

const CLIQUE_FROM: u64 = 2_000_000;
const PATH_FROM: u64 = 3_000_000;

/// Returns the id of a connection of the hub, counted from 1.
pub(crate) fn leaf(number: u64) -> u64 {
    HUB + number
}

/// Returns the id of a member of the clique, counted from 1.
pub(crate) fn clique(number: u64) -> u64 {
    CLIQUE_FROM + number
}

/// Returns the id of a member of the path, counted from 1.
pub(crate) fn path(number: u64) -> u64 {
    PATH_FROM + number
}

/// Writes the dump.
pub(crate) fn write_connections(file: &Path) {
    let mut file = BufWriter::new(File::create(file).expect("creates"));
    writeln!(file, "member_id,other_id").expect("writes");
    let mut row = |one, other| writeln!(file, "{one},{other}").expect("writes");
    (1..=LEAVES).for_each(|number| row(HUB, leaf(number)));
    for number in 1..=CLIQUE_MEMBERS {
        (number + 1..=CLIQUE_MEMBERS).for_each(|other| row(clique(number), clique(other)));
    }
    (1..PATH_MEMBERS).for_each(|number| row(path(number), path(number + 1)));
    row(leaf(1), path(1));
    row(leaf(2), clique(1));
}

/// The shape to which a member belongs, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The star. Number 0 is the hub.
    Star(u64),
    Clique(u64),
    Path(u64),
}

impl Place {
    fn of(member: u64) -> Self {
        match member {
            PATH_FROM.. => Self::Path(member - PATH_FROM),
            CLIQUE_FROM.. => Self::Clique(member - CLIQUE_FROM),
            _ => Self::Star(member - HUB),
        }
    }

    /// Returns the leaf of the hub on the way to this member, and the distance from that leaf.
    fn root(self) -> (u64, u64) {
        match self {
            Self::Star(number) => (number, 0),
            Self::Clique(number) => (2, if number == 1 { 1 } else { 2 }),
            Self::Path(number) => (1, number),
        }
    }
}

/// Returns the number of connections between two members.
pub(crate) fn distance(one: u64, other: u64) -> u64 {
    let (one, other) = (Place::of(one), Place::of(other));
    match (one, other) {
        (Place::Path(one), Place::Path(other)) => one.abs_diff(other),
        (Place::Clique(one), Place::Clique(other)) => u64::from(one != other),
        _ => {
            let ((one, up), (other, down)) = (one.root(), other.root());
            let between = match (one, other) {
                (one, other) if one == other => 0,
                (0, _) | (_, 0) => 1,
                _ => 2,
            };
            up + between + down
        }
    }
}

/// Returns the degree as on the wire.
pub(crate) fn degree(viewer: u64, member: u64) -> Degree {
    match distance(viewer, member) {
        0 => Degree::Self_,
        1 => Degree::First,
        2 => Degree::Second,
        3 => Degree::Third,
        _ => Degree::OutOfNetwork,
    }
}

/// Returns all members, by id.
pub(crate) fn members() -> impl Iterator<Item = u64> {
    (HUB..=leaf(LEAVES))
        .chain(clique(1)..=clique(CLIQUE_MEMBERS))
        .chain(path(1)..=path(PATH_MEMBERS))
}

/// Returns all members at this distance, by id.
pub(crate) fn at_distance(viewer: u64, wanted: u64) -> Vec<u64> {
    members()
        .filter(|&member| distance(viewer, member) == wanted)
        .collect()
}

/// Returns the members who are connected to both, by id.
pub(crate) fn shared(one: u64, other: u64) -> Vec<u64> {
    members()
        .filter(|&member| distance(one, member) == 1 && distance(other, member) == 1)
        .collect()
}

#[test]
fn the_closed_form_is_that_of_the_rows() {
    for (one, other, expected) in [
        (HUB, leaf(5), 1),
        (leaf(1), leaf(2), 2),
        (leaf(1), path(3), 3),
        (HUB, path(3), 4),
        (leaf(2), clique(1), 1),
        (leaf(2), clique(7), 2),
        (HUB, clique(7), 3),
        (clique(7), path(2), 6),
        (clique(7), leaf(1), 4),
        (path(9), path(4), 5),
    ] {
        assert_eq!(
            (distance(one, other), distance(other, one)),
            (expected, expected),
            "{one}, {other}"
        );
    }
    assert_eq!(
        at_distance(HUB, 3).len(),
        1_000,
        "the clique but one, and the path's second"
    );
    assert_eq!(at_distance(leaf(5), 3), [clique(1), path(1)]);
    assert_eq!(shared(clique(3), clique(4)).len(), 998);
}
