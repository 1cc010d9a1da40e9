//! Checks the order of a subscription: each window's parts from 0 to its last, and each window
//! after the one before it.
//!
//! SCNs may have gaps, so the server also sends the SCN of the window before. A window that is
//! missing, repeated or misplaced is detected here, before it is applied.

use cloud_proto::databus::v1::WindowPart;

/// The position in the order: the last window, and the next part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartOrder {
    /// The SCN of the last complete window.
    after_scn: u64,
    /// The incomplete window, and the number of its next part.
    begun: Option<(u64, u32)>,
}

impl PartOrder {
    /// Creates the order for the windows after an SCN.
    pub(crate) fn after(scn: u64) -> Self {
        Self {
            after_scn: scn,
            begun: None,
        }
    }

    /// Advances by a part. Returns an error with the problem if it is not the next one.
    pub(crate) fn take(&mut self, part: &WindowPart, previous_scn: u64) -> Result<(), String> {
        let WindowPart {
            scn,
            part: number,
            last,
            ..
        } = *part;
        let after_scn = self.after_scn;
        if scn <= after_scn {
            return Err(format!("window {scn} came after window {after_scn}"));
        }
        if previous_scn != after_scn {
            return Err(format!(
                "window {scn} comes after window {previous_scn}, \
                 and {after_scn} was the last one here"
            ));
        }
        let (expected_scn, expected) = self.begun.unwrap_or((scn, 0));
        if (scn, number) != (expected_scn, expected) {
            return Err(format!(
                "part {number} of window {scn}, \
                 and part {expected} of window {expected_scn} is next"
            ));
        }
        *self = if last {
            Self::after(scn)
        } else {
            Self {
                after_scn,
                begun: Some((scn, number + 1)),
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which of the parts (SCN, number, last, previous SCN) after SCN 5 is refused, and why.
    #[track_caller]
    fn check(parts: &[(u64, u32, bool, u64)], expected: Option<&str>) {
        let mut order = PartOrder::after(5);
        let mut refused = None;
        for (place, &(scn, part, last, previous_scn)) in parts.iter().enumerate() {
            let part = WindowPart {
                scn,
                part,
                last,
                ..Default::default()
            };
            if let Err(problem) = order.take(&part, previous_scn) {
                assert_eq!(place + 1, parts.len(), "{problem}");
                refused = Some(problem);
            }
        }
        match (refused, expected) {
            (Some(refused), Some(expected)) => assert!(refused.contains(expected), "{refused}"),
            (refused, expected) => assert_eq!(refused.as_deref(), expected),
        }
    }

    #[test]
    fn windows_come_one_after_the_other_with_gaps_between_scns() {
        check(
            &[
                (6, 0, true, 5),
                (9, 0, false, 6),
                (9, 1, true, 6),
                (10, 0, true, 9),
            ],
            None,
        );
    }

    #[test]
    fn what_is_missing_doubled_or_misplaced_is_refused() {
        check(
            &[(6, 0, true, 5), (6, 0, true, 6)],
            Some("window 6 came after window 6"),
        );
        check(
            &[(7, 0, true, 5), (6, 0, true, 7)],
            Some("window 6 came after window 7"),
        );
        check(&[(5, 0, true, 4)], Some("window 5 came after window 5"));
        check(
            &[(7, 0, true, 6)],
            Some("comes after window 6, and 5 was the last"),
        );
        check(&[(6, 1, true, 5)], Some("part 1 of window 6, and part 0"));
        check(
            &[(6, 0, false, 5), (6, 2, true, 5)],
            Some("part 2 of window 6, and part 1"),
        );
        check(
            &[(6, 0, false, 5), (6, 0, false, 5)],
            Some("part 0 of window 6, and part 1"),
        );
        check(
            &[(6, 0, false, 5), (7, 0, true, 5)],
            Some("part 0 of window 7, and part 1 of window 6"),
        );
    }
}
