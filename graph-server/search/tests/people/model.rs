//! Random sites, changes and queries. Search finds the same members as the plain evaluation, in the
//! same order, page by page. The test compares them at every commit, after reopening, and on
//! earlier published states.

use crate::{
    plain::{self, Expected, Statistics},
    random::Random,
    silent::without_profiles,
    site::{Site, Truth, edge, id, network, open, write_silent_snapshot},
};
use cloud_engine::{Degree, Graph};
use cloud_model::Scn;
use cloud_search::{Page, Published, Query, search};
use proptest::prelude::*;
use std::sync::Arc;

pub(crate) const DEGREES: [&[Degree]; 7] = [
    &[],
    &[Degree::First],
    &[Degree::First, Degree::Second],
    &[Degree::Third],
    &[Degree::Second, Degree::Third],
    &[Degree::OutOfNetwork],
    &[Degree::First, Degree::OutOfNetwork],
];

pub(crate) fn truth(random: &mut Random, members: usize) -> Truth {
    let mut truth = Truth::default();
    if random.chance(67) {
        truth.node_order = random.next();
    }
    for _ in 0..members {
        let member = 10 + random.below(members * 3) as u64;
        truth.profiles.insert(member, random.profile(member));
    }
    let ids: Vec<u64> = truth.profiles.keys().copied().collect();
    for _ in 0..ids.len() {
        let (one, other) = (*random.pick(&ids), *random.pick(&ids));
        if one != other {
            truth.edges.insert(edge(one, other));
        }
    }
    truth
}

/// Returns the hits of all pages, joined.
fn pages(
    published: &Published,
    graph: &Graph,
    query: &Query,
    viewer: u64,
    degrees: &[Degree],
    size: usize,
) -> Page {
    let network = network(graph, viewer, degrees);
    let mut joined = search(published, query, &network, size, None, &|| false).unwrap();
    while let Some(next) = joined.next {
        let page = search(published, query, &network, size, Some(&next), &|| false).unwrap();
        assert_eq!(page.total, joined.total);
        assert!(!page.hits.is_empty());
        joined.hits.extend(page.hits);
        joined.next = page.next;
    }
    joined
}

fn check_search(
    random: &mut Random,
    published: &Published,
    graph: &Graph,
    truth: &Truth,
    statistics: &Statistics,
) {
    assert!(published.holds_at(graph.scn()));
    for (&member, profile) in &truth.profiles {
        let node = graph.node(id(member)).unwrap();
        assert_eq!(
            published.profile(node, member).unwrap().as_ref(),
            Some(profile),
            "member {member}"
        );
    }
    let viewers: Vec<u64> = truth.profiles.keys().copied().collect();
    for _ in 0..30 {
        let text = if random.chance(5) {
            String::new()
        } else {
            random.query(2)
        };
        let query = Query::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let (viewer, degrees) = (*random.pick(&viewers), *random.pick(&DEGREES));
        let expected = plain::search(truth, statistics, query.expression(), viewer, degrees);
        let size = 1 + random.below(12);
        let found = pages(published, graph, &query, viewer, degrees, size);
        let hits: Vec<_> = found
            .hits
            .iter()
            .map(|hit| Expected {
                member: hit.member.get(),
                degree: hit.degree,
                score: hit.score,
            })
            .collect();
        assert_eq!(
            hits, expected,
            "query {text:?}, viewer {viewer}, degrees {degrees:?}, pages of {size}"
        );
        assert_eq!(found.total, expected.len() as u64, "query {text:?}");
    }
}

/// Creates the site on a silent snapshot, in which every profile is empty at first.
fn silent(truth: Truth) -> Site {
    Site::written_by(write_silent_snapshot, without_profiles(truth))
}

fn check(site: fn(Truth) -> Site, seed: u64) {
    let random = &mut Random(seed);
    let members = 1 + random.below(120);
    let mut site = site(truth(random, members));
    let statistics = Statistics::of(&site.truth);
    check_search(
        random,
        &site.people.published(),
        &site.graph(),
        &site.truth,
        &statistics,
    );

    let mut scn = 0;
    let mut older: Option<(Arc<Published>, Graph, Truth)> = None;
    for _ in 0..6 {
        for _ in 0..1 + random.below(4) {
            scn += 1 + random.below(3) as u64;
            let most = 1 + random.below(20);
            let changes = (0..most)
                .map(|_| random.change(members as u64 * 4))
                .collect();
            site.apply(scn, changes);
        }
        if let Some((published, graph, truth)) = &older {
            check_search(random, published, graph, truth, &statistics);
        }
        if site.truth.profiles.is_empty() {
            break;
        }
        site.commit();
        assert_eq!(site.people.applied_scn(), Scn::new(scn));
        check_search(
            random,
            &site.people.published(),
            &site.graph(),
            &site.truth,
            &statistics,
        );
        older = Some((site.people.published(), site.graph(), site.truth.clone()));
    }

    let Site {
        directory,
        manifest,
        graph,
        people,
        writer,
        truth,
        ..
    } = site;
    let graph = graph.version().graph();
    drop((people, older));
    writer.close(graph.scn()).unwrap();
    let (people, writer) = open(directory.path(), &manifest, "live");
    assert_eq!(people.applied_scn(), graph.scn());
    assert!(!writer.is_pending());
    if !truth.profiles.is_empty() {
        check_search(random, &people.published(), &graph, &truth, &statistics);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn search_finds_what_plain_evaluation_finds(seed: u64) {
        check(Site::new, seed);
    }

    #[test]
    fn it_does_where_the_snapshot_says_nothing(seed: u64) {
        check(silent, seed);
    }
}
