//! Merges the rows of members, profiles and positions to the profiles of all members, in order of
//! member ids, as a server merges the changes of these rows.

use std::fmt::Display;

use cloud_profile::{ProfileRecord, empty_profile, upsert_member, upsert_position};
use cloud_proto::databus::v1::{Member, Position};

use crate::{
    job::error::Error,
    snapshot::{
        database::{core_database::CoreDatabase, without_member::WithoutMember},
        people::{people_rows::People, profiles::ProfileCounts},
        rows::place::Place,
        sort::sorted_rows::{Row, SortedRowsReader},
    },
};

/// Reads the profiles in ascending order of member ids.
pub(crate) struct DatabaseProfiles<'a> {
    database: &'a CoreDatabase,
    ids: std::slice::Iter<'a, u64>,
    members: SortedRowsReader<'a>,
    positions: SortedRowsReader<'a>,
    /// Whether rows that exceed a bound are reported. They have been if this is a second reading.
    is_first: bool,
    pub(crate) counts: ProfileCounts,
    pub(crate) without_member: WithoutMember,
}

impl<'a> DatabaseProfiles<'a> {
    /// Reads the profiles of these members, ascending. Only the first reading reports rows that
    /// exceed a bound.
    pub(crate) fn new(
        ids: &'a [u64],
        people: &'a People<'_>,
        database: &'a CoreDatabase,
        is_first: bool,
    ) -> Result<Self, Error> {
        Ok(Self {
            database,
            ids: ids.iter(),
            members: people.members.reader()?,
            positions: people.positions.reader()?,
            is_first,
            counts: ProfileCounts::default(),
            without_member: WithoutMember::default(),
        })
    }

    /// Returns the next member's profile, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<ProfileRecord>, Error> {
        let id = self.ids.next().copied();
        let without = &mut self.without_member;
        without.profiles += pass_before(&mut self.members, id)?;
        without.positions += pass_before(&mut self.positions, id)?;
        let Some(id) = id else {
            return Ok(None);
        };
        let mut profile = empty_profile(id);
        let mut key: Option<String> = None;
        while let Some(row) = self.members.next_of(id)? {
            self.add_member(&mut profile, &mut key, &row)?;
        }
        while let Some(row) = self.positions.next_of(id)? {
            self.add_position(&mut profile, &row)?;
        }
        self.counts.positions += profile.positions.len() as u64;
        Ok(Some(profile))
    }

    /// Merges a row of members or of further fields. `key` is the key of the first row of members.
    fn add_member(
        &mut self,
        profile: &mut ProfileRecord,
        key: &mut Option<String>,
        row: &Row,
    ) -> Result<(), Error> {
        let (member, fields) = self.database.masks.decode::<Member>(row)?;
        if self.database.is_creating(row.place) {
            match key {
                None => *key = Some(member.key.clone()),
                Some(key) if *key != member.key => {
                    return Err(Error::SameId {
                        table: self.database.table(row.place).to_string(),
                        member: row.member,
                        keys: [key.clone(), member.key],
                    });
                }
                Some(_) => self.counts.repeated_members += 1,
            }
        }
        upsert_member(profile, member, fields)
            .or_else(|error| self.refuse(row.place, key.as_deref(), row.member, None, error))
    }

    fn add_position(&mut self, profile: &mut ProfileRecord, row: &Row) -> Result<(), Error> {
        let (position, fields) = self.database.masks.decode::<Position>(row)?;
        let id = position.position_id;
        let (known, had) = (&profile.positions, profile.positions.len());
        let is_known = known.iter().any(|known| known.position_id == id);
        let outcome = upsert_position(profile, position, fields);
        if is_known && outcome.is_ok() && profile.positions.len() == had {
            self.counts.repeated_positions += 1;
        }
        let key = profile.member.as_ref().map(|member| &*member.key);
        outcome.or_else(|bound| self.refuse(row.place, key, row.member, Some(id), bound))
    }

    /// Lists a row that a profile does not take, or stops the build because of it.
    fn refuse(
        &self,
        place: Place,
        key: Option<&str>,
        member: u64,
        position: Option<u64>,
        reason: impl Display,
    ) -> Result<(), Error> {
        if !self.is_first {
            return Ok(());
        }
        let mut name = match key {
            None | Some("") => member.to_string(),
            Some(key) => key.to_owned(),
        };
        if let Some(position) = position {
            name = format!("{name},{position}");
        }
        self.database.refuse(place, name, &reason)
    }
}

/// Skips the rows of smaller member ids, or all that are left if `id` is `None`. Returns their
/// number.
fn pass_before(rows: &mut SortedRowsReader<'_>, id: Option<u64>) -> Result<u64, Error> {
    let mut passed = 0;
    while rows
        .member()
        .is_some_and(|member| id.is_none_or(|id| member < id))
    {
        rows.next()?;
        passed += 1;
    }
    Ok(passed)
}
