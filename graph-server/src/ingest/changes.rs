//! Translates a window of the log into changes of the graph, and of profiles and search.

use cloud_engine::{Graph, GraphChange};
use cloud_model::{ConnectionTime, MemberId};
use cloud_profile::{Change, time_from_proto};
use cloud_search::ProfileChange;
use databus::Window;
use std::collections::HashSet;

/// Returns the window's changes to the graph. A connection without a time gets the window's commit
/// time.
///
/// A position creates its member, as a connection creates both ends. A source that sees one row at
/// a time may send either of them before the member itself. A change of existing members only
/// creates none.
pub(crate) fn graph_changes(window: &Window<Change>) -> Vec<GraphChange> {
    let commit_time = window
        .commit_time
        .as_ref()
        .map_or(ConnectionTime::UNKNOWN, time_from_proto);
    let mut changes = Vec::with_capacity(window.changes.len());
    for change in &window.changes {
        changes.push(match *change {
            Change::MemberUpserted {
                member_id,
                existing_only,
                ..
            }
            | Change::PositionUpserted {
                member_id,
                existing_only,
                ..
            } => match existing_only {
                true => GraphChange::MemberNamed(member_id),
                false => GraphChange::MemberAdded(member_id),
            },
            Change::MemberRemoved { member_id } => GraphChange::MemberRemoved(member_id),
            Change::PositionRemoved { .. } => continue,
            Change::ConnectionAdded {
                member_id,
                other_id,
                time,
                existing_only,
            } => GraphChange::ConnectionAdded {
                member: member_id,
                other: other_id,
                time: time.unwrap_or(commit_time),
                existing_only,
            },
            Change::ConnectionRemoved {
                member_id,
                other_id,
            } => GraphChange::ConnectionRemoved {
                member: member_id,
                other: other_id,
            },
        });
    }
    changes
}

/// Returns the window's changes to profiles, in their order. `graph` already holds every member
/// that the window creates.
///
/// `created` are the members that the window created. It is `None` if they are not known: the graph
/// was ahead of the profiles when the server started. Every member that the window implies is then
/// reported as created, which has the same result.
pub(crate) fn profile_changes(
    window: Vec<Change>,
    graph: &Graph,
    created: Option<&HashSet<MemberId>>,
) -> Vec<ProfileChange> {
    let mut changes = Vec::new();
    for change in window {
        for member_id in members_implied(&change).into_iter().flatten() {
            if created.is_none_or(|created| created.contains(&member_id))
                && let Some(node) = graph.known_node(member_id)
            {
                changes.push(ProfileChange::MemberCreated { node, member_id });
            }
        }
        changes.extend(profile_change(change, graph));
    }
    changes
}

/// Returns the members whose existence the change implies without being a change of the member
/// itself.
fn members_implied(change: &Change) -> [Option<MemberId>; 2] {
    match *change {
        Change::PositionUpserted {
            member_id,
            existing_only: false,
            ..
        } => [Some(member_id), None],
        Change::ConnectionAdded {
            member_id,
            other_id,
            existing_only: false,
            ..
        } if member_id != other_id => [Some(member_id), Some(other_id)],
        _ => [None, None],
    }
}

/// Returns the change to a profile. `None` for a connection, and for a member who never existed.
fn profile_change(change: Change, graph: &Graph) -> Option<ProfileChange> {
    match change {
        Change::MemberUpserted {
            member_id,
            member,
            fields,
            existing_only,
        } => Some(ProfileChange::MemberUpserted {
            node: graph.known_node(member_id)?,
            member_id,
            values: member,
            fields,
            existing_only,
        }),
        Change::MemberRemoved { member_id } => Some(ProfileChange::MemberRemoved {
            node: graph.known_node(member_id)?,
            member_id,
        }),
        Change::PositionUpserted {
            member_id,
            position,
            fields,
            ..
        } => Some(ProfileChange::PositionUpserted {
            node: graph.known_node(member_id)?,
            member_id,
            position,
            fields,
        }),
        Change::PositionRemoved {
            member_id,
            position_id,
        } => Some(ProfileChange::PositionRemoved {
            node: graph.known_node(member_id)?,
            member_id,
            position_id,
        }),
        Change::ConnectionAdded { .. } | Change::ConnectionRemoved { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_site::{member, path_graph};
    use cloud_model::Scn;
    use cloud_profile::Mask;
    use cloud_proto::databus::v1::{Member, Position};
    use prost_types::Timestamp;

    fn upserted(id: u64) -> Change {
        let values = Member {
            member_id: id,
            ..Default::default()
        };
        Change::MemberUpserted {
            existing_only: false,
            member_id: member(id),
            member: Box::new(values),
            fields: Mask::all(),
        }
    }

    fn removed(id: u64) -> Change {
        Change::MemberRemoved {
            member_id: member(id),
        }
    }

    fn connected(id: u64, other: u64) -> Change {
        Change::ConnectionAdded {
            existing_only: false,
            member_id: member(id),
            other_id: member(other),
            time: None,
        }
    }

    fn position(id: u64) -> Change {
        let position = Position {
            position_id: 5,
            ..Default::default()
        };
        Change::PositionUpserted {
            existing_only: false,
            member_id: member(id),
            position: Box::new(position),
            fields: Mask::all(),
        }
    }

    fn window(changes: Vec<Change>, commit_time: Option<Timestamp>) -> Window<Change> {
        Window {
            source_id: String::new(),
            source_offset: 0,
            commit_time,
            changes,
        }
    }

    /// Applies the window to a path of the members 1 to 3. The texts hold a letter and the member
    /// for each change of profiles.
    fn check(changes: Vec<Change>, expected: &str, expected_without_created: &str) {
        let mut writer = path_graph(3);
        let window = window(changes, None);
        let applied = writer.apply(Scn::new(1), &graph_changes(&window)).unwrap();
        let graph = writer.version().graph();
        let created = applied
            .created
            .iter()
            .map(|created| created.member)
            .collect();
        let text = |created| {
            let changes = profile_changes(window.changes.clone(), &graph, created);
            let letter = |change: &ProfileChange| match change {
                ProfileChange::MemberUpserted { .. } => "U",
                ProfileChange::MemberCreated { .. } => "C",
                ProfileChange::MemberRemoved { .. } => "R",
                ProfileChange::PositionUpserted { .. } => "P",
                ProfileChange::PositionRemoved { .. } => "Q",
            };
            let text = |change| format!("{}{}", letter(change), graph.member(change.node()));
            changes.iter().map(text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(Some(&created)), expected);
        assert_eq!(text(None), expected_without_created);
    }

    #[test]
    fn members_come_and_go_in_the_windows_order() {
        check(vec![connected(1, 3)], "", "C1 C3");
        check(vec![connected(1, 9)], "C9", "C1 C9");
        check(vec![connected(9, 9)], "", "");
        check(vec![upserted(9), position(9)], "U9 C9 P9", "U9 C9 P9");
        check(vec![position(9), upserted(9)], "C9 P9 U9", "C9 P9 U9");
        check(vec![removed(2), connected(2, 3)], "R2 C2", "R2 C2 C3");
        check(vec![connected(2, 9), removed(9)], "C9 R9", "C2 C9 R9");
        check(vec![removed(9)], "", "");
    }

    fn of_existing_only(change: Change) -> Change {
        let mut change = change;
        match &mut change {
            Change::MemberUpserted { existing_only, .. }
            | Change::PositionUpserted { existing_only, .. }
            | Change::ConnectionAdded { existing_only, .. } => *existing_only = true,
            Change::MemberRemoved { .. }
            | Change::PositionRemoved { .. }
            | Change::ConnectionRemoved { .. } => {}
        }
        change
    }

    #[test]
    fn changes_of_existing_members_create_none() {
        let only = |change| of_existing_only(change);
        check(vec![only(connected(1, 9))], "", "");
        check(vec![only(upserted(9))], "", "");
        check(vec![only(upserted(2)), only(position(2))], "U2 P2", "U2 P2");
        // The member exists from the second change on. Profiles drop the first by themselves.
        check(vec![only(position(9)), upserted(9)], "P9 U9", "P9 U9");
        check(vec![upserted(9), only(connected(1, 9))], "U9", "U9");
        check(vec![removed(2), only(connected(2, 3))], "R2", "R2");
        let window = window(
            vec![only(connected(1, 9)), only(upserted(9)), only(position(2))],
            None,
        );
        let mut writer = path_graph(3);
        let applied = writer.apply(Scn::new(1), &graph_changes(&window)).unwrap();
        assert_eq!((applied.not_existing, applied.created.len()), (2, 0));
    }

    #[test]
    fn a_connection_without_a_time_has_the_windows() {
        let commit_time = Some(Timestamp {
            seconds: 7,
            nanos: 0,
        });
        let window = window(vec![connected(1, 2)], commit_time);
        let time = ConnectionTime::from_millis(7000);
        let expected = GraphChange::ConnectionAdded {
            existing_only: false,
            member: member(1),
            other: member(2),
            time,
        };
        assert_eq!(graph_changes(&window), [expected]);
    }
}
