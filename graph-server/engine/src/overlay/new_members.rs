//! Members that the base does not have, and ids that only policy names: an append-only table by
//! node, and an append-only hash table by member id.
//!
//! One thread appends; readers look up without a lock. The hash table grows by tiers that double,
//! those of the table by node: two slots for each member of the tier. A look-up probes the newest
//! tier, which holds half of all members, and then older ones. A member's node index is the
//! base's node count plus its ordinal here.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use zerocopy::FromZeros;

use crate::{
    memory::{
        large_array::{LargeArray, Purpose},
        tiers::{TIERS, Tiers, tier_length, tier_of},
    },
    node_index::member_checked_before,
};
use cloud_model::{MemberId, Scn};

#[derive(FromZeros)]
#[repr(C)]
struct NewMember {
    id: AtomicU64,
    created: AtomicU64,
}

/// The members that the base does not have, by ordinal and by member id.
pub(crate) struct NewMembers {
    members: Tiers<NewMember>,
    count: AtomicU32,
    /// The tiers. A slot holds the ordinal + 1, or 0 when it is free.
    tiers: [OnceLock<LargeArray<AtomicU32>>; TIERS],
    hasher: RandomState,
}

impl NewMembers {
    pub(crate) fn new() -> Self {
        Self {
            members: Tiers::new(Purpose::Overlay),
            count: AtomicU32::new(0),
            tiers: [const { OnceLock::new() }; TIERS],
            hasher: RandomState::new(),
        }
    }

    /// Returns the number of members whose append is complete.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    /// Returns the ids of the first `count` members, in order.
    pub(crate) fn ids(&self, count: u32) -> Vec<u64> {
        (0..count).map(|ordinal| self.id(ordinal).get()).collect()
    }

    /// Returns the number of members at `scn`. Members are appended in SCN order.
    pub(crate) fn count_at(&self, scn: Scn) -> u32 {
        let (mut low, mut high) = (0, self.count());
        if high > 0 && self.created(high - 1) <= scn {
            return high;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.created(middle) <= scn {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low
    }

    /// Returns the member with this ordinal, which must be below [`count`](Self::count).
    pub(crate) fn id(&self, ordinal: u32) -> MemberId {
        member_checked_before(self.member(ordinal).id.load(Ordering::Relaxed))
    }

    /// Returns the SCN at which the member with this ordinal was created.
    pub(crate) fn created(&self, ordinal: u32) -> Scn {
        Scn::new(self.member(ordinal).created.load(Ordering::Relaxed))
    }

    /// Returns the ordinal of a member.
    pub(crate) fn find(&self, id: MemberId) -> Option<u32> {
        let count = self.count();
        let (newest, _) = tier_of(count.checked_sub(1)?);
        let hash = self.hasher.hash_one(id) as usize;
        self.tiers[..=newest]
            .iter()
            .rev()
            .find_map(|tier| self.find_in(tier.get()?, hash, id))
    }

    /// Appends a member that is not in the table yet, and returns its ordinal. Only the one writer
    /// calls this.
    pub(crate) fn push(&self, id: MemberId, created: Scn) -> u32 {
        let ordinal = self.count.load(Ordering::Relaxed);
        let member = self.members.get_or_allocate(ordinal);
        member.id.store(id.get(), Ordering::Relaxed);
        member.created.store(created.get(), Ordering::Relaxed);
        let (tier, _) = tier_of(ordinal);
        let slots = self.tiers[tier]
            .get_or_init(|| LargeArray::zeroed(Purpose::Overlay, 2 * tier_length(tier)));
        let hash = self.hasher.hash_one(id) as usize;
        let free = probe(slots, hash).find(|slot| slot.load(Ordering::Relaxed) == 0);
        if let Some(slot) = free {
            slot.store(ordinal + 1, Ordering::Release);
        }
        self.count.store(ordinal + 1, Ordering::Release);
        ordinal
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        let slots = self.tiers.iter().filter_map(OnceLock::get);
        let slots: u64 = slots.map(|slots| slots.bytes() as u64).sum();
        self.members.bytes(self.count()) + slots
    }

    fn member(&self, ordinal: u32) -> &NewMember {
        match self.members.get(ordinal) {
            Some(member) => member,
            None => {
                panic!("new member {ordinal} does not exist: the node index is of another graph")
            }
        }
    }

    fn find_in(&self, slots: &[AtomicU32], hash: usize, id: MemberId) -> Option<u32> {
        for slot in probe(slots, hash) {
            let ordinal = slot.load(Ordering::Acquire).checked_sub(1)?;
            if self.id(ordinal) == id {
                return Some(ordinal);
            }
        }
        None
    }
}

/// Returns all slots, beginning at the hash's own. At most half are taken, so a free one is near.
fn probe(slots: &[AtomicU32], hash: usize) -> impl Iterator<Item = &AtomicU32> {
    let (before, from) = slots.split_at(hash & (slots.len() - 1));
    from.iter().chain(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> MemberId {
        MemberId::new(id).expect("not 0")
    }

    #[test]
    fn members_are_found_through_growth() {
        let members = NewMembers::new();
        assert_eq!(members.find(member(1)), None);
        for ordinal in 0..10_000 {
            let id = member(u64::from(ordinal) * 7_919 + 1);
            assert_eq!(members.push(id, Scn::new(u64::from(ordinal / 3))), ordinal);
            assert_eq!(members.find(id), Some(ordinal));
        }
        for ordinal in 0..10_000 {
            assert_eq!(members.find(members.id(ordinal)), Some(ordinal));
        }
        assert_eq!(members.find(member(2)), None);
    }

    #[test]
    fn counts_at_older_points() {
        let members = NewMembers::new();
        for (id, scn) in [(1, 5), (2, 5), (3, 9)] {
            members.push(member(id), Scn::new(scn));
        }
        let counts: Vec<u32> = [0, 4, 5, 8, 9, 10]
            .map(|scn| members.count_at(Scn::new(scn)))
            .into();
        assert_eq!(counts, [0, 0, 2, 2, 3, 3]);
    }
}
