//! Loads a public social-network data set as it is: with sparse ids, another delimiter, and two
//! header columns of the same name.

use std::env;
use std::path::{Path, PathBuf};

use loader::{Options, RowFormat, build};

use crate::dump::{profiles, rows};

/// Returns the folder of the data. If it is missing, prints a warning and returns `None`; with
/// `CI=true` the test fails.
fn data() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shared =
        env::var_os("CLOUD_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let directory = workspace.join(shared).join("data/ldbc-sf01");
    if directory.is_dir() {
        return Some(directory);
    }
    let message = format!(
        "{} is missing (set CLOUD_SHARED to the parent of data): real data is NOT tested",
        directory.display()
    );
    assert!(env::var("CI").as_deref() != Ok("true"), "{message}");
    eprintln!("\n*** {message} ***\n");
    None
}

#[test]
fn a_public_data_set_loads() {
    let Some(data) = data() else { return };
    let site = tempfile::tempdir().unwrap();
    let options = |out: &str, members: bool| Options {
        members: if members {
            vec![data.join("person_0_0.csv")]
        } else {
            Vec::new()
        },
        connections: vec![data.join("person_knows_person_0_0.csv")],
        out: site.path().join(out),
        format: RowFormat {
            delimiter: b'|',
            ..RowFormat::default()
        },
        maps: [
            "connections:member=1,other=2,time=3:ms",
            "members:member_id=id,given_name=firstName,family_name=lastName",
        ][..1 + usize::from(members)]
            .iter()
            .map(|map| map.parse().unwrap())
            .collect(),
        ..Options::default()
    };
    let with_members = build(&options("members", true)).unwrap();
    assert_eq!(
        (
            with_members.manifest.members,
            with_members.manifest.connections
        ),
        (1_528, 14_073)
    );
    let connections = rows(&with_members.snapshot);
    assert_eq!(connections[&933][&2_199_023_256_077], 1_271_939_457_947);
    let profiles = profiles(&with_members.snapshot);
    let first = profiles
        .iter()
        .filter_map(|profile| profile.member.as_ref())
        .find(|member| member.member_id == 933);
    assert_eq!(first.unwrap().display_name, "Mahinda Perera");

    let friends_only = build(&options("friends", false)).unwrap();
    assert_eq!(
        (
            friends_only.manifest.members,
            friends_only.manifest.connections
        ),
        (1_357, 14_073)
    );
    let with_friends: Vec<_> = connections
        .into_iter()
        .filter(|(_, row)| !row.is_empty())
        .collect();
    assert_eq!(
        rows(&friends_only.snapshot).into_iter().collect::<Vec<_>>(),
        with_friends
    );
}
