//! The oracle: a site at one moment as plain maps, which answers requests by plain search.
//!
//! It takes the same changes as the site under test.

use std::collections::{BTreeMap, BTreeSet};

use cloud_proto::cloud::v1::Degree;
use cloud_proto::databus::v1::change::Event;
use cloud_proto::databus::v1::{Change, Member, Position, WindowPart};
use prost_types::Timestamp;

/// Every member of a site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    members: BTreeMap<u64, MemberState>,
}

/// One member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberState {
    /// The member's own fields.
    pub profile: Member,
    /// The positions by position id.
    pub positions: BTreeMap<u64, Position>,
    /// The connected members, and the times of the connections in ms since 1970, 0 if unknown.
    pub connections: BTreeMap<u64, u64>,
}

impl Model {
    /// Returns the members by id.
    pub fn members(&self) -> impl Iterator<Item = (u64, &MemberState)> {
        self.members.iter().map(|(id, member)| (*id, member))
    }

    /// Returns one member.
    pub fn member(&self, id: u64) -> Option<&MemberState> {
        self.members.get(&id)
    }

    /// Adds the member if it does not exist, and returns it.
    pub fn add_member(&mut self, id: u64) -> &mut MemberState {
        self.members.entry(id).or_insert_with(|| MemberState {
            profile: Member {
                member_id: id,
                ..Default::default()
            },
            ..Default::default()
        })
    }

    /// Adds both members if they do not exist, and connects them.
    pub fn connect(&mut self, a: u64, b: u64, time: u64) {
        assert_ne!(a, b, "a member is not connected to itself");
        self.add_member(a).connections.insert(b, time);
        self.add_member(b).connections.insert(a, time);
    }

    /// Applies the changes of a window as it was logged.
    pub fn apply_window(&mut self, window: &WindowPart) {
        let commit_time = window.commit_time.as_ref().map_or(0, milliseconds);
        for change in &window.changes {
            self.apply(change, commit_time);
        }
    }

    /// Applies one change of a window committed at `commit_time` (ms).
    pub fn apply(&mut self, change: &Change, commit_time: u64) {
        if self.is_about_no_member(change) {
            return;
        }
        match change.event.as_ref().expect("a change has an event") {
            Event::MemberUpserted(upsert) => {
                let member = upsert.member.as_ref().expect("a member");
                let state = self.add_member(member.member_id);
                match &upsert.fields {
                    None => state.profile = member.clone(),
                    Some(mask) => {
                        for path in &mask.paths {
                            copy_field(&mut state.profile, member, path);
                        }
                    }
                }
            }
            Event::MemberRemoved(removal) => {
                if let Some(state) = self.members.remove(&removal.member_id) {
                    for other in state.connections.keys() {
                        self.members
                            .get_mut(other)
                            .expect("connections are mutual")
                            .connections
                            .remove(&removal.member_id);
                    }
                }
            }
            Event::PositionUpserted(upsert) => {
                assert!(
                    upsert.fields.is_none(),
                    "the histories made here name no fields of positions"
                );
                let position = upsert.position.clone().expect("a position");
                self.add_member(upsert.member_id)
                    .positions
                    .insert(position.position_id, position);
            }
            Event::PositionRemoved(removal) => {
                if let Some(state) = self.members.get_mut(&removal.member_id) {
                    state.positions.remove(&removal.position_id);
                }
            }
            Event::ConnectionAdded(added) => {
                let time = added.connected_at.as_ref();
                let time = time.map_or(commit_time, milliseconds);
                self.connect(added.member_id, added.other_id, time);
            }
            Event::ConnectionRemoved(removed) => {
                for (one, other) in [
                    (removed.member_id, removed.other_id),
                    (removed.other_id, removed.member_id),
                ] {
                    if let Some(state) = self.members.get_mut(&one) {
                        state.connections.remove(&other);
                    }
                }
            }
        }
    }

    /// Returns whether a change of existing members only names one that does not exist.
    fn is_about_no_member(&self, change: &Change) -> bool {
        let (existing_only, members) = match change.event.as_ref().expect("a change has an event") {
            Event::MemberUpserted(upsert) => {
                let member = upsert.member.as_ref().expect("a member");
                (upsert.existing_only, vec![member.member_id])
            }
            Event::PositionUpserted(upsert) => (upsert.existing_only, vec![upsert.member_id]),
            Event::ConnectionAdded(added) => {
                (added.existing_only, vec![added.member_id, added.other_id])
            }
            Event::MemberRemoved(_) | Event::PositionRemoved(_) | Event::ConnectionRemoved(_) => {
                (false, Vec::new())
            }
        };
        existing_only && !members.iter().all(|id| self.members.contains_key(id))
    }

    /// Returns the distances in connections from the viewer, by breadth-first search. Members who
    /// are not reachable are absent.
    pub fn distances(&self, viewer: u64) -> BTreeMap<u64, usize> {
        let mut distances = BTreeMap::from([(viewer, 0)]);
        let mut frontier = vec![viewer];
        for distance in 1.. {
            let mut next = Vec::new();
            for other in frontier
                .iter()
                .flat_map(|member| self.members[member].connections.keys())
            {
                if !distances.contains_key(other) {
                    distances.insert(*other, distance);
                    next.push(*other);
                }
            }
            if next.is_empty() {
                break;
            }
            frontier = next;
        }
        distances
    }

    /// Returns the degree of a member as on the wire.
    pub fn degree(&self, distances: &BTreeMap<u64, usize>, member: u64) -> Degree {
        match distances.get(&member) {
            _ if !self.members.contains_key(&member) => Degree::Unknown,
            Some(0) => Degree::Self_,
            Some(1) => Degree::First,
            Some(2) => Degree::Second,
            Some(3) => Degree::Third,
            _ => Degree::OutOfNetwork,
        }
    }

    /// Returns the members who are connected to both.
    pub fn shared(&self, a: u64, b: u64) -> BTreeSet<u64> {
        let connections = |id| {
            self.members
                .get(&id)
                .map(|member| member.connections.keys().copied().collect())
        };
        let (a, b): (BTreeSet<u64>, BTreeSet<u64>) = (
            connections(a).unwrap_or_default(),
            connections(b).unwrap_or_default(),
        );
        a.intersection(&b).copied().collect()
    }

    /// Returns the path that the wire names: the smallest of the shortest paths of at most 3
    /// connections. Paths are compared by id from the member's end backwards.
    pub fn path(&self, distances: &BTreeMap<u64, usize>, member: u64) -> Vec<u64> {
        let Some(distance) = distances
            .get(&member)
            .copied()
            .filter(|distance| *distance <= 3)
        else {
            return Vec::new();
        };
        let mut path = vec![member];
        for step in (0..distance).rev() {
            let last = path[path.len() - 1];
            let before = self.members[&last]
                .connections
                .keys()
                .find(|other| distances.get(other) == Some(&step));
            path.push(*before.expect("a shortest path has a member at each distance"));
        }
        path.reverse();
        path
    }

    /// Returns all shortest paths to the member, ordered by ids from the member's end backwards.
    pub fn paths(&self, distances: &BTreeMap<u64, usize>, member: u64) -> Vec<Vec<u64>> {
        let Some(distance) = distances.get(&member) else {
            return Vec::new();
        };
        let mut paths = vec![vec![member]];
        for step in (0..*distance).rev() {
            let longer = |path: Vec<u64>| {
                let others = self.members[&path[path.len() - 1]].connections.keys();
                others
                    .filter(|other| distances.get(other) == Some(&step))
                    .map(|other| [path.as_slice(), &[*other]].concat())
                    .collect::<Vec<_>>()
            };
            paths = paths.into_iter().flat_map(longer).collect();
        }
        paths.sort();
        paths.iter_mut().for_each(|path| path.reverse());
        paths
    }

    /// Returns the members at 2nd degree and the number of connections that each shares with the
    /// viewer. Most come first, then by id.
    pub fn suggestions(&self, viewer: u64) -> Vec<(u64, u32)> {
        let second = self.distances(viewer).into_iter();
        let mut suggestions: Vec<(u64, u32)> = second
            .filter(|(_, distance)| *distance == 2)
            .map(|(member, _)| (member, self.shared(viewer, member).len() as u32))
            .collect();
        suggestions.sort_by_key(|(member, shared)| (std::cmp::Reverse(*shared), *member));
        suggestions
    }

    /// Returns the connections newest first, then by id, as ListConnections does.
    pub fn recent(&self, member: u64) -> Vec<(u64, u64)> {
        let mut connections: Vec<(u64, u64)> = self.members[&member]
            .connections
            .iter()
            .map(|(other, time)| (*other, *time))
            .collect();
        connections.sort_by_key(|(other, time)| (std::cmp::Reverse(*time), *other));
        connections
    }

    /// Returns the members with this word (lower-case ASCII) in one of the fields that a word
    /// without a field is searched in.
    pub fn with_word(&self, word: &str) -> BTreeSet<u64> {
        let has = |text: &str| {
            text.split(' ')
                .any(|token| token.eq_ignore_ascii_case(word))
        };
        let matches = |member: &MemberState| {
            let profile = &member.profile;
            [
                &profile.given_name,
                &profile.family_name,
                &profile.display_name,
                &profile.headline,
            ]
            .into_iter()
            .any(|text| has(text))
                || profile.skills.iter().any(|skill| has(skill))
                || member
                    .positions
                    .values()
                    .any(|position| has(&position.title) || has(&position.organisation))
        };
        self.members()
            .filter(|(_, member)| matches(member))
            .map(|(id, _)| id)
            .collect()
    }

    /// Returns the members with this word in a position's title.
    pub fn with_title(&self, word: &str) -> BTreeSet<u64> {
        let has = |position: &Position| {
            position
                .title
                .split(' ')
                .any(|token| token.eq_ignore_ascii_case(word))
        };
        self.members()
            .filter(|(_, member)| member.positions.values().any(has))
            .map(|(id, _)| id)
            .collect()
    }
}

/// Returns a time in ms since 1970.
fn milliseconds(time: &Timestamp) -> u64 {
    let milliseconds = time.seconds * 1000 + i64::from(time.nanos) / 1_000_000;
    u64::try_from(milliseconds).expect("after 1970")
}

fn copy_field(to: &mut Member, from: &Member, path: &str) {
    match path {
        "given_name" => to.given_name.clone_from(&from.given_name),
        "family_name" => to.family_name.clone_from(&from.family_name),
        "display_name" => to.display_name.clone_from(&from.display_name),
        "headline" => to.headline.clone_from(&from.headline),
        "place" => to.place.clone_from(&from.place),
        "region" => to.region.clone_from(&from.region),
        "country" => to.country.clone_from(&from.country),
        "industry" => to.industry.clone_from(&from.industry),
        "summary" => to.summary.clone_from(&from.summary),
        "skills" => to.skills.clone_from(&from.skills),
        _ => match path.strip_prefix("attributes.") {
            Some(name) => {
                let text = from.attributes.get(name).cloned();
                match text {
                    Some(text) => to.attributes.insert(name.to_owned(), text),
                    None => to.attributes.remove(name),
                };
            }
            None => panic!("no field {path}"),
        },
    }
}
