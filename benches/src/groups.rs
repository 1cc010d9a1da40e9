//! The groups of figures, in the order of the table.

use std::time::Instant;

use crate::{figures::Figures, outcome::Outcome, setting::Setting};

mod at_least;
mod build;
mod changes;
mod compaction;
mod core_database;
mod degrees;
mod durability;
mod hub;
mod large_pages;
mod large_transactions;
mod lists;
mod order;
mod plain_tantivy;
mod policy;
mod profile_batches;
mod profiles;
mod relay;
mod resident;
mod rivals;
mod search;
mod sizes;
mod start;
mod views;

/// Rows that are measured together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The name for `--only`.
    pub name: &'static str,
    /// The heading of its section.
    pub heading: &'static str,
    needs: Needs,
    measure: fn(&Setting, &mut Figures) -> Outcome<()>,
}

/// The data that a group needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Any site.
    Graph,
    /// A site with profiles.
    Profiles,
    /// Something more than a site: programs of others, or much time. Measured only when
    /// `--only` names it.
    Selection,
}

const GRAPH: &str = "The graph and the loader";
const DATABUS: &str = "The databus and durability";
const SEARCH: &str = "People search and profiles";
const LARGE_PAGES: &str = "Large pages and a resident graph, against neither";
const CORE_DATABASE: &str = "The core database, PostgreSQL";
const RIVALS: &str =
    "The rivals: the same graph, the same questions, the same cores, all answers equal";

impl Group {
    /// All groups.
    pub const ALL: [Self; 23] = [
        Self {
            name: "order",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: order::measure,
        },
        Self {
            name: "build",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: build::measure,
        },
        Self {
            name: "start",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: start::measure,
        },
        Self {
            name: "resident",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: resident::measure,
        },
        Self {
            name: "views",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: views::measure,
        },
        Self {
            name: "policy",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: policy::measure,
        },
        Self {
            name: "degrees",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: degrees::measure,
        },
        Self {
            name: "sizes",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: sizes::measure,
        },
        Self {
            name: "lists",
            heading: GRAPH,
            needs: Needs::Graph,
            measure: lists::measure,
        },
        Self {
            name: "changes",
            heading: DATABUS,
            needs: Needs::Graph,
            measure: changes::measure,
        },
        Self {
            name: "compaction",
            heading: DATABUS,
            needs: Needs::Graph,
            measure: compaction::measure,
        },
        Self {
            name: "durability",
            heading: DATABUS,
            needs: Needs::Graph,
            measure: durability::measure,
        },
        Self {
            name: "hub",
            heading: DATABUS,
            needs: Needs::Graph,
            measure: hub::measure,
        },
        Self {
            name: "relay",
            heading: DATABUS,
            needs: Needs::Graph,
            measure: relay::measure,
        },
        Self {
            name: "at-least",
            heading: DATABUS,
            needs: Needs::Profiles,
            measure: at_least::measure,
        },
        Self {
            name: "search",
            heading: SEARCH,
            needs: Needs::Profiles,
            measure: search::measure,
        },
        Self {
            name: "plain-tantivy",
            heading: SEARCH,
            needs: Needs::Profiles,
            measure: plain_tantivy::measure,
        },
        Self {
            name: "profiles",
            heading: SEARCH,
            needs: Needs::Profiles,
            measure: profiles::measure,
        },
        Self {
            name: "profile-batches",
            heading: SEARCH,
            needs: Needs::Profiles,
            measure: profile_batches::measure,
        },
        Self {
            name: "large-pages",
            heading: LARGE_PAGES,
            needs: Needs::Selection,
            measure: large_pages::measure,
        },
        Self {
            name: "core-database",
            heading: CORE_DATABASE,
            needs: Needs::Selection,
            measure: core_database::measure,
        },
        Self {
            name: "large-transactions",
            heading: CORE_DATABASE,
            needs: Needs::Selection,
            measure: large_transactions::measure,
        },
        Self {
            name: "rivals",
            heading: RIVALS,
            needs: Needs::Selection,
            measure: rivals::measure,
        },
    ];

    /// Returns whether the group is measured when `--only` names these groups.
    pub fn is_wanted(&self, only: &[String]) -> bool {
        match only {
            [] => self.needs != Needs::Selection,
            _ => only.iter().any(|only| only == self.name),
        }
    }

    /// Adds the group's rows, or one row with the error when it fails.
    pub fn measure(&self, setting: &Setting, figures: &mut Figures) {
        eprintln!("{}", self.name);
        figures.section(self.heading);
        if self.needs == Needs::Profiles && setting.options().graph_only {
            figures.push_skipped(self.name, "the site has no profiles (--graph-only)");
            return;
        }
        let start = Instant::now();
        if let Err(error) = (self.measure)(setting, figures) {
            figures.push_failure(self.name, error.to_string());
        }
        figures.took(self.name, start.elapsed());
    }
}
