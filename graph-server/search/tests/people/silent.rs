//! A silent snapshot answers as one with an empty profile and an empty document for each member
//! does, before and after changes.

use crate::{
    model::{DEGREES, truth},
    random::Random,
    site::{Change, Site, Truth, id, network, open, write_silent_snapshot},
};
use cloud_engine::{Degree, Graph, NodeIndex};
use cloud_profile::empty_profile;
use cloud_search::{Page, Published, Query, search};
use proptest::prelude::*;
use std::sync::Arc;

/// Returns the same truth with empty profiles.
pub(crate) fn without_profiles(mut truth: Truth) -> Truth {
    for (&member, profile) in &mut truth.profiles {
        *profile = empty_profile(member);
    }
    truth
}

/// The published state at one moment, and the graph at its SCN.
type Moment = (Arc<Published>, Graph);

/// The same site on a snapshot of each form, with the same node numbers.
struct Twins {
    silent: Site,
    empty: Site,
}

impl Twins {
    fn new(truth: Truth) -> Self {
        let truth = without_profiles(truth);
        Self {
            silent: Site::written_by(write_silent_snapshot, truth.clone()),
            empty: Site::new(truth),
        }
    }

    fn each(&mut self, mut act: impl FnMut(&mut Site)) {
        act(&mut self.silent);
        act(&mut self.empty);
    }

    fn moments(&self) -> [Moment; 2] {
        [&self.silent, &self.empty].map(|site| (site.people.published(), site.graph()))
    }
}

/// Returns every page with all its fields.
fn pages(
    (published, graph): &Moment,
    text: &str,
    viewer: u64,
    degrees: &[Degree],
    size: usize,
) -> Vec<Page> {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let network = network(graph, viewer, degrees);
    let mut pages: Vec<Page> = Vec::new();
    loop {
        let after = pages.last().and_then(|page| page.next);
        if !pages.is_empty() && after.is_none() {
            return pages;
        }
        let page = search(published, &query, &network, size, after.as_ref(), &|| false);
        pages.push(page.unwrap());
    }
}

/// Compares the profiles of all nodes, and the results of random queries.
fn compare(random: &mut Random, [silent, empty]: &[Moment; 2]) {
    for node in (0..silent.1.node_bound()).map(NodeIndex::new) {
        let member = silent.1.member(node).get();
        assert_eq!(member, empty.1.member(node).get());
        let [one, other] = [silent, empty].map(|(published, _)| published.profile(node, member));
        assert_eq!(one.unwrap(), other.unwrap(), "node {node}");
    }
    let members: Vec<u64> = silent
        .1
        .nodes()
        .map(|node| silent.1.member(node).get())
        .collect();
    if members.is_empty() {
        return;
    }
    for round in 0..40 {
        let text = match round {
            0 => String::new(),
            1 => "-engineer".to_owned(),
            _ => random.query(2),
        };
        let (viewer, degrees) = (*random.pick(&members), *random.pick(&DEGREES));
        let size = 1 + random.below(12);
        assert_eq!(
            pages(silent, &text, viewer, degrees, size),
            pages(empty, &text, viewer, degrees, size),
            "query {text:?}, viewer {viewer}, degrees {degrees:?}, pages of {size}"
        );
    }
}

fn check(seed: u64) {
    let random = &mut Random(seed);
    let members = 1 + random.below(120);
    let mut twins = Twins::new(truth(random, members));
    let mut before = twins.moments();
    compare(random, &before);
    let mut scn = 0;
    for _ in 0..5 {
        for _ in 0..1 + random.below(4) {
            scn += 1 + random.below(3) as u64;
            let most = 1 + random.below(20);
            let changes: Vec<_> = (0..most)
                .map(|_| random.change(members as u64 * 4))
                .collect();
            twins.each(|site| site.apply(scn, changes.clone()));
        }
        compare(random, &before);
        twins.each(Site::commit);
        before = twins.moments();
        compare(random, &before);
    }
    drop(before);

    // The same comparison after reopening from disk.
    let Twins { silent, empty } = twins;
    let reopened = [silent, empty].map(|site| {
        let graph = site.graph.version().graph();
        site.writer.close(graph.scn()).unwrap();
        drop(site.people);
        let (people, _writer) = open(site.directory.path(), &site.manifest, "live");
        (people.published(), graph)
    });
    compare(random, &reopened);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nobody_can_tell_the_two_forms_apart(seed: u64) {
        check(seed);
    }
}

#[test]
fn a_silent_snapshot_lists_the_network_and_finds_who_said_something_since() {
    let mut truth = Truth::default();
    for member in 1..=5 {
        truth.profiles.insert(member, empty_profile(member));
    }
    truth.edges = [(1, 2), (2, 3), (3, 4)].into();
    let mut site = Site::written_by(write_silent_snapshot, truth);
    let found = |site: &Site, text: &str, degrees: &[Degree]| -> Vec<(u64, bool)> {
        let pages = pages(
            &(site.people.published(), site.graph()),
            text,
            1,
            degrees,
            2,
        );
        let hits = pages.iter().flat_map(|page| &page.hits);
        hits.map(|hit| (hit.member.get(), hit.score > 0.0))
            .collect()
    };
    let everyone = [2, 3, 4, 5].map(|member| (member, false));
    for text in ["", "-engineer", "NOT (baker OR \"senior engineer\")"] {
        assert_eq!(found(&site, text, &[]), everyone, "{text}");
    }
    assert_eq!(found(&site, "", &[Degree::Second]), [(3, false)]);
    for text in ["engineer", "title:engineer OR \"senior engineer\""] {
        assert_eq!(found(&site, text, &[]), [], "{text}");
    }

    let mut member = empty_profile(4).member.unwrap();
    member.headline = "engineer".to_owned();
    site.apply(1, vec![Change::MemberUpserted(member, None)]);
    site.commit();
    assert_eq!(found(&site, "engineer", &[]), [(4, true)]);
    let others = [2, 3, 5].map(|member| (member, false));
    assert_eq!(found(&site, "-engineer", &[]), others);
    assert_eq!(found(&site, "", &[]), everyone);
    let said = site.people.profile(site.graph().node(id(4)).unwrap(), 4);
    assert_eq!(said.unwrap().unwrap().member.unwrap().headline, "engineer");
}
