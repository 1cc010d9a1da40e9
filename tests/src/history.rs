//! Generates random sites and random windows of changes from a seed.

use cloud_client::Window;
use cloud_proto::databus::v1::change::Event;
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, Member, MemberRemoved, MemberUpserted, Position,
    PositionKind, PositionRemoved, PositionUpserted, WindowPart,
};
use prost_types::{FieldMask, Timestamp};
use rand::seq::IndexedRandom as _;
use rand::{Rng, RngCore};

use crate::model::Model;

/// The shape of the first connections of a site.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// No connections.
    Empty,
    /// Each pair is connected with the same probability.
    Uniform,
    /// New members connect to members who already have many connections.
    PreferentialAttachment,
    /// One member is connected to all others.
    Star,
    /// Every member is connected to every other.
    Clique,
    /// Each member is connected to the next.
    Path,
}

const WORDS: [&str; 12] = [
    "engineer", "designer", "nurse", "pilot", "Teacher", "analyst", "writer", "cook", "lawyer",
    "Farmer", "baker", "driver",
];

/// Generates members with sparse 64-bit ids, profiles of few words, and connections of a shape.
pub fn site(shape: Shape, members: usize, random: &mut impl Rng) -> Model {
    let mut model = Model::default();
    let mut ids: Vec<u64> = Vec::new();
    while ids.len() < members {
        let narrow = random.random_range(0..60_u32);
        let id = random.random_range(1..=u64::MAX >> narrow);
        if model.member(id).is_none() {
            let state = model.add_member(id);
            state.profile = profile(id, random);
            if random.random_bool(0.6) {
                let position = position(random);
                state.positions.insert(position.position_id, position);
            }
            ids.push(id);
        }
    }
    let time = |random: &mut dyn RngCore| {
        if random.random_bool(0.1) {
            0
        } else {
            random.random_range(1..2_000_000_000_000)
        }
    };
    match shape {
        Shape::Empty => {}
        Shape::Uniform => {
            for _ in 0..members * 2 {
                connect(
                    &mut model,
                    *pick(&ids, random),
                    *pick(&ids, random),
                    time(random),
                );
            }
        }
        Shape::PreferentialAttachment => {
            let mut ends = vec![ids[0]];
            for id in &ids[1..] {
                for _ in 0..2 {
                    let other = *pick(&ends, random);
                    if other != *id {
                        connect(&mut model, *id, other, time(random));
                        ends.extend([*id, other]);
                    }
                }
            }
        }
        Shape::Star => ids[1..]
            .iter()
            .for_each(|id| connect(&mut model, ids[0], *id, time(random))),
        Shape::Clique => {
            for (at, id) in ids.iter().enumerate() {
                ids[..at]
                    .iter()
                    .for_each(|other| connect(&mut model, *id, *other, time(random)));
            }
        }
        Shape::Path => ids
            .windows(2)
            .for_each(|pair| connect(&mut model, pair[0], pair[1], time(random))),
    }
    model
}

/// Generates a window of one to eight changes of the members in `ids`, some of whom may not exist.
pub fn window(ids: &[u64], random: &mut impl Rng) -> WindowPart {
    let count = random.random_range(1..=8);
    WindowPart {
        commit_time: Some(Timestamp {
            seconds: random.random_range(1_000_000..2_000_000_000),
            nanos: 250_000_000,
        }),
        last: true,
        changes: (0..count).map(|_| change(ids, random)).collect(),
        ..Default::default()
    }
}

/// Converts a window to the form that the client publishes.
pub fn to_publish(part: WindowPart) -> Window {
    Window {
        source_id: part.source_id,
        source_offset: part.source_offset,
        commit_time: part.commit_time,
        changes: part.changes,
    }
}

fn change(ids: &[u64], random: &mut impl Rng) -> Change {
    let member_id = *pick(ids, random);
    let other_id = loop {
        let other = *pick(ids, random);
        if other != member_id {
            break other;
        }
    };
    let event = match random.random_range(0..100) {
        0..45 => Event::ConnectionAdded(ConnectionAdded {
            existing_only: random.random_bool(0.2),
            member_id,
            other_id,
            connected_at: random.random_bool(0.7).then(|| Timestamp {
                seconds: random.random_range(1..2_000_000_000),
                nanos: random.random_range(0..1000) * 1_000_000,
            }),
        }),
        45..75 => Event::ConnectionRemoved(ConnectionRemoved {
            member_id,
            other_id,
        }),
        75..80 => Event::MemberRemoved(MemberRemoved { member_id }),
        80..85 => Event::MemberUpserted(MemberUpserted {
            existing_only: random.random_bool(0.2),
            member: Some(profile(member_id, random)),
            fields: None,
        }),
        85..90 => Event::MemberUpserted(MemberUpserted {
            existing_only: random.random_bool(0.2),
            member: Some(profile(member_id, random)),
            fields: Some(FieldMask {
                paths: ["headline", "skills", "attributes.team", "attributes.floor"]
                    .map(String::from)
                    .into(),
            }),
        }),
        90..97 => Event::PositionUpserted(PositionUpserted {
            existing_only: random.random_bool(0.2),
            member_id,
            position: Some(position(random)),
            fields: None,
        }),
        _ => Event::PositionRemoved(PositionRemoved {
            member_id,
            position_id: random.random_range(1..4),
        }),
    };
    Change {
        skippable: false,
        event: Some(event),
    }
}

fn profile(member_id: u64, random: &mut impl Rng) -> Member {
    let given_name = word(random);
    let family_name = word(random);
    Member {
        attributes: ["team", "floor", "mentor"]
            .into_iter()
            .filter_map(|name| {
                let has = random.random_bool(0.5);
                has.then(|| (name.to_owned(), word(random)))
            })
            .collect(),
        key: format!("key-{member_id}"),
        member_id,
        display_name: format!("{given_name} {family_name}"),
        given_name,
        family_name,
        headline: format!("{} and {}", word(random), word(random)),
        place: word(random),
        region: word(random),
        country: word(random),
        industry: word(random),
        summary: format!("{} {} {}", word(random), word(random), word(random)),
        skills: (0..random.random_range(0..3))
            .map(|_| word(random))
            .collect(),
    }
}

fn position(random: &mut impl Rng) -> Position {
    Position {
        position_id: random.random_range(1..4),
        kind: PositionKind::Work.into(),
        organisation: format!("{} works", word(random)),
        title: format!("senior {}", word(random)),
        current: true,
        ..Default::default()
    }
}

fn connect(model: &mut Model, a: u64, b: u64, time: u64) {
    if a != b {
        model.connect(a, b, time);
    }
}

fn word(random: &mut impl Rng) -> String {
    (*pick(&WORDS, random)).to_owned()
}

fn pick<'a, T>(items: &'a [T], random: &mut impl Rng) -> &'a T {
    items.choose(random).expect("not empty")
}
