//! The names in a folder: as they are, as they are durable, and the changes between the two.

use std::collections::BTreeMap;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use crate::disk::{Names, Number};
use crate::journal::{Journal, State};

#[derive(Clone, Default)]
pub(crate) struct Folder {
    pub(crate) names: BTreeMap<String, Number>,
    pub(crate) durable: BTreeMap<String, Number>,
    /// The changes to the durable names.
    pub(crate) journal: Journal<Vec<(String, Option<Number>)>>,
}

impl Folder {
    pub(crate) fn after(&self, names: Names, random: &mut ChaCha8Rng) -> BTreeMap<String, Number> {
        let changes = &self.journal.changes;
        let kept = match names {
            Names::Kept => 0..changes.len(),
            Names::Lost => 0..0,
            Names::Prefix => 0..random.random_range(0..=changes.len()),
            Names::Last => changes.len().saturating_sub(1)..changes.len(),
        };
        let mut names = self.durable.clone();
        for (at, (_, state, change)) in changes.iter().enumerate() {
            if kept.contains(&at) || *state == State::Durable {
                apply_names(&mut names, change);
            }
        }
        names
    }
}

pub(crate) fn apply_names(
    names: &mut BTreeMap<String, Number>,
    changes: &[(String, Option<Number>)],
) {
    for (name, number) in changes {
        match number {
            Some(number) => names.insert(name.clone(), *number),
            None => names.remove(name),
        };
    }
}
