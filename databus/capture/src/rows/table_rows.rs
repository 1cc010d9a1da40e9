//! The rows of one mapped table, and the changes that they make.
//!
//! A row that passes the table's conditions states that something exists: a member, a position, a
//! connection. A row that does not pass them, or is deleted, states that it does not exist. Which
//! thing a row is about, its identity, is in the columns of the mapping's keys.

use cloud_model::{MemberId, hash_63};
use cloud_profile::{InvalidValue, complete_change, id_from_text};
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, Member, MemberRemoved, MemberUpserted, Position,
    PositionRemoved, PositionUpserted, change::Event,
};
use prost_types::{FieldMask, Timestamp};

use crate::{
    mapping::{Mapping, Pair, TableKind, TableMap, Test},
    rows::{
        datum::Datum,
        field_values::{FieldColumns, time},
        refused_row::RefusedRow,
        row_error::{MissingColumn, RowError},
        tests_of_columns::holds,
    },
};

/// The rows of a table, with the places of the mapped columns.
#[derive(Debug)]
pub struct TableRows<'m> {
    map: &'m TableMap,
    seed: Option<&'m str>,
    /// Whether changes that belong to members create none.
    existing_only: bool,
    conditions: Vec<(usize, &'m str, &'m Test)>,
    kind: Kind<'m>,
    /// The columns that identify the object of a row, with their places.
    identity: Vec<(usize, &'m str)>,
    /// The places of all mapped columns.
    mapped: Vec<usize>,
}

#[derive(Debug)]
enum Kind<'m> {
    Member {
        fields: FieldColumns<'m, Member>,
    },
    Profile {
        fields: FieldColumns<'m, Member>,
    },
    Position {
        /// The text before a key whose hash is the position's id. `None`: the key is the id.
        hashed_after: Option<String>,
        fields: FieldColumns<'m, Position>,
    },
    Connection {
        pair: Pair,
        connected_at: Option<(usize, &'m str)>,
    },
}

/// The thing that a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity<'a> {
    Member(MemberId, &'a str),
    Position(MemberId, u64),
    Connection(MemberId, MemberId),
}

impl<'m> TableRows<'m> {
    /// Finds the mapped columns among those of the rows.
    ///
    /// # Errors
    /// If a mapped column is missing.
    pub fn new<'c>(
        mapping: &'m Mapping,
        map: &'m TableMap,
        columns: impl Iterator<Item = &'c str> + Clone,
    ) -> Result<Self, MissingColumn> {
        let place = |name: &str| {
            let mut columns = columns.clone();
            columns
                .position(|column| column == name)
                .ok_or_else(|| MissingColumn {
                    table: map.table.to_string(),
                    column: name.to_owned(),
                })
        };
        let kind = match &map.kind {
            TableKind::Member(member) => Kind::Member {
                fields: FieldColumns::find(&member.fields, place)?,
            },
            TableKind::Profile(profile) => Kind::Profile {
                fields: FieldColumns::find(&profile.fields, place)?,
            },
            TableKind::Position(position) => Kind::Position {
                hashed_after: position.is_id_hashed.then(|| format!("{}:", map.table)),
                fields: FieldColumns::find(&position.fields, place)?,
            },
            TableKind::Connection(connection) => Kind::Connection {
                pair: connection.pair,
                connected_at: match connection.connected_at.as_deref() {
                    Some(column) => Some((place(column)?, column)),
                    None => None,
                },
            },
        };
        let conditions = map.conditions.iter().map(|condition| {
            let place = place(&condition.column)?;
            Ok((place, &*condition.column, &condition.test))
        });
        let identity = map.identity_columns().into_iter();
        let identity = identity.map(|column| Ok((place(column)?, column)));
        Ok(Self {
            map,
            seed: mapping.seed.as_deref(),
            existing_only: mapping.has_members(),
            conditions: conditions.collect::<Result<_, _>>()?,
            kind,
            identity: identity.collect::<Result<_, _>>()?,
            mapped: map
                .columns()
                .into_iter()
                .map(place)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Returns the table's mapping.
    #[must_use]
    pub fn map(&self) -> &'m TableMap {
        self.map
    }

    /// Returns the change that states the row; `None` if the row does not count. A bootstrap uses
    /// this for each row of the table.
    ///
    /// # Errors
    /// If a value breaks a rule.
    pub fn stated(&self, row: &[Datum<'_>]) -> Result<Option<Change>, RowError> {
        match self.identity(row)? {
            Some(identity) if self.counts(row)? => self.upserted(identity, row, true).map(Some),
            _ => Ok(None),
        }
    }

    /// Adds the changes of an inserted row.
    ///
    /// # Errors
    /// As [`stated`](Self::stated).
    pub fn inserted(&self, row: &[Datum<'_>], changes: &mut Vec<Change>) -> Result<(), RowError> {
        changes.extend(self.stated(row)?);
        Ok(())
    }

    /// Adds the changes of a deleted row. `old` holds the columns of the replica identity.
    ///
    /// # Errors
    /// If the columns that identify the row are not in `old`, or break a rule.
    pub fn deleted(&self, old: &[Datum<'_>], changes: &mut Vec<Change>) -> Result<(), RowError> {
        if let Some(identity) = self.identity(old)?
            && self.counted(old) != Some(false)
        {
            changes.push(self.removed(identity)?);
        }
        Ok(())
    }

    /// Adds the changes of an updated row. `old` holds the columns of the replica identity; `None`
    /// if they did not change.
    ///
    /// # Errors
    /// If a value breaks a rule, or was not sent and is needed. The changes that were added hold
    /// all the same: if a row is now about another thing and breaks a rule, the old thing is gone.
    pub fn updated(
        &self,
        old: Option<&[Datum<'_>]>,
        new: &[Datum<'_>],
        changes: &mut Vec<Change>,
    ) -> Result<(), RowError> {
        let Some(old) = old else {
            return self.restated(None, new, changes);
        };
        // The database does not send a value again that is stored out of line.
        let merged: Vec<_> = (new.iter().zip(old))
            .map(|(&new, &old)| if new == Datum::Unknown { old } else { new })
            .collect();
        let (before, after) = (self.identity(old), self.identity(&merged));
        if let (Ok(before), Ok(after)) = (&before, &after)
            && before == after
        {
            return self.restated(Some(old), &merged, changes);
        }
        // A row whose keys broke a rule stated nothing.
        match before {
            Err(RowError::Invalid(_)) => {}
            _ => self.deleted(old, changes)?,
        }
        changes.extend(self.stated(&merged)?);
        Ok(())
    }

    /// Returns the key of a member that exists again: its row did not pass the conditions before an
    /// update, and passes them now.
    #[must_use]
    pub fn returning<'a>(&self, old: &[Datum<'_>], new: &[Datum<'a>]) -> Option<&'a str> {
        let (Kind::Member { .. }, &[(place, _)]) = (&self.kind, self.identity.as_slice()) else {
            return None;
        };
        let returns = self.counted(old) == Some(false) && self.counts(new) == Ok(true);
        match new[place] {
            Datum::Text(key) if returns => Some(key),
            _ => None,
        }
    }

    /// Returns a row that breaks a rule, for a human reader. `row` holds the columns of the replica
    /// identity at least.
    #[must_use]
    pub fn refused(&self, row: &[Datum<'_>], invalid: &InvalidValue) -> RefusedRow {
        let keys = self.identity.iter().map(|&(place, _)| match row[place] {
            Datum::Text(text) => text,
            Datum::Null => "NULL",
            Datum::Unknown => "unknown",
        });
        RefusedRow {
            table: self.map.table.clone(),
            key: keys.collect::<Vec<_>>().join(","),
            reason: invalid.to_string(),
        }
    }

    /// Adds the changes of a row that is about the same thing as before.
    fn restated(
        &self,
        old: Option<&[Datum<'_>]>,
        new: &[Datum<'_>],
        changes: &mut Vec<Change>,
    ) -> Result<(), RowError> {
        let Some(identity) = self.identity(new)? else {
            return Ok(());
        };
        let had_counted = match old {
            Some(old) => self.counted(old),
            None if self.conditions.is_empty() => Some(true),
            None => None,
        };
        let counts = self.counts(new)?;
        if !counts && had_counted == Some(false) || old.is_some_and(|old| self.is_same(old, new)) {
            return Ok(());
        }
        changes.push(if counts {
            self.upserted(identity, new, had_counted != Some(true))?
        } else {
            self.removed(identity)?
        });
        Ok(())
    }

    /// Returns whether no mapped column changed, as far as the old row is known.
    fn is_same(&self, old: &[Datum<'_>], new: &[Datum<'_>]) -> bool {
        let mut mapped = self.mapped.iter();
        mapped.all(|&column| old[column] != Datum::Unknown && old[column] == new[column])
    }

    /// Returns whether a row passes the conditions.
    fn counts(&self, row: &[Datum<'_>]) -> Result<bool, RowError> {
        let mut counts = true;
        for &(place, column, test) in &self.conditions {
            let Some(holds) = holds(test, row[place]) else {
                let column = column.to_owned();
                return Err(RowError::NeedsFull { column });
            };
            counts &= holds;
        }
        Ok(counts)
    }

    /// Returns whether an old row passed the conditions; `None` if that is not known.
    fn counted(&self, old: &[Datum<'_>]) -> Option<bool> {
        let mut counted = Some(true);
        for &(place, _, test) in &self.conditions {
            match holds(test, old[place]) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => counted = None,
            }
        }
        counted
    }

    /// Returns the thing that a row is about; `None` if a key is NULL, or the row of the other
    /// direction counts.
    fn identity<'a>(&self, row: &[Datum<'a>]) -> Result<Option<Identity<'a>>, RowError> {
        let mut keys = ["", ""];
        for (key, &(place, column)) in keys.iter_mut().zip(&self.identity) {
            *key = match row[place] {
                Datum::Text(text) => text,
                Datum::Null => return Ok(None),
                Datum::Unknown => {
                    let column = column.to_owned();
                    return Err(RowError::NeedsFull { column });
                }
            };
        }
        let ([first, second], member) = (keys, self.member_id(0, keys[0])?);
        Ok(Some(match &self.kind {
            Kind::Member { .. } | Kind::Profile { .. } => Identity::Member(member, first),
            Kind::Position { hashed_after, .. } => {
                let id = match hashed_after {
                    Some(table) => hash_63(&[table, second]).max(1),
                    None => id_from_text(self.identity[1].1, second)?,
                };
                Identity::Position(member, id)
            }
            Kind::Connection { pair, .. } => {
                let other = self.member_id(1, second)?;
                if *pair == Pair::BothRows && member > other {
                    return Ok(None);
                }
                Identity::Connection(member.min(other), member.max(other))
            }
        }))
    }

    /// Returns the member of a key, which is in this column of the identity.
    fn member_id(&self, column: usize, key: &str) -> Result<MemberId, InvalidValue> {
        if let Some(seed) = self.seed {
            return Ok(MemberId::of_key(seed, key));
        }
        let column = self.identity[column].1;
        let id = id_from_text(column, key)?;
        MemberId::new(id).ok_or_else(|| InvalidValue::new(column, "is 0"))
    }

    fn upserted(
        &self,
        identity: Identity<'_>,
        row: &[Datum<'_>],
        is_whole: bool,
    ) -> Result<Change, RowError> {
        let event = match (&self.kind, identity) {
            (Kind::Member { fields, .. }, Identity::Member(member_id, key)) => {
                let (mut member, mut mask) = fields.read(row, is_whole)?;
                member.member_id = member_id.get();
                if self.seed.is_some() {
                    key.clone_into(&mut member.key);
                    mask.paths.push("key".to_owned());
                }
                member_upserted(member, mask, false)
            }
            (Kind::Profile { fields, .. }, Identity::Member(member_id, _)) => {
                let (mut member, mask) = fields.read(row, is_whole)?;
                member.member_id = member_id.get();
                member_upserted(member, mask, true)
            }
            (Kind::Position { fields, .. }, Identity::Position(member_id, position_id)) => {
                let (mut position, mask) = fields.read(row, is_whole)?;
                position.position_id = position_id;
                Event::PositionUpserted(PositionUpserted {
                    member_id: member_id.get(),
                    position: Some(position),
                    fields: Some(mask),
                    existing_only: self.existing_only,
                })
            }
            (Kind::Connection { connected_at, .. }, Identity::Connection(member_id, other_id)) => {
                let connected_at = match *connected_at {
                    None => None,
                    Some((place, column)) => match row[place] {
                        // The epoch states that the time is unknown. Without a time, the log
                        // would take that of the transaction, which a bootstrap does not know.
                        Datum::Null => Some(Timestamp::default()),
                        Datum::Text(text) => Some(time(column, text)?),
                        Datum::Unknown => {
                            let column = column.to_owned();
                            return Err(RowError::NeedsFull { column });
                        }
                    },
                };
                Event::ConnectionAdded(ConnectionAdded {
                    member_id: member_id.get(),
                    other_id: other_id.get(),
                    connected_at,
                    existing_only: self.existing_only,
                })
            }
            _ => unreachable!("an identity is of its table's kind"),
        };
        complete(event)
    }

    fn removed(&self, identity: Identity<'_>) -> Result<Change, RowError> {
        complete(match (&self.kind, identity) {
            (Kind::Profile { fields, .. }, Identity::Member(member_id, _)) => {
                let (mut member, mask) = fields.emptied();
                member.member_id = member_id.get();
                member_upserted(member, mask, true)
            }
            (_, Identity::Member(member_id, _)) => Event::MemberRemoved(MemberRemoved {
                member_id: member_id.get(),
            }),
            (_, Identity::Position(member_id, position_id)) => {
                Event::PositionRemoved(PositionRemoved {
                    member_id: member_id.get(),
                    position_id,
                })
            }
            (_, Identity::Connection(member_id, other_id)) => {
                Event::ConnectionRemoved(ConnectionRemoved {
                    member_id: member_id.get(),
                    other_id: other_id.get(),
                })
            }
        })
    }
}

fn member_upserted(member: Member, mask: FieldMask, existing_only: bool) -> Event {
    Event::MemberUpserted(MemberUpserted {
        member: Some(member),
        fields: Some(mask),
        existing_only,
    })
}

/// Completes and checks a change by the rules of the log.
fn complete(event: Event) -> Result<Change, RowError> {
    let mut change = Change {
        event: Some(event),
        skippable: false,
    };
    complete_change(&mut change)?;
    Ok(change)
}
