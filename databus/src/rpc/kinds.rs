//! Filters a window's parts by the kinds of changes that a subscriber wants.

use cloud_proto::databus::v1::{Change, ChangeKind, WindowPart, change::Event};
use cloud_serving::Refusal;

/// A filter that removes the changes of other kinds from the parts of windows, which it gets in
/// order.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    /// The wanted kinds; `None` means all.
    kinds: Option<Vec<ChangeKind>>,
    /// The number of the next part that is passed on.
    next_part: u32,
}

impl Kinds {
    /// Returns a filter for these kinds; an empty list means all.
    pub(super) fn new(kinds: &[i32]) -> Result<Self, Refusal> {
        let known = |(place, &kind): (usize, &i32)| match ChangeKind::try_from(kind) {
            Ok(ChangeKind::Unspecified) | Err(_) => Err(Refusal::field(
                format!("kinds[{place}]"),
                format!("{kind} is no kind of change"),
            )),
            Ok(kind) => Ok(kind),
        };
        let kinds: Vec<_> = kinds
            .iter()
            .enumerate()
            .map(known)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            kinds: (!kinds.is_empty()).then_some(kinds),
            next_part: 0,
        })
    }

    /// Returns the part with only the wanted changes. Returns `None` for a part that would be empty
    /// and is not its window's last.
    pub(super) fn filter(&mut self, mut part: WindowPart) -> Option<WindowPart> {
        let Some(kinds) = &self.kinds else {
            return Some(part);
        };
        part.changes.retain(|change| match kind(change) {
            Some(kind) => kinds.contains(&kind),
            // A kind that cannot be named. A subscriber that would not understand it must not apply
            // the rest of the window.
            None => !change.skippable,
        });
        if part.changes.is_empty() && !part.last {
            return None;
        }
        part.part = self.next_part;
        self.next_part = if part.last { 0 } else { self.next_part + 1 };
        Some(part)
    }
}

/// Returns a change's kind; `None` for a kind that this version does not know.
fn kind(change: &Change) -> Option<ChangeKind> {
    Some(match change.event.as_ref()? {
        Event::MemberUpserted(_) | Event::MemberRemoved(_) => ChangeKind::Member,
        Event::PositionUpserted(_) | Event::PositionRemoved(_) => ChangeKind::Position,
        Event::ConnectionAdded(_) | Event::ConnectionRemoved(_) => ChangeKind::Connection,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::{ConnectionRemoved, MemberRemoved};

    fn member() -> Change {
        Change {
            skippable: false,
            event: Some(Event::MemberRemoved(MemberRemoved { member_id: 1 })),
        }
    }

    fn connection() -> Change {
        Change {
            skippable: false,
            event: Some(Event::ConnectionRemoved(ConnectionRemoved {
                member_id: 1,
                other_id: 2,
            })),
        }
    }

    /// Filters a window's parts by kind 1 (member), and checks the numbers of the parts and how
    /// many changes each has.
    fn check(parts: &[Vec<Change>], expected: &[(u32, usize)]) {
        let mut kinds = Kinds::new(&[ChangeKind::Member.into()]).unwrap();
        // Two windows: the second is numbered from 0 again.
        for scn in 1..=2 {
            let part = |(number, changes): (usize, &Vec<Change>)| WindowPart {
                scn,
                part: u32::try_from(number).unwrap(),
                last: number + 1 == parts.len(),
                changes: changes.clone(),
                ..Default::default()
            };
            let filtered: Vec<_> = parts
                .iter()
                .enumerate()
                .map(part)
                .filter_map(|part| kinds.filter(part))
                .collect();
            let numbers: Vec<_> = filtered
                .iter()
                .map(|part| (part.part, part.changes.len()))
                .collect();
            assert_eq!(numbers, expected);
            assert!(filtered.last().unwrap().last);
        }
    }

    #[test]
    fn parts_are_numbered_again_and_a_window_is_never_lost() {
        check(&[vec![member(), connection()]], &[(0, 1)]);
        check(&[vec![connection()]], &[(0, 0)]);
        check(&[vec![connection()], vec![connection()]], &[(0, 0)]);
        check(
            &[vec![connection()], vec![member()], vec![connection()]],
            &[(0, 1), (1, 0)],
        );
    }

    #[test]
    fn a_kind_that_is_none_is_refused() {
        for kind in [0, 77] {
            let refusal = Kinds::new(&[1, kind]).unwrap_err();
            assert_eq!(refusal.wrong_field(), Some("kinds[1]"));
        }
    }
}
