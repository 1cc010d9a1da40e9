//! The changes to a file or a folder that are not durable yet.

/// The changes since the last successful sync, in order.
#[derive(Clone)]
pub(crate) struct Journal<T> {
    pub(crate) changes: Vec<(u64, State, T)>,
    pub(crate) next: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Dirty,
    /// The sync of the change failed.
    Forgotten,
    Durable,
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
            next: 0,
        }
    }
}

impl<T> Journal<T> {
    pub(crate) fn push(&mut self, change: T) {
        self.changes.push((self.next, State::Dirty, change));
        self.next += 1;
    }

    pub(crate) fn sync(&mut self, before: u64, becomes: State) {
        for (number, state, _) in &mut self.changes {
            if *number < before && *state == State::Dirty {
                *state = becomes;
            }
        }
    }

    /// Removes and returns the changes at the beginning that are durable: they need not be kept as
    /// changes.
    pub(crate) fn settled(&mut self) -> impl Iterator<Item = T> + '_ {
        let settled = self
            .changes
            .iter()
            .take_while(|(_, state, _)| *state == State::Durable)
            .count();
        self.changes.drain(..settled).map(|(_, _, change)| change)
    }
}
