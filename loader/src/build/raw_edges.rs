//! Connections between ids whose node indexes are not known yet: held only when there is no members file.

/// A block of connections, in columns: 16 bytes each, 24 with times.
#[derive(Debug, Default)]
pub(crate) struct RawEdges {
    ends: Vec<[u64; 2]>,
    /// Empty when the dump has no times.
    times: Vec<u64>,
}

impl RawEdges {
    /// Blocks of a few MiB: freed one by one as they are used.
    pub(crate) const LENGTH_MAX: usize = 1 << 18;

    pub(crate) fn push<const TIMED: bool>(&mut self, member: u64, other: u64, time: u64) {
        self.ends.push([member, other]);
        if TIMED {
            self.times.push(time);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.ends.iter().flatten().copied()
    }

    /// The lowest and the highest id.
    pub(crate) fn ends(&self) -> Option<(u64, u64)> {
        Some((self.ids().min()?, self.ids().max()?))
    }

    /// Member, other, time.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let times = self.times.iter().copied().chain(std::iter::repeat(0));
        self.ends
            .iter()
            .zip(times)
            .map(|([member, other], time)| (*member, *other, time))
    }
}
