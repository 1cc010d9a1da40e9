//! The groups of figures, in the order of the table.

use crate::figures::Figures;
use crate::outcome::Outcome;
use crate::setting::Setting;

mod build;
mod changes;
mod degrees;
mod durability;
mod plain_tantivy;
mod profiles;
mod resident;
mod search;
mod sizes;
mod start;
mod views;

/// Some rows that are measured together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// As `--only` calls it.
    pub name: &'static str,
    /// Under which its rows stand.
    pub heading: &'static str,
    measure: fn(&Setting, &mut Figures) -> Outcome<()>,
}

const GRAPH: &str = "The graph and the loader";
const DATABUS: &str = "The databus and durability";
const SEARCH: &str = "People search and profiles";

impl Group {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self {
            name: "build",
            heading: GRAPH,
            measure: build::measure,
        },
        Self {
            name: "start",
            heading: GRAPH,
            measure: start::measure,
        },
        Self {
            name: "resident",
            heading: GRAPH,
            measure: resident::measure,
        },
        Self {
            name: "views",
            heading: GRAPH,
            measure: views::measure,
        },
        Self {
            name: "degrees",
            heading: GRAPH,
            measure: degrees::measure,
        },
        Self {
            name: "sizes",
            heading: GRAPH,
            measure: sizes::measure,
        },
        Self {
            name: "changes",
            heading: DATABUS,
            measure: changes::measure,
        },
        Self {
            name: "durability",
            heading: DATABUS,
            measure: durability::measure,
        },
        Self {
            name: "search",
            heading: SEARCH,
            measure: search::measure,
        },
        Self {
            name: "plain-tantivy",
            heading: SEARCH,
            measure: plain_tantivy::measure,
        },
        Self {
            name: "profiles",
            heading: SEARCH,
            measure: profiles::measure,
        },
    ];

    /// Adds its rows; one that stands for the others when it cannot go on.
    pub fn measure(&self, setting: &Setting, figures: &mut Figures) {
        eprintln!("{}", self.name);
        figures.section(self.heading);
        if let Err(error) = (self.measure)(setting, figures) {
            figures.push_failure(self.name, error.to_string());
        }
    }
}
