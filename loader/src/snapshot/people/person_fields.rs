//! Reads the fields of a member or a position from a row.

use cloud_profile::{
    Fields, InvalidValue, Mask, check_id, complete_member, complete_position, id_from_text,
};
use cloud_proto::databus::v1::{Member, Position};
use csv::ByteRecord;

use crate::snapshot::rows::{column_map::DumpKind, layout::Layout, row_fault::RowFault};

/// A row whose columns are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PersonFields<'a> {
    record: &'a ByteRecord,
    /// The text of all fields, one after the other.
    text: &'a str,
    layout: &'a Layout,
}

impl<'a> PersonFields<'a> {
    /// Checks once for all fields that they are UTF-8. A check for each made reading members and
    /// positions a tenth slower (`make bench`, group `build`).
    pub(crate) fn new(record: &'a ByteRecord, layout: &'a Layout) -> Result<Self, RowFault> {
        let text = str::from_utf8(record.as_slice())
            .map_err(|_| RowFault::invalid_utf8(record.as_slice()))?;
        Ok(Self {
            record,
            text,
            layout,
        })
    }

    /// Reads a member by the rules of profiles.
    pub(crate) fn member(&self) -> Result<Member, RowFault> {
        let fault = |invalid| self.fault(DumpKind::Members, invalid);
        let mut member: Member = self.read(&self.layout.columns).map_err(fault)?;
        member.member_id = self.id(DumpKind::Members, member.member_id)?;
        complete_member(&mut member, Mask::all()).map_err(fault)?;
        Ok(member)
    }

    /// Returns the id of the row's member, by the number in the row. An empty field is no number.
    fn id(&self, kind: DumpKind, number: u64) -> Result<u64, RowFault> {
        let mut fields = kind.fields().iter().zip(&self.layout.columns);
        let column = fields.find(|(field, _)| field.name == "member_id");
        let column = column.and_then(|(_, column)| *column).unwrap_or_default();
        if self.text(Some(column)).trim().is_empty() {
            return self.layout.ids.parse(b"", column);
        }
        self.layout.ids.id_of(number, column)
    }

    /// Reads a position by the rules of profiles, and the id of its member. The position's own id
    /// is 0 if the row has none.
    pub(crate) fn position(&self) -> Result<(u64, Position), RowFault> {
        let [owner, columns @ ..] = self.layout.columns.as_slice() else {
            unreachable!("a layout of positions has a column for the member");
        };
        let fault = |invalid| self.fault(DumpKind::Positions, invalid);
        let number = id_from_text("member_id", self.text(*owner)).map_err(fault)?;
        let member_id = self.id(DumpKind::Positions, number)?;
        let read = || {
            let mut position: Position = self.read(columns)?;
            let has_id = |id: &Option<usize>| !self.text(*id).trim().is_empty();
            if columns.first().is_some_and(has_id) {
                check_id("position_id", position.position_id)?;
            }
            complete_position(&mut position, Mask::all())?;
            Ok((member_id, position))
        };
        read().map_err(fault)
    }

    /// Reads the fields that have a column, in the order of the table.
    fn read<M: Fields>(&self, columns: &[Option<usize>]) -> Result<M, InvalidValue> {
        let mut message = M::default();
        for (field, column) in M::FIELDS.iter().zip(columns) {
            if column.is_some() {
                field.set_from_text(&mut message, self.text(*column))?;
            }
        }
        Ok(message)
    }

    /// Returns a column's text, which is empty if there is no such column. Fields of a row that is
    /// UTF-8 begin and end between characters.
    fn text(&self, column: Option<usize>) -> &'a str {
        let range = column.and_then(|column| self.record.range(column));
        range
            .and_then(|range| self.text.get(range))
            .unwrap_or_default()
    }

    /// Returns a fault that names the column of the invalid field.
    fn fault(&self, kind: DumpKind, invalid: InvalidValue) -> RowFault {
        let mut fields = kind.fields().iter().zip(&self.layout.columns);
        let column = fields.find(|(field, _)| field.name == invalid.field_name());
        RowFault::Value {
            column: column.and_then(|(_, column)| column.map(|column| column + 1)),
            invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::rows::{column_map::ColumnMap, id_rule::IdRule, layout::layout};
    use cloud_proto::databus::v1::{PositionKind, YearMonth};

    fn layout_of(map: &str) -> Layout {
        let map: ColumnMap = map.parse().unwrap();
        layout(map.kind(), Some(&map), None, IdRule::default()).unwrap()
    }

    #[test]
    fn a_display_name_is_made_when_there_is_none() {
        let layout =
            layout_of("members:member_id=1,given_name=2,family_name=3,display_name=4,skills=5");
        for (row, display_name) in [
            (["7", "Ada", "Lovelace", "", ""], "Ada Lovelace"),
            (["7", "Ada", "", "", ""], "Ada"),
            (["7", "Ada", "Lovelace", "A. L.", ""], "A. L."),
        ] {
            let record = ByteRecord::from(row.to_vec());
            let member = PersonFields::new(&record, &layout)
                .unwrap()
                .member()
                .unwrap();
            assert_eq!(member.display_name, display_name);
        }
        let record = ByteRecord::from(vec!["7", "", "", "", "rust; go ;;c"]);
        let member = PersonFields::new(&record, &layout)
            .unwrap()
            .member()
            .unwrap();
        assert_eq!(member.skills, ["rust", "go", "c"]);
        assert_eq!(member.display_name, "");
    }

    #[test]
    fn texts_have_the_limits_of_the_log() {
        let layout = layout_of(
            "members:member_id=1,given_name=2,family_name=3,display_name=4,\
             headline=5,summary=6,skills=7",
        );
        let x = |bytes: usize| "x".repeat(bytes);
        let skills = |count: usize| vec!["é"; count].join("; ");
        for (column, text, reason) in [
            (2, x(1022), None),
            (
                2,
                x(1024),
                Some(
                    "column 4: display_name: made of given_name and family_name, is 1026 bytes, \
                     more than 1024",
                ),
            ),
            (4, x(1024), None),
            (5, format!(" {} ", x(1024)), None),
            (
                5,
                "é".repeat(513),
                Some("column 5: headline: is 1026 bytes, more than 1024"),
            ),
            (6, x(65_536), None),
            (
                6,
                x(65_537),
                Some("column 6: summary: is 65537 bytes, more than 65536"),
            ),
            (7, skills(1_000), None),
            (
                7,
                skills(1_001),
                Some("column 7: skills: has 1001 entries, more than 1000"),
            ),
            (
                7,
                format!("a;{}", x(1025)),
                Some("column 7: skills[1]: is 1025 bytes, more than 1024"),
            ),
        ] {
            let mut fields = ["7", "", "y", "", "", "", ""].map(str::to_owned);
            fields[column - 1] = text;
            let record = ByteRecord::from(fields.to_vec());
            let fields = PersonFields::new(&record, &layout).unwrap();
            let found = fields.member().err().map(|fault| fault.to_string());
            assert_eq!(found.as_deref(), reason, "column {column}");
        }
    }

    #[test]
    fn positions_are_checked_field_by_field() {
        let layout = layout_of("positions:member_id=1,position_id=2,kind=3,from=4,to=5,current=6");
        let parse = |row: [&str; 6]| {
            let record = ByteRecord::from(row.to_vec());
            PersonFields::new(&record, &layout)
                .unwrap()
                .position()
                .map_err(|fault| fault.to_string())
        };
        let (member, position) = parse(["7", "", "education", "2001", "2004-11", "false"]).unwrap();
        assert_eq!(
            (member, position.position_id, position.kind()),
            (7, 0, PositionKind::Education)
        );
        assert_eq!(
            position.from,
            Some(YearMonth {
                year: 2001,
                month: 0
            })
        );
        assert_eq!(
            position.to,
            Some(YearMonth {
                year: 2004,
                month: 11
            })
        );
        let (_, position) = parse(["7", "1", "", "2001-05-17", "2001-00", "False"]).unwrap();
        assert_eq!(position.kind(), PositionKind::Work);
        let months = [position.from, position.to].map(|date| date.unwrap().month);
        assert_eq!(months, [5, 0]);
        for (row, reason) in [
            (
                ["0", "1", "", "", "", ""],
                "column 1: an id is never 0 (for ids from 0: --id-offset 1)",
            ),
            (
                ["", "1", "", "", "", ""],
                "column 1: \"\" is not a number of 64 bits",
            ),
            (
                ["07", "1", "", "", "", ""],
                "column 1: member_id: \"07\" begins with 0: an id has no leading zeros",
            ),
            (
                ["7", "01", "", "", "", ""],
                "column 2: position_id: \"01\" begins with 0: an id has no leading zeros",
            ),
            (["7", "0", "", "", "", ""], "column 2: position_id: is 0"),
            (
                ["7", "x", "", "", "", ""],
                "column 2: position_id: \"x\" is not a number of 64 bits",
            ),
            (
                ["7", "1", "job", "", "", ""],
                "column 3: kind: \"job\" is none of work, education",
            ),
            (
                ["7", "1", "", "20", "", ""],
                "column 4: from: \"20\" is not YYYY, YYYY-MM or YYYY-MM-DD",
            ),
            (
                ["7", "1", "", "2001-13", "", ""],
                "column 4: from.month: 13 is not in 0 to 12",
            ),
            (
                ["7", "1", "", "2001-00-32", "", ""],
                "column 4: from: \"2001-00-32\" is not YYYY, YYYY-MM or YYYY-MM-DD",
            ),
            (
                ["7", "1", "", "", "0000", ""],
                "column 5: to.year: 0 is not in 1 to 9999",
            ),
            (
                ["7", "1", "", "", "2001-1", ""],
                "column 5: to: \"2001-1\" is not YYYY, YYYY-MM or YYYY-MM-DD",
            ),
            (
                ["7", "1", "", "", "", "yes"],
                "column 6: current: \"yes\" is none of true, false",
            ),
            (
                ["7", "1", "", "", "2001", "true"],
                "column 5: to: is set, and the position is current",
            ),
        ] {
            assert_eq!(parse(row).unwrap_err(), reason);
        }
    }
}
