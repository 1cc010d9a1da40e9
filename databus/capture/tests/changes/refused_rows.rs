//! Rows whose values break a rule.

use cloud_capture::{Datum, Mapping, RowError, TableRows};
use cloud_proto::databus::v1::{Change, MemberRemoved, change::Event};

const MAPPING: &str = "[members]\ntable = 'users'\nid = 'id'\nfields = { headline = 'title' }\n";

fn removed(member_id: u64) -> Change {
    Change {
        skippable: false,
        event: Some(Event::MemberRemoved(MemberRemoved { member_id })),
    }
}

/// Updates a member, and checks the changes that are made before a rule is broken.
#[track_caller]
fn check_refused(old: [Datum<'_>; 2], new: [Datum<'_>; 2], expected: &[Change]) {
    let mapping = Mapping::parse(MAPPING).expect("a mapping");
    let columns = ["id", "title"].into_iter();
    let rows = TableRows::new(&mapping, &mapping.tables[0], columns).expect("every column");
    let mut changes = Vec::new();
    let outcome = rows.updated(Some(&old), &new, &mut changes);
    let Err(RowError::Invalid(invalid)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(changes, expected);
    let refused = rows.refused(&new, &invalid);
    let Datum::Text(key) = new[0] else {
        panic!("a key");
    };
    assert_eq!(
        (refused.table.to_string().as_str(), &*refused.key),
        ("public.users", key)
    );
    assert_eq!(refused.reason, invalid.to_string());
}

#[test]
fn a_member_whose_key_changes_is_gone_even_if_the_new_row_is_refused() {
    let long = "x".repeat(1025);
    let row = |id, title| [Datum::Text(id), Datum::Text(title)];
    check_refused(row("7", "a"), row("8", &long), &[removed(7)]);
    check_refused(row("7", "a"), row("x", "a"), &[removed(7)]);
    // What the old row stated stays: there is nothing else to state.
    check_refused(row("7", "a"), row("7", &long), &[]);
    // An old row that was refused itself stated nothing.
    check_refused(row("0", "a"), row("7", &long), &[]);
}
