//! The differences of two snapshots, as changes that make one of the other.

use std::{cmp::Ordering, collections::HashMap};

use cloud_engine::{FileError, NodeIndex};
use cloud_model::MemberId;
use cloud_profile::{ProfileRecord, time_to_proto};
use cloud_proto::databus::v1::{
    ConnectionAdded, ConnectionRemoved, MemberRemoved, MemberUpserted, PositionRemoved,
    PositionUpserted, change::Event,
};

use crate::{
    reconcile::{error::ReconcileError, reconciled::DifferenceCounts},
    snapshot_content::SnapshotContent,
};

/// A member with its nodes in the two snapshots. It has at least one.
struct Compared {
    id: MemberId,
    before: Option<NodeIndex>,
    after: Option<NodeIndex>,
}

/// The parts of a site that a core database states, besides connections.
#[derive(Clone, Copy)]
pub(super) struct Stated {
    /// Members and positions.
    pub(super) members: bool,
    /// The times of connections, those that are unknown among them.
    pub(super) times: bool,
}

/// Passes the changes that make `after` of `before` to `take`: members and positions first, then
/// connections. What the database does not state stays as it is.
///
/// O(members + positions + connections), without the sorting of the connections of each member.
pub(super) fn for_each_difference(
    before: &SnapshotContent,
    after: &SnapshotContent,
    stated: Stated,
    mut take: impl FnMut(Event) -> Result<(), ReconcileError>,
) -> Result<DifferenceCounts, ReconcileError> {
    let mut counts = DifferenceCounts::default();
    let mut events = Vec::new();
    if stated.members {
        for member in members_of_both(before, after) {
            compare_profiles(&member, before, after, &mut events, &mut counts)?;
            events.drain(..).try_for_each(&mut take)?;
        }
    }
    for member in members_of_both(before, after) {
        let removes_with_member = stated.members && member.after.is_none();
        if !removes_with_member {
            compare_connections(&member, before, after, stated, &mut events, &mut counts)?;
            events.drain(..).try_for_each(&mut take)?;
        }
    }
    Ok(counts)
}

/// Returns the members of both snapshots, in the order of their ids.
fn members_of_both<'a>(
    before: &'a SnapshotContent,
    after: &'a SnapshotContent,
) -> impl Iterator<Item = Compared> + 'a {
    let members = |content: &'a SnapshotContent| {
        let nodes = content.nodes.iter();
        nodes
            .map(|node| (content.graph.member(*node), *node))
            .peekable()
    };
    let (mut before, mut after) = (members(before), members(after));
    std::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((one, _)), Some((other, _))) => one.cmp(other),
        };
        let one = order.is_le().then(|| before.next()).flatten();
        let other = order.is_ge().then(|| after.next()).flatten();
        let (id, _) = one.or(other)?;
        Some(Compared {
            id,
            before: one.map(|(_, node)| node),
            after: other.map(|(_, node)| node),
        })
    })
}

fn compare_profiles(
    member: &Compared,
    before: &SnapshotContent,
    after: &SnapshotContent,
    events: &mut Vec<Event>,
    counts: &mut DifferenceCounts,
) -> Result<(), FileError> {
    let member_id = member.id.get();
    let Some(node) = member.after else {
        counts.members_removed += 1;
        events.push(Event::MemberRemoved(MemberRemoved { member_id }));
        return Ok(());
    };
    let after = after.profile(node)?;
    let before = match member.before {
        None => ProfileRecord::default(),
        Some(node) => before.profile(node)?,
    };
    let mut positions: HashMap<u64, _> = before
        .positions
        .into_iter()
        .map(|position| (position.position_id, position))
        .collect();
    let mut stated = after.positions;
    stated.retain(|position| positions.remove(&position.position_id).as_ref() != Some(position));
    counts.positions_stated += stated.len() as u64;
    // What is removed comes first, so that the profile stays within its bounds.
    for (position_id, _) in positions {
        counts.positions_removed += 1;
        events.push(Event::PositionRemoved(PositionRemoved {
            member_id,
            position_id,
        }));
    }
    if before.member != after.member {
        match member.before {
            None => counts.members_added += 1,
            Some(_) => counts.members_changed += 1,
        }
        events.push(Event::MemberUpserted(MemberUpserted {
            member: after.member,
            fields: None,
            existing_only: false,
        }));
    }
    events.extend(stated.into_iter().map(|position| {
        Event::PositionUpserted(PositionUpserted {
            member_id,
            position: Some(position),
            fields: None,
            existing_only: false,
        })
    }));
    Ok(())
}

fn compare_connections(
    member: &Compared,
    before: &SnapshotContent,
    after: &SnapshotContent,
    stated: Stated,
    events: &mut Vec<Event>,
    counts: &mut DifferenceCounts,
) -> Result<(), FileError> {
    let above = |content: &SnapshotContent, node: Option<NodeIndex>| match node {
        None => Ok(Vec::new()),
        Some(node) => content.connections_above(node),
    };
    let member_id = member.id.get();
    let earlier = above(before, member.before)?;
    let later = above(after, member.after)?;
    for (other, _) in &earlier {
        let is_gone = later
            .binary_search_by_key(other, |(other, _)| *other)
            .is_err();
        // A removed member takes its connections along.
        if is_gone && (!stated.members || after.graph.node(*other).is_some()) {
            counts.connections_removed += 1;
            events.push(Event::ConnectionRemoved(ConnectionRemoved {
                member_id,
                other_id: other.get(),
            }));
        }
    }
    for (other, time) in later {
        let found = earlier.binary_search_by_key(&other, |(other, _)| *other);
        let known = found.ok().and_then(|index| earlier.get(index));
        let has_time = time.is_known() || stated.times;
        let is_stated = known.is_none_or(|(_, known)| has_time && time != *known);
        if is_stated {
            counts.connections_stated += 1;
            events.push(Event::ConnectionAdded(ConnectionAdded {
                member_id,
                other_id: other.get(),
                connected_at: has_time.then(|| time_to_proto(time)),
                existing_only: false,
            }));
        }
    }
    Ok(())
}
