//! Writing a snapshot: the result is one segment in node order, however it was built.

use crate::{
    random::Random,
    site::{Site, Truth, network, open, write_snapshot},
};
use cloud_engine::NodeIndex;
use cloud_profile::empty_profile;
use cloud_search::{BaseIndexWriter, IndexError, Query, search};

fn numbered(members: u64) -> Truth {
    let mut truth = Truth::default();
    for member in 1..=members {
        let mut profile = empty_profile(member);
        let text = format!("number {member} of the list");
        profile
            .member
            .iter_mut()
            .for_each(|member| member.headline.clone_from(&text));
        truth.profiles.insert(member, profile);
    }
    truth
}

#[test]
fn many_parts_become_one_segment_in_node_order() {
    // About 40 bytes a profile and 4 KiB a part make about 20 parts, from two threads.
    let site = Site::new(numbered(2_000));
    let network = network(&site.graph(), 2_000, &[]);
    for member in [1, 2, 99, 100, 101, 500, 777, 1_999] {
        let query = Query::parse(&format!("headline:{member}")).unwrap();
        let page = search(
            &site.people.published(),
            &query,
            &network,
            10,
            None,
            &|| false,
        )
        .unwrap();
        assert_eq!(
            page.hits
                .iter()
                .map(|hit| hit.member.get())
                .collect::<Vec<_>>(),
            [member]
        );
    }
    let names: Vec<_> = site
        .manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(
        names.iter().filter(|name| name.ends_with(".idx")).count(),
        1,
        "{names:?}"
    );
    assert!(
        names
            .iter()
            .all(|name| *name == "profiles.bin" || name.starts_with("search/")),
        "{names:?}"
    );
    for file in &site.manifest.files {
        let bytes = std::fs::read(site.directory.path().join("snapshot").join(&file.name)).unwrap();
        assert_eq!(
            (bytes.len() as u64, crc32c::crc32c(&bytes)),
            (file.bytes, file.crc32c),
            "{}",
            file.name
        );
    }
}

#[test]
fn opening_leaves_the_snapshot_as_it_is() {
    let site = Site::new(numbered(10));
    let mut expected: Vec<_> = site
        .manifest
        .files
        .iter()
        .map(|file| file.name.clone())
        .collect();
    expected.sort();
    let snapshot = site.directory.path().join("snapshot");
    let mut found: Vec<_> = std::fs::read_dir(snapshot.join("search"))
        .unwrap()
        .map(|entry| format!("search/{}", entry.unwrap().file_name().to_string_lossy()))
        .chain(["profiles.bin".to_owned()])
        .collect();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_same_profiles_make_the_same_lineage() {
    let directory = tempfile::tempdir().unwrap();
    let lineage =
        |name: &str, truth: &Truth| write_snapshot(&directory.path().join(name), truth).lineage_id;
    let mut truth = numbered(50);
    let first = lineage("first", &truth);
    assert_eq!(lineage("second", &truth), first);
    truth.profiles.insert(51, Random(1).profile(51));
    assert_ne!(lineage("third", &truth), first);
}

#[test]
fn a_site_may_begin_without_members() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = write_snapshot(&directory.path().join("snapshot"), &Truth::default());
    let (people, _writer) = open(directory.path(), &manifest, "live");
    assert_eq!(people.profile(NodeIndex::new(0), 1).unwrap(), None);
}

#[test]
fn nodes_out_of_order_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = BaseIndexWriter::create(&directory.path().join("search"), 1 << 20, 1).unwrap();
    writer.push(NodeIndex::new(0), &empty_profile(1)).unwrap();
    for found in [0, 2].map(NodeIndex::new) {
        let expected = NodeIndex::new(1);
        let refused = writer.push(found, &empty_profile(2)).unwrap_err();
        assert!(matches!(
            refused,
            IndexError::NodeOutOfOrder { expected: e, found: f } if (e, f) == (expected, found)
        ));
    }
}
