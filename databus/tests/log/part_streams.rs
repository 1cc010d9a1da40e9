//! Parts as a publisher streams them: a window does not depend on its cuts, and parts of no window
//! are rejected.

use crate::windows::{RandomWindows, connect, connections};
use cloud_proto::databus::v1::WindowPart;
use databus::{CheckedWindow, InvalidPart, InvalidWindow, WindowAssembler, WindowLimits};

const LIMITS: WindowLimits = WindowLimits {
    changes_max: 1000,
    bytes_max: 100 << 20,
};

fn parts(offset: u64, changes: &[u64]) -> Vec<WindowPart> {
    let last = changes.len() - 1;
    let part = |(number, count): (usize, &u64)| {
        let window = connections(offset, *count);
        WindowPart {
            source_id: window.source_id,
            source_offset: window.source_offset,
            commit_time: window.commit_time,
            part: number as u32,
            last: number == last,
            changes: window.changes,
            ..WindowPart::default()
        }
    };
    changes.iter().enumerate().map(part).collect()
}

#[test]
fn a_window_does_not_depend_on_how_it_was_cut() {
    let window = RandomWindows::new(5).next_of_many_parts();
    let whole = CheckedWindow::new(window.clone(), LIMITS).unwrap();
    for changes in [1, 3, 16] {
        let cuts: Vec<_> = window.changes.chunks(changes).collect();
        let mut assembler = WindowAssembler::new(LIMITS);
        for (number, changes) in cuts.iter().enumerate() {
            let part = WindowPart {
                source_id: window.source_id.clone(),
                source_offset: window.source_offset,
                commit_time: window.commit_time,
                part: number as u32,
                last: number + 1 == cuts.len(),
                changes: changes.to_vec(),
                ..WindowPart::default()
            };
            let done = assembler.push(part).unwrap();
            assert_eq!(done, (number + 1 == cuts.len()).then(|| whole.clone()));
        }
        assembler.finish().unwrap();
    }
}

#[test]
fn parts_that_make_no_window_are_refused() {
    let check = |expected: InvalidPart, change: &dyn Fn(&mut Vec<WindowPart>)| {
        let mut parts = parts(7, &[2, 2, 2]);
        change(&mut parts);
        let mut assembler = WindowAssembler::new(LIMITS);
        let mut refused = None;
        for part in parts {
            refused = refused.or(assembler.push(part).err());
        }
        assert_eq!(refused.or(assembler.finish().err()), Some(expected));
    };
    check(
        InvalidPart::OutOfOrder {
            part: 2,
            expected: 1,
        },
        &|parts| drop(parts.remove(1)),
    );
    check(
        InvalidPart::OutOfOrder {
            part: 1,
            expected: 0,
        },
        &|parts| drop(parts.remove(0)),
    );
    check(
        InvalidPart::OutOfOrder {
            part: 1,
            expected: 2,
        },
        &|parts| parts.insert(1, parts[1].clone()),
    );
    check(InvalidPart::Unfinished { parts: 2 }, &|parts| {
        drop(parts.pop())
    });
    check(InvalidPart::ScnGiven { scn: 9 }, &|parts| parts[1].scn = 9);
    let another = |field| InvalidPart::AnotherWindow { part: 1, field };
    check(another("source_id"), &|parts| parts[1].source_id.push('x'));
    check(another("source_offset"), &|parts| {
        parts[1].source_offset = 8
    });
    check(another("commit_time"), &|parts| parts[1].commit_time = None);
    check(
        InvalidPart::TooLarge {
            part: 0,
            bytes: 1_048_588,
        },
        &|parts| {
            parts[0] = WindowPart {
                source_id: "x".repeat(1_048_576 + 8),
                ..WindowPart::default()
            };
        },
    );
    check(
        InvalidWindow::TooManyChanges { changes_max: 1000 }.into(),
        &|parts| {
            parts[1].changes = vec![connect(1, 2); 1000];
        },
    );
}

#[test]
fn an_error_names_the_change_over_all_parts() {
    let mut parts = parts(7, &[2, 2]);
    parts[1].changes[1] = connect(5, 5);
    let mut assembler = WindowAssembler::new(LIMITS);
    let mut parts = parts.into_iter();
    assembler.push(parts.next().unwrap()).unwrap();
    let error = assembler.push(parts.next().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "part.changes[3].connection_added.other_id: is the member itself, 5"
    );
}

#[test]
fn what_a_window_says_of_its_source_is_checked() {
    let check = |source_id: &str, source_offset, expected: Option<&str>| {
        let mut window = connections(1, 0);
        (window.source_id, window.source_offset) = (source_id.to_owned(), source_offset);
        let found = CheckedWindow::new(window, LIMITS).map_err(|error| error.to_string());
        assert_eq!(found.err().as_deref(), expected);
    };
    check("core", 1, None);
    check("", 0, None);
    check(&"x".repeat(128), u64::MAX, None);
    check(
        &"x".repeat(129),
        1,
        Some("source_id: is 129 bytes, more than 128"),
    );
    check(
        "",
        5,
        Some("source_offset: is 5 without a source_id, where it must be 0"),
    );
    // A window of a source may state no offset.
    check("core", 0, None);
}
