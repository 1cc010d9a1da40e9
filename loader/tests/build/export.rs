//! A snapshot is written as dumps that build the same snapshot, byte for byte.

use std::fs;
use std::path::Path;

use loader::export::export;
use loader::inspect::inspect;
use loader::{Options, build};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::dump::Dump;

const TEXTS: [&str; 16] = [
    "",
    "",
    "Ann",
    "Jos\u{e9}",
    "a, b",
    "say \"hi\"",
    "\"",
    "two\nlines\r\nthree\rfour",
    "#1",
    "a;b",
    "x=y",
    "[\"json\"]",
    "{\"a\":\"b\"}",
    "\\N",
    "back\\slash",
    "\u{1f600}\u{200f}",
];

fn text(random: &mut StdRng) -> String {
    (*TEXTS.choose(random).unwrap()).to_owned()
}

/// Returns a field of CSV.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn row(fields: &[String]) -> String {
    fields
        .iter()
        .map(|field| quoted(field))
        .collect::<Vec<_>>()
        .join(",")
        + "\n"
}

/// Makes a dump with every field, in texts that need care.
fn random_dump(seed: u64) -> Dump {
    let random = &mut StdRng::seed_from_u64(seed);
    let count = random.random_range(1..60);
    let mut ids: Vec<u64> = (0..count)
        .map(|_| {
            let shift = random.random_range(0..60);
            random.random_range(1..=u64::MAX >> shift)
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut members = String::from(
        "member_id,given_name,family_name,display_name,headline,place,region,country,industry,\
         summary,skills,key,attributes\n",
    );
    let mut positions =
        String::from("member_id,position_id,kind,organisation,title,country,from,to,current\n");
    for id in &ids {
        let mut fields = vec![id.to_string()];
        fields.extend((0..9).map(|_| text(random)));
        let skills: Vec<String> = (0..random.random_range(0..4))
            .map(|_| text(random))
            .collect();
        fields.push(serde_json::json!(skills).to_string());
        fields.push(text(random));
        let names = ["level", "a=b", "c;d", "{", "[\"x\"]"];
        let attributes: std::collections::BTreeMap<&str, String> = (0..random.random_range(0..4))
            .map(|_| (*names.choose(random).unwrap(), text(random)))
            .collect();
        fields.push(serde_json::json!(attributes).to_string());
        members += &row(&fields);
        for position in 1..=random.random_range(0..4) {
            let is_current = random.random::<bool>();
            let from = *["", "1999", "2001-05"].choose(random).unwrap();
            let to = if is_current {
                ""
            } else {
                ["", "2004", "2007-11"].choose(random).unwrap()
            };
            positions += &row(&[
                id.to_string(),
                (position * 7).to_string(),
                (*["work", "education"].choose(random).unwrap()).to_owned(),
                text(random),
                text(random),
                text(random),
                from.to_owned(),
                to.to_owned(),
                is_current.to_string(),
            ]);
        }
    }
    let mut connections = String::from("member_id,other_id,connected_at\n");
    for _ in 0..random.random_range(0..3 * ids.len()) {
        let (one, other) = (ids.choose(random).unwrap(), ids.choose(random).unwrap());
        let time = match random.random_ratio(1, 4) {
            true => String::new(),
            false => random.random_range(0..253_402_300_799_999u64).to_string(),
        };
        connections += &format!("{one},{other},{time}\n");
    }
    Dump::new()
        .members("members.csv", members)
        .positions("positions.csv", positions)
        .connections("connections.csv", connections)
        .map("connections:member=member_id,other=other_id,time=connected_at:ms")
}

/// Builds the exported files of `snapshot`, and checks that the new snapshot is the same.
fn check_round_trip(snapshot: &Path, folder: &Path, options: Options) {
    let exported = export(snapshot, &folder.join("exported")).unwrap();
    let file = |name: &str| {
        let found = exported.files.iter().find(|(path, _)| path.ends_with(name));
        found.map(|(path, _)| path.clone()).into_iter().collect()
    };
    let again = build(&Options {
        members: file("members.csv"),
        positions: file("positions.csv"),
        connections: file("connections.csv"),
        out: folder.join("again"),
        maps: Vec::new(),
        ..options
    });
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.manifest, inspect(snapshot).unwrap().manifest);
}

#[test]
fn random_sites_come_back() {
    let count = match std::env::var_os("CLOUD_TEST_LONG") {
        Some(_) => 200,
        None => 10,
    };
    for seed in 0..count {
        let dump = random_dump(seed);
        let summary = dump.build();
        println!("seed {seed}: {} members", summary.manifest.members);
        check_round_trip(&summary.snapshot, dump.path(), dump.options.clone());
    }
}

#[test]
fn a_site_without_profiles_comes_back() {
    let dump = Dump::of_connections(
        "member_id,other_id,connected_at\n7,8,2010-04-24T05:12:27.947Z\n18446744073709551615,7,\n",
    );
    let snapshot = dump.build().snapshot;
    check_round_trip(&snapshot, dump.path(), dump.options.clone());
    assert!(!dump.path().join("exported/members.csv").exists());
    let text = fs::read_to_string(dump.path().join("exported/connections.csv")).unwrap();
    assert_eq!(
        text,
        "member_id,other_id,connected_at\n7,8,2010-04-24T05:12:27.947Z\n7,18446744073709551615,\n"
    );
    // No file is overwritten.
    let error = export(&snapshot, &dump.path().join("exported")).unwrap_err();
    assert!(error.to_string().starts_with("cannot create "), "{error}");
}
