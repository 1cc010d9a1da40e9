//! The page `docs/compatibility.md` against the source: the versions of file formats.

use cloud_source::workspace::root;
use std::fs;

/// The text before the number of a format's version, where the source states it.
const VERSION: &str = "VERSION: u32 = ";

/// Returns the versions that a source file states, in order.
fn versions(source: &str) -> Vec<u32> {
    let stated = source.split(VERSION).skip(1);
    let digits = stated.filter_map(|text| text.split(';').next());
    let mut versions: Vec<u32> = digits.filter_map(|digits| digits.parse().ok()).collect();
    versions.sort_unstable();
    versions
}

/// Returns the numbers in a text.
fn numbers(text: &str) -> Vec<u32> {
    let words = text.split(|letter: char| !letter.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn the_page_of_formats_states_what_the_source_does() {
    let read = |path: &str| {
        let path = root().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let page = read("docs/compatibility.md");
    let mut formats = 0;
    for line in page.lines() {
        let columns: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let [file, reads, writes, place] = columns[..] else {
            continue;
        };
        let place = place.trim().trim_matches('`');
        if !place.ends_with(".rs") {
            continue;
        }
        formats += 1;
        let stated = versions(&read(place));
        let newest = stated.last();
        assert!(newest.is_some(), "{place} states no version");
        assert_eq!(numbers(reads).last(), newest, "{file}: read, {place}");
        assert_eq!(
            numbers(writes).into_iter().max().as_ref(),
            newest,
            "{file}: written, {place}"
        );
    }
    let magics = [
        "databus/src",
        "graph-server/engine/src",
        "graph-server/search/src",
    ];
    let magics = magics.map(|folder| files_with(&root().join(folder), "MAGIC: [u8; 8]"));
    let magics = magics.iter().sum::<usize>();
    assert!(
        formats >= magics && magics > 0,
        "{formats} formats, {magics} kinds of files"
    );
}

/// Returns the number of files below a folder that contain a text.
fn files_with(folder: &std::path::Path, text: &str) -> usize {
    let entries = fs::read_dir(folder).expect("a folder of source");
    let count = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_with(&path, text)
        } else {
            usize::from(fs::read_to_string(&path).is_ok_and(|source| source.contains(text)))
        }
    });
    count.sum()
}
