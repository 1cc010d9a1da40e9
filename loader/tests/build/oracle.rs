//! Compares random dumps with plain sets. The same rows in another order make the same files, byte
//! for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cloud_engine::{MANIFEST_NAME, Manifest};
use loader::{NodeOrder, Summary};
use proptest::prelude::*;
use proptest::sample::select;

use crate::dump::{Dump, Rows, members_by_node, profiles, rows};

/// Puts rows of connections, with milliseconds or without, into a map of maps that keeps the
/// earliest time.
fn oracle(members: &[u64], edges: &[(u64, u64, Option<u64>)]) -> Rows {
    let mut rows: Rows = members
        .iter()
        .map(|&member| (member, BTreeMap::new()))
        .collect();
    for &(one, other, time) in edges.iter().filter(|(one, other, _)| one != other) {
        for (from, to) in [(one, other), (other, one)] {
            let kept = rows.entry(from).or_default().entry(to).or_insert(0);
            *kept = [Some(*kept), time]
                .into_iter()
                .flatten()
                .filter(|&time| time > 0)
                .min()
                .unwrap_or(0);
        }
    }
    rows
}

fn text(edges: &[(u64, u64, Option<u64>)], is_timed: bool) -> String {
    let mut text = String::from(if is_timed { "a,b,t\n" } else { "a,b\n" });
    for (one, other, time) in edges {
        let time = time.map_or(String::new(), |time| time.to_string());
        text += &if is_timed {
            format!("{one},{other},{time}\n")
        } else {
            format!("{one},{other}\n")
        };
    }
    text
}

fn build(
    edges: &[(u64, u64, Option<u64>)],
    is_timed: bool,
    members: Option<&[u64]>,
    files: usize,
    order: NodeOrder,
) -> (Dump, Summary) {
    let map = if is_timed {
        "connections:member=1,other=2,time=3:ms"
    } else {
        "connections:member=1,other=2"
    };
    let mut dump = Dump::new().map(map).order(order);
    for (index, part) in edges.chunks(edges.len().div_ceil(files).max(1)).enumerate() {
        dump = dump.connections(&format!("{index}.csv"), text(part, is_timed));
    }
    if edges.is_empty() {
        dump = dump.connections("0.csv", text(&[], is_timed));
    }
    if let Some(members) = members {
        let rows: String = members.iter().map(|member| format!("{member}\n")).collect();
        dump = dump.members("members.csv", format!("member_id\n{rows}"));
    }
    let summary = dump.build();
    (dump, summary)
}

fn ids() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        prop::collection::vec(1u64..60, 2..40),
        prop::collection::vec(1u64.., 2..40),
        prop::collection::vec((1u64..40).prop_map(|id| id << 37), 2..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn snapshots_equal_a_map_of_maps(
        ids in ids(),
        picks in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                any::<prop::sample::Index>(),
                prop::option::of(0u64..9),
            ),
            0..200,
        ),
        is_timed in any::<bool>(),
        has_members in any::<bool>(),
        files in 1usize..4,
        order in select(vec![NodeOrder::Id, NodeOrder::Community]),
    ) {
        let time = |time: Option<u64>| time.filter(|_| is_timed);
        let edges: Vec<_> = picks
            .iter()
            .map(|(one, other, t)| (*one.get(&ids), *other.get(&ids), time(*t)))
            .collect();
        let (_dump, summary) = build(&edges, is_timed, has_members.then_some(&ids), files, order);
        let expected = oracle(if has_members { &ids } else { &[] }, &edges);
        let found = rows(&summary.snapshot);
        prop_assert_eq!(&found, &expected);
        let half_edges: usize = expected.values().map(BTreeMap::len).sum();
        prop_assert_eq!(summary.manifest.connections, half_edges as u64 / 2);
        let themselves = edges.iter().filter(|(one, other, _)| one == other).count() as u64;
        prop_assert_eq!(summary.dropped.connections_with_themselves, themselves);
        let repeated = edges.len() as u64 - themselves - half_edges as u64 / 2;
        prop_assert_eq!(summary.dropped.repeated_connections, repeated);
        let profiled: Vec<u64> = profiles(&summary.snapshot)
            .iter()
            .map(|profile| profile.member.as_ref().unwrap().member_id)
            .collect();
        prop_assert_eq!(&profiled, &members_by_node(&summary.snapshot));
        prop_assert!(order == NodeOrder::Community || profiled.is_sorted());
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        edges in prop::collection::vec((1u64..50, 1u64..50, prop::option::of(1u64..9)), 0..100),
        names in prop::collection::vec("[a-z é,\"\n]{0,8}", 60),
        positions in prop::collection::btree_map(
            (1u64..60, 1u64..5),
            select(vec!["Rust", "C", "é"]),
            0..50,
        ),
        shuffle in any::<prop::sample::Index>(),
        has_people in any::<bool>(),
        order in select(vec![NodeOrder::Id, NodeOrder::Community]),
    ) {
        let dump = |turn: bool| {
            let mut edges: Vec<_> = edges
                .iter()
                .map(|&(one, other, time)| {
                    if turn { (other, one, time) } else { (one, other, time) }
                })
                .collect();
            let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let mut people: Vec<_> = (1..)
                .zip(&names)
                .map(|(id, name): (u64, _)| format!("{id},{}\n", quoted(name)))
                .collect();
            let mut positions: Vec<_> = positions
                .iter()
                .map(|((member, id), title)| format!("{member},{id},{title}\n"))
                .collect();
            if turn {
                let by = shuffle.index(edges.len().max(1));
                edges.rotate_left(by);
                let by = shuffle.index(people.len());
                people.rotate_left(by);
                people.reverse();
                positions.reverse();
            }
            let dump = Dump::new()
                .order(order)
                .map("connections:member=1,other=2,time=3:ms")
                .connections("connections.csv", text(&edges, true));
            if !has_people {
                return dump;
            }
            dump.members("members.csv", format!("member_id,given_name\n{}", people.concat()))
                .positions(
                    "positions.csv",
                    format!("member_id,position_id,title\n{}", positions.concat()),
                )
        };
        let (one, other) = (dump(false), dump(true));
        same_files(&one.build().snapshot, &other.build().snapshot)?;
    }
}

pub(crate) fn same_files(one: &Path, other: &Path) -> Result<(), TestCaseError> {
    let manifest = Manifest::read(one).unwrap();
    prop_assert_eq!(&manifest, &Manifest::read(other).unwrap());
    let names = manifest.files.iter().map(|file| file.name.as_str());
    for name in names.chain([MANIFEST_NAME]) {
        prop_assert!(
            fs::read(one.join(name)).unwrap() == fs::read(other.join(name)).unwrap(),
            "{name} differs"
        );
    }
    Ok(())
}
