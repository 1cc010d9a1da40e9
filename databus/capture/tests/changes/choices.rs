//! A stream of random choices: a test case of a property test.

use std::vec::IntoIter;

/// The choices of a test case. After the last one, every choice is the first alternative.
pub(crate) struct Choices(IntoIter<u8>);

impl Choices {
    pub(crate) fn new(choices: Vec<u8>) -> Self {
        Self(choices.into_iter())
    }

    /// Returns whether there are no more choices.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Returns a number below `alternatives`.
    pub(crate) fn below(&mut self, alternatives: usize) -> usize {
        usize::from(self.0.next().unwrap_or_default()) % alternatives
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(crate) fn one_of<T: Copy>(&mut self, alternatives: &[T]) -> T {
        alternatives[self.below(alternatives.len())]
    }
}
