//! Hostile queries: any text is either parsed or rejected, and none panics.

use crate::{
    random::Random,
    site::{Site, Truth, network},
};
use cloud_search::{QUERY_BYTES_MAX, Query, SearchError, search};
use std::sync::atomic::{AtomicU32, Ordering};

const SEED: u64 = 20_081_118;
const PIECES: [&str; 36] = [
    "\"",
    "(",
    ")",
    ":",
    "+",
    "-",
    "\\",
    " ",
    "AND",
    "OR",
    "NOT",
    " AND ",
    " OR ",
    " NOT ",
    "title:",
    "name:",
    "nofield:",
    "engineer",
    "山田",
    "\u{0}",
    "\u{301}",
    "👩‍👩‍👧",
    "\u{200d}",
    "é",
    "ß",
    "İ",
    "\u{202e}",
    "\t",
    "\n",
    "*",
    "~1",
    "^2",
    "[a TO b]",
    "\u{fdfa}",
    "ﬃ",
    "\u{10ffff}",
];

fn random_text(random: &mut Random) -> String {
    let pieces = random.below(40);
    (0..pieces).map(|_| *random.pick(&PIECES)).collect()
}

fn mutated_query(random: &mut Random) -> String {
    let mut letters: Vec<char> = random.query(3).chars().collect();
    for _ in 0..1 + random.below(4) {
        let at = random.below(letters.len() + 1);
        match random.below(3) {
            0 if at < letters.len() => drop(letters.remove(at)),
            1 if at < letters.len() => letters[at] = random.pick(&PIECES).chars().next().unwrap(),
            _ => letters.insert(at, random.pick(&PIECES).chars().next().unwrap()),
        }
    }
    letters.into_iter().collect()
}

#[test]
fn no_string_panics() {
    let random = &mut Random(SEED);
    let mut truth = Truth::default();
    for member in 1..20 {
        truth.profiles.insert(member, random.profile(member));
    }
    let site = Site::new(truth);
    let network = network(&site.graph(), 1, &[]);
    let published = site.people.published();
    let mut understood = 0;
    for round in 0..100_000 {
        let text = if round % 2 == 0 {
            random_text(random)
        } else {
            mutated_query(random)
        };
        match Query::parse(&text) {
            Ok(query) => {
                understood += 1;
                if round % 20 == 0 {
                    search(&published, &query, &network, 10, None, &|| false).unwrap();
                }
            }
            Err(error) => assert!(
                error.position <= text.len(),
                "seed {SEED}, {text:?}: {error}"
            ),
        }
    }
    assert!(
        (10_000..90_000).contains(&understood),
        "seed {SEED}: {understood} understood"
    );
}

#[test]
fn limits_are_met_and_not_passed() {
    assert!(Query::parse(&" ".repeat(QUERY_BYTES_MAX)).is_ok());
    assert!(Query::parse(&"a ".repeat(64)).is_ok());
    assert!(Query::parse(&format!("{}a{}", "(".repeat(16), ")".repeat(16))).is_ok());
    assert!(Query::parse(&"-".repeat(1_000)).is_ok());
    assert!(Query::parse(&format!("{}a", "NOT ".repeat(200))).is_ok());
}

#[test]
fn search_stops_when_told() {
    let random = &mut Random(SEED);
    let mut truth = Truth::default();
    for member in 1..6_000 {
        truth
            .profiles
            .insert(member, cloud_profile::empty_profile(member));
    }
    truth.edges = (1..5_999)
        .map(|member| (member, 1 + random.next() % 5_998))
        .filter(|(a, b)| a < b)
        .collect();
    let site = Site::new(truth);
    let network = network(&site.graph(), 1, &[]);
    let asked = AtomicU32::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) == 0;
    for text in ["", "-nobody", "-nobody -noone"] {
        asked.store(0, Ordering::Relaxed);
        let query = Query::parse(text).unwrap();
        let stopped = search(&site.people.published(), &query, &network, 10, None, &stop);
        assert!(matches!(stopped, Err(SearchError::Stopped)), "{text}");
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{text}");
    }
}
