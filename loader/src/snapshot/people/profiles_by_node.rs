//! Profiles in node order, whatever that is. They are put together in order of member ids; where nodes stand in another one,
//! they are sorted once more.

use std::path::Path;

use cloud_proto::cloud::v1::Profile;
use prost::Message as _;

use crate::{
    job::error::Error,
    snapshot::{
        people::{
            people_rows::People,
            profiles::{ProfileCounts, Profiles, decode},
        },
        rejects::Rejects,
        rows::place::Place,
        sort::sorted_rows::{RowSorter, SortedRows, SortedRowsReader},
    },
};

/// Where the profiles come from.
pub(crate) enum ProfilesByNode<'a> {
    /// The members by node, in order of their ids.
    AsTheyCome(&'a [u64], &'a People),
    /// By node.
    Sorted(SortedRows, ProfileCounts),
}

/// Goes through all profiles, node by node.
pub(crate) enum ProfilesReader<'a> {
    AsTheyCome(Profiles<'a>),
    Sorted(SortedRowsReader<'a>, ProfileCounts),
}

impl<'a> ProfilesByNode<'a> {
    /// Of these members, by node; `nodes_by_id` is empty when that is the order of their ids. What does not fit
    /// `sorter_bytes` goes to files in `directory`. `rejects` learns of the positions of others here or from the first reader.
    pub(crate) fn new(
        member_ids: &'a [u64],
        nodes_by_id: &[u32],
        people: &'a People,
        rejects: &Rejects,
        directory: &Path,
        sorter_bytes: usize,
    ) -> Result<Self, Error> {
        if nodes_by_id.is_empty() {
            return Ok(Self::AsTheyCome(member_ids, people));
        }
        let ids = nodes_by_id.iter().map(|&node| member_ids[node as usize]);
        let ids: Vec<u64> = ids.collect();
        let mut profiles = Profiles::new(&ids, people, Some(rejects))?;
        let mut sorter = RowSorter::new(directory, "profiles", sorter_bytes);
        // Of one node there is one profile.
        let nowhere = Place { file: 0, offset: 0 };
        for &node in nodes_by_id {
            let Some(profile) = profiles.next()? else {
                unreachable!("each member has a profile");
            };
            sorter.push(u64::from(node), nowhere, |buffer| {
                profile.encode_raw(buffer);
            })?;
        }
        // Behind the last member, no position may be left.
        profiles.next()?;
        Ok(Self::Sorted(sorter.finish()?, profiles.counts))
    }

    /// From the first node on. The first reader has `rejects`.
    pub(crate) fn reader<'r>(
        &'r self,
        rejects: Option<&'r Rejects>,
    ) -> Result<ProfilesReader<'r>, Error> {
        Ok(match self {
            Self::AsTheyCome(member_ids, people) => {
                ProfilesReader::AsTheyCome(Profiles::new(member_ids, people, rejects)?)
            }
            Self::Sorted(rows, counts) => ProfilesReader::Sorted(rows.reader()?, *counts),
        })
    }
}

impl ProfilesReader<'_> {
    /// The next node's profile; `None` behind the last.
    pub(crate) fn next(&mut self) -> Result<Option<Profile>, Error> {
        match self {
            Self::AsTheyCome(profiles) => profiles.next(),
            Self::Sorted(rows, _) => rows.next()?.map(|row| decode(&row)).transpose(),
        }
    }

    /// What was found up to the last profile.
    pub(crate) fn counts(&self) -> ProfileCounts {
        match self {
            Self::AsTheyCome(profiles) => profiles.counts,
            Self::Sorted(_, counts) => *counts,
        }
    }
}
