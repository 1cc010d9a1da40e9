//! Reads the profiles in the order of the nodes. They are joined in order of member ids; if the
//! nodes have another order, the profiles are sorted once more.

use std::path::Path;

use cloud_profile::ProfileRecord;
use prost::Message as _;

use crate::{
    job::error::Error,
    snapshot::{
        database::{database_profiles::DatabaseProfiles, without_member::WithoutMember},
        people::{
            people_rows::{Origin, People},
            profiles::{ProfileCounts, Profiles, decode},
        },
        rejects::Rejects,
        rows::place::Place,
        sort::sorted_rows::{RowSorter, SortedRows, SortedRowsReader},
    },
};

/// The source of the profiles.
pub(crate) enum ProfilesByNode<'a> {
    /// The member ids by node, in ascending order, and the rows of the dump.
    AsTheyCome(&'a [u64], &'a People<'a>),
    /// The profiles, sorted by node.
    Sorted(SortedRows, ProfileCounts, WithoutMember),
}

/// Reads all profiles, node by node.
pub(crate) enum ProfilesReader<'a> {
    AsTheyCome(ProfilesById<'a>),
    Sorted(SortedRowsReader<'a>, ProfileCounts, WithoutMember),
}

/// Reads all profiles in order of member ids.
pub(crate) enum ProfilesById<'a> {
    OfDump(Profiles<'a>),
    OfDatabase(DatabaseProfiles<'a>),
}

impl<'a> ProfilesById<'a> {
    fn new(
        ids: &'a [u64],
        people: &'a People<'a>,
        rejects: Option<&'a Rejects>,
    ) -> Result<Self, Error> {
        Ok(match &people.origin {
            Origin::Files(files) => Self::OfDump(Profiles::new(ids, people, files, rejects)?),
            Origin::Database(database) => {
                let is_first = rejects.is_some();
                Self::OfDatabase(DatabaseProfiles::new(ids, people, database, is_first)?)
            }
        })
    }

    fn next(&mut self) -> Result<Option<ProfileRecord>, Error> {
        match self {
            Self::OfDump(profiles) => profiles.next(),
            Self::OfDatabase(profiles) => profiles.next(),
        }
    }

    fn counts(&self) -> (ProfileCounts, WithoutMember) {
        match self {
            Self::OfDump(profiles) => (profiles.counts, WithoutMember::default()),
            Self::OfDatabase(profiles) => (profiles.counts, profiles.without_member),
        }
    }
}

impl<'a> ProfilesByNode<'a> {
    /// Prepares the profiles of these members, given by node. `nodes_by_id` is empty if the nodes
    /// are in order of member ids. Data that does not fit `sorter_bytes` goes to files in
    /// `directory`.
    ///
    /// Positions of other members go to `rejects`, either here or in the first reader.
    pub(crate) fn new(
        member_ids: &'a [u64],
        nodes_by_id: &[u32],
        people: &'a People<'a>,
        rejects: &Rejects,
        directory: &Path,
        sorter_bytes: usize,
    ) -> Result<Self, Error> {
        if nodes_by_id.is_empty() {
            return Ok(Self::AsTheyCome(member_ids, people));
        }
        let ids = nodes_by_id.iter().map(|&node| member_ids[node as usize]);
        let ids: Vec<u64> = ids.collect();
        let mut profiles = ProfilesById::new(&ids, people, Some(rejects))?;
        let mut sorter = RowSorter::new(directory, "profiles", sorter_bytes);
        // A node has one profile, so its place does not matter.
        let nowhere = Place { file: 0, offset: 0 };
        for &node in nodes_by_id {
            let Some(profile) = profiles.next()? else {
                unreachable!("each member has a profile");
            };
            sorter.push(u64::from(node), nowhere, |buffer| {
                profile.encode_raw(buffer);
            })?;
        }
        // After the last member, this call rejects the remaining positions.
        profiles.next()?;
        let (counts, without_member) = profiles.counts();
        Ok(Self::Sorted(sorter.finish()?, counts, without_member))
    }

    /// Returns a reader that begins at the first node. The first reader gets `rejects`.
    pub(crate) fn reader<'r>(
        &'r self,
        rejects: Option<&'r Rejects>,
    ) -> Result<ProfilesReader<'r>, Error> {
        Ok(match self {
            Self::AsTheyCome(member_ids, people) => {
                ProfilesReader::AsTheyCome(ProfilesById::new(member_ids, people, rejects)?)
            }
            Self::Sorted(rows, counts, without_member) => {
                ProfilesReader::Sorted(rows.reader()?, *counts, *without_member)
            }
        })
    }
}

impl ProfilesReader<'_> {
    /// Returns the next node's profile, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<ProfileRecord>, Error> {
        match self {
            Self::AsTheyCome(profiles) => profiles.next(),
            Self::Sorted(rows, ..) => rows.next()?.map(|row| decode(&row)).transpose(),
        }
    }

    /// Returns the counts up to the last profile that was read.
    pub(crate) fn counts(&self) -> (ProfileCounts, WithoutMember) {
        match self {
            Self::AsTheyCome(profiles) => profiles.counts(),
            Self::Sorted(_, counts, without_member) => (*counts, *without_member),
        }
    }
}
