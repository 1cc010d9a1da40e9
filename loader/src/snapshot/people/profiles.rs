//! Joins the sorted rows of members and positions to the profiles of all members, in order of
//! member ids. The rows stay, so the profiles can be read more than once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cloud_profile::{
    ProfileRecord,
    limits::{POSITIONS_MAX, PROFILE_BYTES_MAX},
    sort_positions,
};
use cloud_proto::databus::v1::{Member, Position};
use prost::Message as _;

use crate::{
    job::error::Error,
    snapshot::{
        people::people_rows::{People, PeopleFilePaths},
        rejects::Rejects,
        rows::{
            column_map::DumpKind,
            place::{Place, Stop, locate},
            row_fault::RowFault,
        },
        sort::sorted_rows::{Row, SortedRowsReader},
    },
};

/// The most rows of positions of one profile, repeats included. They take some 15 MB while they are
/// sorted.
const POSITION_ROWS_MAX: usize = 100_000;
/// The most bytes of these rows.
const POSITION_ROWS_BYTES_MAX: usize = 16 << 20;
/// The bytes of a position in a profile beyond its row's message: tag and length, and the id if the
/// row has none.
const POSITION_BYTES: usize = 5 + 11;
/// The bytes of the tag and the length of the member in a profile.
const MEMBER_BYTES: usize = 5;

/// Reads the profiles in ascending order of member ids.
pub(crate) struct Profiles<'a> {
    ids: std::slice::Iter<'a, u64>,
    rows: Rows<'a>,
    pub(crate) counts: ProfileCounts,
}

/// The numbers of positions and of repeated rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ProfileCounts {
    pub(crate) positions: u64,
    /// The rows that equal an earlier row of the same member.
    pub(crate) repeated_members: u64,
    /// The rows that equal an earlier row of the same position.
    pub(crate) repeated_positions: u64,
}

struct Rows<'a> {
    files: &'a PeopleFilePaths,
    /// Takes bad positions. It is absent when they have been reported already.
    rejects: Option<&'a Rejects>,
    members: SortedRowsReader<'a>,
    positions: SortedRowsReader<'a>,
}

impl<'a> Profiles<'a> {
    /// Reads the profiles of these members, ascending, which are those of the files. Positions of
    /// other members go to `rejects`; it is `None` from the second reading on.
    pub(crate) fn new(
        ids: &'a [u64],
        people: &'a People<'_>,
        files: &'a PeopleFilePaths,
        rejects: Option<&'a Rejects>,
    ) -> Result<Self, Error> {
        Ok(Self {
            ids: ids.iter(),
            rows: Rows {
                files,
                rejects,
                members: people.members.reader()?,
                positions: people.positions.reader()?,
            },
            counts: ProfileCounts::default(),
        })
    }

    /// Returns the next member's profile, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<ProfileRecord>, Error> {
        let Some(&id) = self.ids.next() else {
            return self.rows.pass_positions_before(None).map(|()| None);
        };
        let member = self.rows.member(id, &mut self.counts)?;
        let positions = self.rows.positions(&member, &mut self.counts)?;
        Ok(Some(ProfileRecord {
            member: Some(member),
            positions,
        }))
    }
}

impl Rows<'_> {
    fn member(&mut self, id: u64, counts: &mut ProfileCounts) -> Result<Member, Error> {
        let Some(first) = self.members.next_of(id)? else {
            unreachable!("the ids were collected from the same rows");
        };
        while let Some(row) = self.members.next_of(id)? {
            if row.message != first.message {
                let (first_file, first_line) = locate(&self.files.members, first.place)?;
                let fault = RowFault::MemberDiffers {
                    member: id,
                    first_file,
                    first_line,
                };
                return Err(bad_row(row.place, fault, &self.files.members));
            }
            counts.repeated_members += 1;
        }
        decode(&first)
    }

    /// Returns the positions of a member. There are none if they are more than a profile can hold:
    /// so the result does not depend on the order of the rows.
    fn positions(
        &mut self,
        member: &Member,
        counts: &mut ProfileCounts,
    ) -> Result<Vec<Position>, Error> {
        let id = member.member_id;
        self.pass_positions_before(Some(id))?;
        let mut found: Vec<(Place, Position)> = Vec::new();
        let mut bytes = MEMBER_BYTES + member.encoded_len();
        while let Some(row) = self.positions.next_of(id)? {
            bytes += POSITION_BYTES + row.message.len();
            if found.len() == POSITION_ROWS_MAX || bytes > POSITION_ROWS_BYTES_MAX {
                let places: Vec<_> = found.iter().map(|(place, _)| *place).collect();
                self.reject_positions(id, row.place, &places)?;
                return Ok(Vec::new());
            }
            found.push((row.place, decode(&row)?));
        }
        let mut places: Vec<Place> = found.iter().map(|(place, _)| *place).collect();
        number(&mut found);
        // The sort is stable: among equal ids, the first row of the dump comes first.
        found.sort_by_key(|(_, position)| position.position_id);
        let mut positions: Vec<Position> = Vec::with_capacity(found.len());
        let (mut first, mut repeated) = (None, 0);
        for (place, position) in found {
            match positions.last() {
                Some(last) if last.position_id == position.position_id => {
                    if *last != position {
                        return Err(self.position_differs(
                            id,
                            &position,
                            first.unwrap_or(place),
                            place,
                        ));
                    }
                    repeated += 1;
                }
                _ => {
                    positions.push(position);
                    first = Some(place);
                }
            }
        }
        // The bytes of the rows are at least those of the profile.
        let too_large =
            || bytes > PROFILE_BYTES_MAX && profile_bytes(member, &positions) > PROFILE_BYTES_MAX;
        if (positions.len() > POSITIONS_MAX || too_large())
            && let Some(last) = places.pop()
        {
            self.reject_positions(id, last, &places)?;
            return Ok(Vec::new());
        }
        counts.repeated_positions += repeated;
        counts.positions += positions.len() as u64;
        sort_positions(&mut positions);
        Ok(positions)
    }

    /// Rejects all positions of a member: the row that was one too many, those before it and those
    /// after.
    fn reject_positions(
        &mut self,
        member: u64,
        beyond: Place,
        before: &[Place],
    ) -> Result<(), Error> {
        let fault = || RowFault::TooManyPositions {
            member,
            positions_max: POSITIONS_MAX,
            rows_max: POSITION_ROWS_MAX,
            bytes_max: PROFILE_BYTES_MAX,
        };
        self.reject_position(beyond, fault())?;
        for &place in before {
            self.reject_position(place, fault())?;
        }
        while let Some(row) = self.positions.next_of(member)? {
            self.reject_position(row.place, fault())?;
        }
        Ok(())
    }

    /// Rejects a position. Stops the build, unless bad rows are skipped.
    fn reject_position(&self, place: Place, fault: RowFault) -> Result<(), Error> {
        let Some(rejects) = self.rejects else {
            return Ok(());
        };
        rejects
            .take(DumpKind::Positions, place, fault)
            .map_err(|stop| stop.into_error(&self.files.positions))
    }

    /// Skips the positions of smaller member ids, or all that are left if `id` is `None`. Their
    /// members are unknown, so the positions are rejected.
    fn pass_positions_before(&mut self, id: Option<u64>) -> Result<(), Error> {
        while let Some(member) = self
            .positions
            .member()
            .filter(|member| id.is_none_or(|id| *member < id))
        {
            if let Some(row) = self.positions.next()? {
                self.reject_position(row.place, RowFault::UnknownMember { member })?;
            }
        }
        Ok(())
    }

    fn position_differs(
        &self,
        member: u64,
        position: &Position,
        first: Place,
        place: Place,
    ) -> Error {
        match locate(&self.files.positions, first) {
            Err(error) => error,
            Ok((first_file, first_line)) => {
                let position = position.position_id;
                let fault = RowFault::PositionDiffers {
                    member,
                    position,
                    first_file,
                    first_line,
                };
                bad_row(place, fault, &self.files.positions)
            }
        }
    }
}

/// Returns the size of the encoded profile.
fn profile_bytes(member: &Member, positions: &[Position]) -> usize {
    let record = ProfileRecord {
        member: Some(member.clone()),
        positions: positions.to_vec(),
    };
    record.encoded_len()
}

/// Numbers the positions without an id: each gets the lowest free id, in row order.
fn number(positions: &mut [(Place, Position)]) {
    let taken: BTreeSet<u64> = positions
        .iter()
        .map(|(_, position)| position.position_id)
        .collect();
    let mut free = (1..).filter(|id| !taken.contains(id));
    for (_, position) in positions
        .iter_mut()
        .filter(|(_, position)| position.position_id == 0)
    {
        position.position_id = free.next().unwrap_or_default();
    }
}

fn bad_row(place: Place, fault: RowFault, files: &[PathBuf]) -> Error {
    Stop::Row(place, fault).into_error(files)
}

pub(crate) fn decode<M: prost::Message + Default>(row: &Row) -> Result<M, Error> {
    M::decode(row.message.as_slice()).map_err(Error::Sorting)
}
