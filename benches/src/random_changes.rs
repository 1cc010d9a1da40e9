//! Random changes: connections between members of the site, and new headlines.

use std::sync::Arc;

use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, Member, MemberUpserted, change::Event,
};
use prost_types::{FieldMask, Timestamp};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The time of all drawn connections: the beginning of 2026.
const CONNECTED_AT_SECONDS: i64 = 1_767_225_600;

/// Draws changes of a site's members, all with the same chance.
#[derive(Clone, Debug)]
pub struct RandomChanges {
    member_ids: Arc<[u64]>,
    random: ChaCha8Rng,
}

impl RandomChanges {
    /// Starts a generator. The same members and seed give the same changes.
    pub fn new(member_ids: Arc<[u64]>, seed: u64) -> Self {
        Self {
            member_ids,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Starts another generator of the same members, which draws other changes.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self {
            member_ids: self.member_ids.clone(),
            random: ChaCha8Rng::from_rng(&mut self.random),
        }
    }

    /// Draws a member.
    pub fn member(&mut self) -> u64 {
        let position = self.random.random_range(0..self.member_ids.len().max(1));
        self.member_ids.get(position).copied().unwrap_or(1)
    }

    /// Draws two different members.
    pub fn pair(&mut self) -> (u64, u64) {
        let member = self.member();
        loop {
            let other = self.member();
            if other != member || self.member_ids.len() < 2 {
                return (member, other);
            }
        }
    }

    /// Returns the change that connects the two.
    pub fn connected(member_id: u64, other_id: u64) -> Change {
        let connected_at = Some(Timestamp {
            seconds: CONNECTED_AT_SECONDS,
            nanos: 0,
        });
        Change {
            skippable: false,
            event: Some(Event::ConnectionAdded(ConnectionAdded {
                existing_only: false,
                member_id,
                other_id,
                connected_at,
            })),
        }
    }

    /// Returns the change that disconnects the two.
    pub fn disconnected(member_id: u64, other_id: u64) -> Change {
        Change {
            skippable: false,
            event: Some(Event::ConnectionRemoved(ConnectionRemoved {
                member_id,
                other_id,
            })),
        }
    }

    /// Draws a change that connects two members.
    pub fn connection(&mut self) -> Change {
        let (member, other) = self.pair();
        Self::connected(member, other)
    }

    /// Draws a change of a member's headline.
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

    /// Returns the change of this member's summary.
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
        skippable: false,
        event: Some(Event::MemberUpserted(MemberUpserted {
            existing_only: false,
            member: Some(member),
            fields,
        })),
    }
}
