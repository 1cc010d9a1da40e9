//! The names and headlines of members, to print beside their ids.

use cloud_client::{Client, Error};
use std::collections::BTreeMap;

/// Name and headline by member id.
pub(crate) struct People(BTreeMap<u64, (String, String)>);

impl People {
    pub(crate) async fn of(
        client: &Client,
        members: impl IntoIterator<Item = u64>,
    ) -> Result<Self, Error> {
        let members: Vec<_> = members.into_iter().collect();
        let profiles = client
            .profiles(&members)
            .await?
            .results
            .into_iter()
            .filter_map(|result| result.profile);
        Ok(Self(
            profiles
                .map(|member| (member.member_id, (member.display_name, member.headline)))
                .collect(),
        ))
    }

    pub(crate) fn name(&self, member: u64) -> &str {
        self.0.get(&member).map_or("a member", |(name, _)| name)
    }

    pub(crate) fn introduce(&self, member: u64) -> String {
        let headline = self.0.get(&member).map_or("", |(_, headline)| headline);
        format!("{}, {headline} (member {member})", self.name(member))
    }
}
