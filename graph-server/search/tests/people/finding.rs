//! Realistic queries, and the members that each finds among nine.

use crate::site::{Site, Truth, network};
use cloud_engine::Degree;
use cloud_profile::ProfileRecord;
use cloud_proto::databus::v1::{Member, Position, PositionKind};
use cloud_search::{Query, search};

fn text(words: &str) -> String {
    words.to_owned()
}

fn member(
    member_id: u64,
    given: &str,
    family: &str,
    headline: &str,
    place: &str,
    skills: &[&str],
) -> Member {
    Member {
        member_id,
        given_name: text(given),
        family_name: text(family),
        display_name: format!("{given} {family}"),
        headline: text(headline),
        place: text(place),
        country: text("Norway"),
        skills: skills.iter().map(|skill| text(skill)).collect(),
        ..Member::default()
    }
}

fn position(position_id: u64, kind: PositionKind, title: &str, organisation: &str) -> Position {
    let (title, organisation) = (text(title), text(organisation));
    Position {
        position_id,
        kind: kind.into(),
        title,
        organisation,
        ..Position::default()
    }
}

/// Member 9 is the viewer, connected to 1, who is connected to 2, and so on to 8.
fn fixture() -> Truth {
    use PositionKind::{Education, Work};
    let mut zoe = member(
        1,
        "Zoë",
        "O'Neil",
        "Senior Engineer",
        "Oslo",
        &["Rust", "C++"],
    );
    zoe.summary = text("Builds search engines that answer quickly.");
    zoe.region = text("Viken");
    zoe.industry = text("Computer Software");
    let profiles = [
        (
            zoe,
            vec![
                position(1, Work, "Engineer", "Acme"),
                position(2, Education, "Master of Science", "Oslo University"),
            ],
        ),
        (
            member(
                2,
                "Anders",
                "Smith",
                "Engineer at Acme",
                "Bergen",
                &["Java"],
            ),
            vec![
                position(1, Work, "Software Engineer", "Globex"),
                position(2, Work, "Manager", "Acme"),
            ],
        ),
        (
            member(3, "Jean-Luc", "Müller", "Baker", "Oslo", &[]),
            vec![position(1, Work, "Baker", "Acme Bakery")],
        ),
        (
            member(4, "太郎", "山田", "エンジニア", "東京", &["Rust"]),
            vec![position(1, Education, "", "東京大学")],
        ),
        (
            member(
                5,
                "Acme",
                "Jones",
                "Consultant",
                "Oslo",
                &["Rust", "Search engines"],
            ),
            vec![],
        ),
        (
            member(6, "Łukasz", "Strauß", "Data lead", "Trondheim", &["SQL"]),
            vec![position(1, Work, "Data Engineer", "Johnson & Johnson")],
        ),
        (
            member(7, "Anna", "Smith-Jones", "Nurse", "Oslo", &[]),
            vec![position(1, Education, "Nurse", "Acme School")],
        ),
        (
            Member {
                member_id: 8,
                ..Member::default()
            },
            vec![],
        ),
        (
            member(9, "Vera", "Viewer", "Engineer", "Oslo", &["Rust"]),
            vec![],
        ),
    ];
    let profiles = profiles.map(|(member, positions)| {
        (
            member.member_id,
            ProfileRecord {
                member: Some(member),
                positions,
            },
        )
    });
    let edges = (1..8).map(|member| (member, member + 1)).chain([(1, 9)]);
    Truth {
        profiles: profiles.into(),
        edges: edges.collect(),
        node_order: 0x9E37_79B9_7F4A_7C15,
    }
}

/// Queries, each with the members that it finds.
const FINDS: [(&str, &[u64]); 78] = [
    // Words.
    ("", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("   ", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("engineer", &[1, 2, 6]),
    ("ENGINEER", &[1, 2, 6]),
    ("engineers", &[]),
    ("engineer acme", &[1, 2]),
    ("acme engineer", &[1, 2]),
    ("engineer AND acme", &[1, 2]),
    ("engineer and acme", &[]),
    ("engineer OR baker", &[1, 2, 3, 6]),
    ("engineer or baker", &[]),
    ("baker OR nurse OR consultant", &[3, 5, 7]),
    ("acme", &[1, 2, 3, 5, 7]),
    ("oslo", &[1]),
    ("norway", &[]),
    ("nobody", &[]),
    // Folding, in documents and queries.
    ("zoe", &[1]),
    ("zoë", &[1]),
    ("ZOË", &[1]),
    ("zoe\u{308}", &[1]),
    ("muller", &[3]),
    ("müller", &[3]),
    ("lukasz", &[6]),
    ("strauss", &[6]),
    ("STRAUẞ", &[6]),
    // Words that are cut into several tokens.
    ("o'neil", &[1]),
    ("neil", &[1]),
    ("oneil", &[]),
    ("jean-luc", &[3]),
    ("luc-jean", &[]),
    ("luc jean", &[3]),
    ("smith", &[2, 7]),
    ("smith-jones", &[7]),
    ("jones-smith", &[]),
    ("c++", &[1]),
    // Chinese and Japanese, by any part of a name.
    ("山田", &[4]),
    ("山", &[4]),
    ("山田太郎", &[]),
    ("太郎山田", &[4]),
    ("\"太郎 山田\"", &[4]),
    ("エンジ", &[4]),
    ("ｴﾝｼﾞﾆｱ", &[4]),
    ("school:大学", &[4]),
    ("school:京東", &[]),
    // Phrases.
    ("\"senior engineer\"", &[1]),
    ("\"engineer senior\"", &[]),
    ("\"engineer at acme\"", &[2]),
    ("\"anders smith\"", &[2]),
    ("\"rust search\"", &[]),
    ("skill:\"search engines\"", &[5]),
    ("\"johnson & johnson\"", &[6]),
    ("\"globex acme\"", &[]),
    // Fields.
    ("title:engineer", &[1, 2, 6]),
    ("headline:engineer", &[1, 2]),
    ("company:acme", &[1, 2, 3]),
    ("school:acme", &[7]),
    ("organisation:acme", &[1, 2, 3, 7]),
    ("name:acme", &[5]),
    ("given:acme family:jones", &[5]),
    ("name:smith -family:jones", &[2]),
    ("place:oslo", &[1, 3, 5, 7]),
    ("region:viken", &[1]),
    ("country:norway", &[1, 2, 3, 4, 5, 6, 7]),
    ("industry:software", &[1]),
    ("summary:\"search engines\"", &[1]),
    ("title:\"software engineer\"", &[2]),
    ("skill:rust", &[1, 4, 5]),
    // Signs, NOT, parentheses.
    ("acme -company:acme", &[5, 7]),
    ("acme NOT company:acme", &[5, 7]),
    ("acme AND NOT company:acme", &[5, 7]),
    ("-acme", &[4, 6, 8]),
    ("NOT (acme OR data)", &[4, 8]),
    ("+acme +skill:rust", &[1, 5]),
    ("(engineer OR baker) company:acme", &[1, 2, 3]),
    ("engineer OR baker company:\"acme bakery\"", &[1, 2, 3, 6]),
    ("--acme place:oslo", &[1, 3, 5, 7]),
    ("acme & - !!! \\-", &[1, 2, 3, 5, 7]),
    ("place:oslo OR -place:oslo", &[1, 2, 3, 4, 5, 6, 7, 8]),
];

#[test]
fn queries_find_whom_they_should() {
    let site = Site::new(fixture());
    let network = network(&site.graph(), 9, &[]);
    for (text, expected) in FINDS {
        let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let page = search(
            &site.people.published(),
            &query,
            &network,
            100,
            None,
            &|| false,
        )
        .unwrap();
        let mut found: Vec<u64> = page.hits.iter().map(|hit| hit.member.get()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
        assert_eq!(page.total, expected.len() as u64, "{text}");
        assert!(page.next.is_none(), "{text}");
    }
}

#[test]
fn hits_come_nearest_first() {
    let site = Site::new(fixture());
    let check = |text: &str, degrees: &[Degree], expected: &[(u64, Degree)]| {
        let query = Query::parse(text).unwrap();
        let network = network(&site.graph(), 9, degrees);
        let page = search(
            &site.people.published(),
            &query,
            &network,
            100,
            None,
            &|| false,
        )
        .unwrap();
        let found: Vec<_> = page
            .hits
            .iter()
            .map(|hit| (hit.member.get(), hit.degree))
            .collect();
        assert_eq!(found, expected, "{text} {degrees:?}");
    };
    use Degree::{First, OutOfNetwork, Second, Third};
    check(
        "engineer",
        &[],
        &[(1, First), (2, Second), (6, OutOfNetwork)],
    );
    check("engineer", &[First], &[(1, First)]);
    check(
        "engineer",
        &[Second, OutOfNetwork],
        &[(2, Second), (6, OutOfNetwork)],
    );
    check("acme", &[Third], &[(3, Third)]);
    check("place:oslo", &[First, Third], &[(1, First), (3, Third)]);
    check(
        "skill:rust",
        &[OutOfNetwork],
        &[(4, OutOfNetwork), (5, OutOfNetwork)],
    );
    // The viewer is an engineer too, but is never a hit.
    check(
        "headline:engineer",
        &[First, Second, Third, OutOfNetwork],
        &[(1, First), (2, Second)],
    );
    // Equal scores are ordered by member id.
    check(
        "",
        &[OutOfNetwork],
        &[
            (4, OutOfNetwork),
            (5, OutOfNetwork),
            (6, OutOfNetwork),
            (7, OutOfNetwork),
            (8, OutOfNetwork),
        ],
    );
}
