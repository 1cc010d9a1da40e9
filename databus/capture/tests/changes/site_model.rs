//! The state of a site as plain maps of texts, and the changes applied to it one by one.

use std::collections::BTreeMap;

use cloud_proto::databus::v1::{
    Change, Member, Position, PositionKind, YearMonth,
    change::Event::{
        ConnectionAdded, ConnectionRemoved, MemberRemoved, MemberUpserted, PositionRemoved,
        PositionUpserted,
    },
};

/// The values of fields by path. An empty value is absent.
pub(crate) type Values = BTreeMap<String, String>;

/// The state of a site.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SiteModel {
    /// Members by id.
    pub(crate) members: BTreeMap<u64, Values>,
    /// Positions by the ids of the member and the position.
    pub(crate) positions: BTreeMap<(u64, u64), Values>,
    /// The times of connections, in seconds, by the smaller and the larger member id.
    pub(crate) connections: BTreeMap<(u64, u64), Option<i64>>,
}

impl SiteModel {
    /// Applies a change by its definition in `change.proto`.
    pub(crate) fn apply(&mut self, change: Change) {
        match change.event.expect("an event") {
            MemberUpserted(event) => {
                let member = event.member.expect("a member");
                let id = member.member_id;
                if event.existing_only && !self.members.contains_key(&id) {
                    return;
                }
                let values = self.members.entry(id).or_default();
                for path in event.fields.expect("a mask").paths {
                    set(values, &path, member_value(&member, &path));
                }
            }
            MemberRemoved(event) => {
                let id = event.member_id;
                self.members.remove(&id);
                self.positions.retain(|(member, _), _| *member != id);
                self.connections
                    .retain(|(one, other), _| *one != id && *other != id);
            }
            PositionUpserted(event) => {
                assert!(event.existing_only, "a mapping with positions has members");
                let position = event.position.expect("a position");
                if !self.members.contains_key(&event.member_id) {
                    return;
                }
                let key = (event.member_id, position.position_id);
                let values = self.positions.entry(key).or_default();
                for path in event.fields.expect("a mask").paths {
                    set(values, &path, position_value(&position, &path));
                }
            }
            PositionRemoved(event) => {
                let key = (event.member_id, event.position_id);
                self.positions.remove(&key);
            }
            ConnectionAdded(event) => {
                let ends = [event.member_id, event.other_id];
                if event.existing_only && !ends.iter().all(|id| self.members.contains_key(id)) {
                    return;
                }
                for id in ends {
                    self.members.entry(id).or_default();
                }
                // The epoch states that the time is unknown.
                let time = event.connected_at.map(|time| time.seconds);
                let time = time.filter(|seconds| *seconds != 0);
                self.connections.insert(pair(ends[0], ends[1]), time);
            }
            ConnectionRemoved(event) => {
                let key = pair(event.member_id, event.other_id);
                self.connections.remove(&key);
            }
        }
    }
}

pub(crate) fn pair(one: u64, other: u64) -> (u64, u64) {
    (one.min(other), one.max(other))
}

/// Sets a value. An empty one is absent.
pub(crate) fn set(values: &mut Values, path: &str, value: String) {
    values.remove(path);
    if !value.is_empty() {
        values.insert(path.to_owned(), value);
    }
}

fn member_value(member: &Member, path: &str) -> String {
    let attribute = |name: &str| member.attributes.get(name).cloned().unwrap_or_default();
    match path.split_once('.') {
        Some(("attributes", name)) => return attribute(name),
        Some(_) => panic!("no field {path}"),
        None => {}
    }
    match path {
        "given_name" => member.given_name.clone(),
        "family_name" => member.family_name.clone(),
        "display_name" => member.display_name.clone(),
        "headline" => member.headline.clone(),
        "place" => member.place.clone(),
        "summary" => member.summary.clone(),
        "skills" => member.skills.join(";"),
        "key" => member.key.clone(),
        _ => panic!("no field {path}"),
    }
}

fn position_value(position: &Position, path: &str) -> String {
    let month = |date: Option<YearMonth>| {
        let text = date.map(|date| format!("{:04}-{:02}", date.year, date.month));
        text.unwrap_or_default()
    };
    match path {
        "kind" if position.kind() == PositionKind::Work => "work".to_owned(),
        "kind" if position.kind() == PositionKind::Education => "education".to_owned(),
        "title" => position.title.clone(),
        "organisation" => position.organisation.clone(),
        "from" => month(position.from),
        "to" => month(position.to),
        "current" if position.current => "true".to_owned(),
        "current" => String::new(),
        _ => panic!("no value of {path}"),
    }
}
