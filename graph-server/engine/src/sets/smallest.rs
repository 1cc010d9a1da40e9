//! The smallest of many items: collects a page of a sorted list without sorting the list.

/// The least number of items above the limit before the largest are cut.
const SLACK: usize = 64;

/// Keeps the `limit` smallest of the items that are pushed, in any order: O(n + limit log limit),
/// with twice the limit in memory.
pub(crate) struct Smallest<T> {
    limit: usize,
    kept: Vec<T>,
    /// The largest item that can still be among the smallest.
    bound: Option<T>,
    more: bool,
}

impl<T: Ord + Copy> Smallest<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: Vec::new(),
            bound: None,
            more: false,
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.bound.is_some_and(|bound| item > bound) {
            return;
        }
        self.kept.push(item);
        if self.kept.len() >= 2 * self.limit + SLACK {
            self.cut();
        }
    }

    /// Returns the smallest items, ascending, and whether there were more.
    pub(crate) fn finish(mut self) -> (Vec<T>, bool) {
        self.cut();
        self.kept.sort_unstable();
        (self.kept, self.more)
    }

    fn cut(&mut self) {
        if self.kept.len() <= self.limit {
            return;
        }
        self.more = true;
        if let Some(last) = self.limit.checked_sub(1) {
            let (_, bound, _) = self.kept.select_nth_unstable(last);
            self.bound = Some(*bound);
        }
        self.kept.truncate(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keeps_what_sorting_would(
            items in prop::collection::vec(0..1_000u32, 0..500),
            limit in 0..70usize,
        ) {
            let mut smallest = Smallest::new(limit);
            items.iter().for_each(|&item| smallest.push(item));
            let mut sorted = items;
            sorted.sort_unstable();
            let more = sorted.len() > limit;
            sorted.truncate(limit);
            prop_assert_eq!(smallest.finish(), (sorted, more));
        }
    }
}
