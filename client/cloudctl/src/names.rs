//! The names and headlines that tables show beside ids.

use crate::table::Table;
use cloud_client::{Client, Error};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The maximum characters of a headline; a longer one is truncated.
const HEADLINE_CHARACTERS: usize = 60;

/// The name and headline of each member.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<u64, (String, String)>);

impl Names {
    pub(crate) async fn of(
        client: &Client,
        members: impl IntoIterator<Item = u64>,
    ) -> Result<Self, Error> {
        let members: BTreeSet<_> = members.into_iter().filter(|&member| member != 0).collect();
        let members: Vec<_> = members.into_iter().collect();
        let mut names = Self::default();
        let fields = ["display_name", "headline"];
        for result in client.all_profiles(&members, &fields).await?.1 {
            if let Some(profile) = result.profile {
                let name = (profile.display_name, shortened(profile.headline));
                names.0.insert(result.member_id, name);
            }
        }
        Ok(names)
    }

    /// Returns the name of a member; empty for one without a profile.
    pub(crate) fn name(&self, member: u64) -> &str {
        self.0.get(&member).map_or("", |(name, _)| name)
    }

    pub(crate) fn headline(&self, member: u64) -> &str {
        self.0.get(&member).map_or("", |(_, headline)| headline)
    }

    /// Returns the name, or the id of a member without one.
    pub(crate) fn name_or_id(&self, member: u64) -> String {
        match self.name(member) {
            "" => member.to_string(),
            name => name.to_owned(),
        }
    }

    /// Returns a table with a row for each member.
    pub(crate) fn table(&self, members: &[u64]) -> Table {
        let mut rows = Table::new(&["member", "name", "headline"]);
        for &id in members {
            rows.add_row([&id.to_string(), self.name(id), self.headline(id)]);
        }
        rows
    }

    /// Returns the same as JSON.
    pub(crate) fn json(&self, members: &[u64]) -> Vec<Value> {
        let line = |&id: &u64| {
            json!({
                "member_id": id,
                "name": self.name(id),
                "headline": self.headline(id),
            })
        };
        members.iter().map(line).collect()
    }
}

fn shortened(headline: String) -> String {
    match headline.char_indices().nth(HEADLINE_CHARACTERS) {
        Some((end, _)) => headline.get(..end).unwrap_or_default().to_owned() + "…",
        None => headline,
    }
}
