//! Changes drawn at random: connections between members of the site, and new headlines.

use std::sync::Arc;

use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, Member, MemberUpserted, change::Event,
};
use prost_types::{FieldMask, Timestamp};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// When all drawn connections are made: 2026 began then.
const CONNECTED_AT_SECONDS: i64 = 1_767_225_600;

/// Draws changes of a site's members, all alike likely.
#[derive(Clone, Debug)]
pub struct RandomChanges {
    member_ids: Arc<[u64]>,
    random: ChaCha8Rng,
}

impl RandomChanges {
    /// The same members and seed give the same changes.
    pub fn new(member_ids: Arc<[u64]>, seed: u64) -> Self {
        Self {
            member_ids,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Another one of the same members, that draws other changes.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self {
            member_ids: self.member_ids.clone(),
            random: ChaCha8Rng::from_rng(&mut self.random),
        }
    }

    /// A member.
    pub fn member(&mut self) -> u64 {
        let position = self.random.random_range(0..self.member_ids.len().max(1));
        self.member_ids.get(position).copied().unwrap_or(1)
    }

    /// Two different members.
    pub fn pair(&mut self) -> (u64, u64) {
        let member = self.member();
        loop {
            let other = self.member();
            if other != member || self.member_ids.len() < 2 {
                return (member, other);
            }
        }
    }

    /// The two are connected.
    pub fn connected(member_id: u64, other_id: u64) -> Change {
        let connected_at = Some(Timestamp {
            seconds: CONNECTED_AT_SECONDS,
            nanos: 0,
        });
        Change {
            event: Some(Event::ConnectionAdded(ConnectionAdded {
                member_id,
                other_id,
                connected_at,
            })),
        }
    }

    /// The two are not connected.
    pub fn disconnected(member_id: u64, other_id: u64) -> Change {
        Change {
            event: Some(Event::ConnectionRemoved(ConnectionRemoved {
                member_id,
                other_id,
            })),
        }
    }

    /// A connection between two members.
    pub fn connection(&mut self) -> Change {
        let (member, other) = self.pair();
        Self::connected(member, other)
    }

    /// A member's headline is another.
    pub fn headline(&mut self, headline: String) -> Change {
        let member_id = self.member();
        upserted(
            Member {
                member_id,
                headline,
                ..Default::default()
            },
            "headline",
        )
    }

    /// This member's summary is another.
    pub fn summary(member_id: u64, summary: String) -> Change {
        upserted(
            Member {
                member_id,
                summary,
                ..Default::default()
            },
            "summary",
        )
    }
}

fn upserted(member: Member, field: &str) -> Change {
    let fields = Some(FieldMask {
        paths: vec![field.to_owned()],
    });
    Change {
        event: Some(Event::MemberUpserted(MemberUpserted {
            member: Some(member),
            fields,
        })),
    }
}
