//! A window of the log in the words of the graph, and in the words of profiles and search.

use crate::rpc::convert::time_from_wire;
use cloud_engine::{Graph, GraphChange, NodeIndex};
use cloud_model::{ConnectionTime, MemberId};
use cloud_proto::databus::v1::{Change, ConnectionAdded, ConnectionRemoved, change::Event};
use cloud_search::PeopleChange;
use databus::Window;
use std::collections::HashSet;

/// What the window says about the graph. A connection without a time has the window's.
///
/// A position says that its member exists, as a connection does of both ends: a source that sees one row at a time may
/// send either before the member itself.
pub(crate) fn graph_changes(window: &Window) -> Vec<GraphChange> {
    let commit_time = window
        .commit_time
        .as_ref()
        .map_or(ConnectionTime::UNKNOWN, time_from_wire);
    let pair = |member, other| Some((MemberId::new(member)?, MemberId::new(other)?));
    let change = |change: &Change| match change.event.as_ref()? {
        Event::MemberUpserted(event) => {
            MemberId::new(event.member.as_ref()?.member_id).map(GraphChange::MemberAdded)
        }
        Event::MemberRemoved(event) => {
            MemberId::new(event.member_id).map(GraphChange::MemberRemoved)
        }
        Event::PositionUpserted(event) => {
            MemberId::new(event.member_id).map(GraphChange::MemberAdded)
        }
        Event::PositionRemoved(_) => None,
        Event::ConnectionAdded(ConnectionAdded {
            member_id,
            other_id,
            connected_at,
        }) => {
            let (member, other) = pair(*member_id, *other_id)?;
            let time = connected_at.as_ref().map_or(commit_time, time_from_wire);
            Some(GraphChange::ConnectionAdded {
                member,
                other,
                time,
            })
        }
        Event::ConnectionRemoved(ConnectionRemoved {
            member_id,
            other_id,
        }) => {
            let (member, other) = pair(*member_id, *other_id)?;
            Some(GraphChange::ConnectionRemoved { member, other })
        }
    };
    window.changes.iter().filter_map(change).collect()
}

/// What the window says about profiles, in its order. `graph` knows every member that the window made.
///
/// `created` are the members that it made; none when that is not known (the graph was further than the profiles when
/// the server started), and then every member that the window says to exist is said to exist here too, which is as
/// right.
pub(crate) fn people_changes(
    window: Window,
    graph: &Graph,
    created: Option<&HashSet<MemberId>>,
) -> Vec<PeopleChange> {
    let node = |member_id| graph.known_node(MemberId::new(member_id)?);
    let mut changes = Vec::new();
    for event in window.changes.into_iter().filter_map(|change| change.event) {
        for member_id in members_implied(&event)
            .into_iter()
            .filter_map(MemberId::new)
        {
            if created.is_none_or(|created| created.contains(&member_id))
                && let Some(node) = graph.known_node(member_id)
            {
                changes.push(PeopleChange::MemberCreated { node, member_id });
            }
        }
        changes.extend(people_change(event, node));
    }
    changes
}

/// The members that exist because the event says something else of them.
fn members_implied(event: &Event) -> [u64; 2] {
    match event {
        Event::PositionUpserted(event) => [event.member_id, 0],
        Event::ConnectionAdded(event) if event.member_id != event.other_id => {
            [event.member_id, event.other_id]
        }
        _ => [0, 0],
    }
}

/// None for what says nothing about a profile, and for a member who never was.
fn people_change(event: Event, node: impl Fn(u64) -> Option<NodeIndex>) -> Option<PeopleChange> {
    match event {
        Event::MemberUpserted(event) => {
            let member = event.member?;
            Some(PeopleChange::MemberUpserted {
                node: node(member.member_id)?,
                member,
                fields: event.fields,
            })
        }
        Event::MemberRemoved(event) => Some(PeopleChange::MemberRemoved {
            node: node(event.member_id)?,
            member_id: MemberId::new(event.member_id)?,
        }),
        Event::PositionUpserted(event) => Some(PeopleChange::PositionUpserted {
            node: node(event.member_id)?,
            member_id: MemberId::new(event.member_id)?,
            position: event.position?,
            fields: event.fields,
        }),
        Event::PositionRemoved(event) => Some(PeopleChange::PositionRemoved {
            node: node(event.member_id)?,
            member_id: MemberId::new(event.member_id)?,
            position_id: event.position_id,
        }),
        Event::ConnectionAdded(_) | Event::ConnectionRemoved(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_site::{member, path_graph};
    use cloud_model::Scn;
    use cloud_proto::databus::v1::{
        Member, MemberRemoved, MemberUpserted, Position, PositionUpserted,
    };
    use prost_types::Timestamp;

    fn upserted(member_id: u64) -> Event {
        let member = Some(Member {
            member_id,
            ..Default::default()
        });
        Event::MemberUpserted(MemberUpserted {
            member,
            fields: None,
        })
    }

    fn removed(member_id: u64) -> Event {
        Event::MemberRemoved(MemberRemoved { member_id })
    }

    fn connected(member_id: u64, other_id: u64) -> Event {
        Event::ConnectionAdded(ConnectionAdded {
            member_id,
            other_id,
            connected_at: None,
        })
    }

    fn position(member_id: u64) -> Event {
        let position = Some(Position {
            position_id: 5,
            ..Default::default()
        });
        Event::PositionUpserted(PositionUpserted {
            member_id,
            position,
            fields: None,
        })
    }

    /// The window applied to a path of the members 1 to 3: one letter and the member for each change of profiles.
    fn check(events: Vec<Event>, expected: &str, expected_without_created: &str) {
        let mut writer = path_graph(3);
        let changes = events
            .into_iter()
            .map(|event| Change { event: Some(event) })
            .collect();
        let window = Window {
            changes,
            ..Window::default()
        };
        let applied = writer.apply(Scn::new(1), &graph_changes(&window)).unwrap();
        let graph = writer.version().graph();
        let created = applied
            .created
            .iter()
            .map(|created| created.member)
            .collect();
        let text = |created| {
            let changes = people_changes(window.clone(), &graph, created);
            let letter = |change: &PeopleChange| match change {
                PeopleChange::MemberUpserted { .. } => "U",
                PeopleChange::MemberCreated { .. } => "C",
                PeopleChange::MemberRemoved { .. } => "R",
                PeopleChange::PositionUpserted { .. } => "P",
                PeopleChange::PositionRemoved { .. } => "Q",
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

    #[test]
    fn a_connection_without_a_time_has_the_windows() {
        let changes = vec![Change {
            event: Some(connected(1, 2)),
        }];
        let commit_time = Some(Timestamp {
            seconds: 7,
            nanos: 0,
        });
        let window = Window {
            changes,
            commit_time,
            ..Window::default()
        };
        let time = ConnectionTime::from_millis(7000);
        let expected = GraphChange::ConnectionAdded {
            member: member(1),
            other: member(2),
            time,
        };
        assert_eq!(graph_changes(&window), [expected]);
    }
}
