//! Reads the fields of a member or a position out of a row.

use std::str;

use cloud_proto::databus::v1::{Member, Position, PositionKind, YearMonth};
use csv::ByteRecord;

use super::layout::Layout;
use super::plain_rows::{whole_id, whole_number};
use super::row_fault::{RowFault, excerpt};

/// A row whose columns are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PersonFields<'a> {
    pub(crate) record: &'a ByteRecord,
    pub(crate) layout: &'a Layout,
}

impl PersonFields<'_> {
    /// Of a row of members.
    pub(crate) fn member(&self) -> Result<Member, RowFault> {
        let &[
            id,
            given_name,
            family_name,
            display_name,
            headline,
            place,
            region,
            country,
            industry,
            summary,
            skills,
        ] = self.layout.columns.as_slice()
        else {
            unreachable!("a layout of members has eleven fields");
        };
        let mut member = Member {
            member_id: self.id(id)?,
            given_name: self.text(given_name),
            family_name: self.text(family_name),
            display_name: self.text(display_name),
            headline: self.text(headline),
            place: self.text(place),
            region: self.text(region),
            country: self.text(country),
            industry: self.text(industry),
            summary: self.text(summary),
            skills: self.texts(skills),
        };
        if member.display_name.is_empty() {
            member.display_name = format!("{} {}", member.given_name, member.family_name)
                .trim()
                .to_owned();
        }
        Ok(member)
    }

    /// Of a row of positions: whose it is, and the position; its id is 0 when the row has none.
    pub(crate) fn position(&self) -> Result<(u64, Position), RowFault> {
        let &[
            member,
            id,
            kind,
            organisation,
            title,
            country,
            from,
            to,
            current,
        ] = self.layout.columns.as_slice()
        else {
            unreachable!("a layout of positions has nine fields");
        };
        let position = Position {
            position_id: if self.bytes(id).is_empty() {
                0
            } else {
                self.id(id)?
            },
            kind: self.kind(kind)?.into(),
            organisation: self.text(organisation),
            title: self.text(title),
            country: self.text(country),
            from: self.year_month(from)?,
            to: self.year_month(to)?,
            current: self.truth(current)?,
        };
        if position.current && position.to.is_some() {
            return Err(RowFault::CurrentHasEnded { column: number(to) });
        }
        Ok((self.id(member)?, position))
    }

    fn bytes(&self, column: Option<usize>) -> &[u8] {
        column
            .and_then(|column| self.record.get(column))
            .unwrap_or_default()
    }

    fn text(&self, column: Option<usize>) -> String {
        String::from_utf8_lossy(self.bytes(column))
            .trim()
            .to_owned()
    }

    fn texts(&self, column: Option<usize>) -> Vec<String> {
        let text = String::from_utf8_lossy(self.bytes(column));
        text.split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn id(&self, column: Option<usize>) -> Result<u64, RowFault> {
        whole_id(self.bytes(column), column.unwrap_or_default())
    }

    fn kind(&self, column: Option<usize>) -> Result<PositionKind, RowFault> {
        match self.bytes(column) {
            b"" => Ok(PositionKind::Unspecified),
            b"work" => Ok(PositionKind::Work),
            b"education" => Ok(PositionKind::Education),
            other => Err(bad_word(column, other, "work, education")),
        }
    }

    fn truth(&self, column: Option<usize>) -> Result<bool, RowFault> {
        match self.bytes(column) {
            b"true" | b"t" | b"1" => Ok(true),
            b"false" | b"f" | b"0" | b"" => Ok(false),
            other => Err(bad_word(column, other, "true, false")),
        }
    }

    fn year_month(&self, column: Option<usize>) -> Result<Option<YearMonth>, RowFault> {
        let field = self.bytes(column);
        let bad = || RowFault::BadYearMonth {
            column: number(column),
            found: excerpt(field),
        };
        let (year, month) = match field {
            [] => return Ok(None),
            [year @ .., b'-', m0, m1] if year.len() == 4 => {
                (year, whole_number(&[*m0, *m1], 0).ok())
            }
            year if year.len() == 4 => (year, Some(0)),
            _ => return Err(bad()),
        };
        let year = whole_number(year, 0).map_err(|_| bad())?;
        match (
            i32::try_from(year),
            month.and_then(|month| u32::try_from(month).ok()),
        ) {
            (Ok(year @ 1..), Some(month @ ..=12)) if field.len() == 4 || month > 0 => {
                Ok(Some(YearMonth { year, month }))
            }
            _ => Err(bad()),
        }
    }
}

/// A column as people count.
fn number(column: Option<usize>) -> usize {
    column.unwrap_or_default() + 1
}

fn bad_word(column: Option<usize>, found: &[u8], words: &'static str) -> RowFault {
    RowFault::BadWord {
        column: number(column),
        found: excerpt(found),
        words,
    }
}

#[cfg(test)]
mod tests {
    use super::super::column_map::ColumnMap;
    use super::super::layout::layout;
    use super::*;

    fn layout_of(map: &str) -> Layout {
        let map: ColumnMap = map.parse().unwrap();
        layout(map.kind(), Some(&map), None).unwrap()
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
            let member = PersonFields {
                record: &record,
                layout: &layout,
            }
            .member()
            .unwrap();
            assert_eq!(member.display_name, display_name);
        }
        let record = ByteRecord::from(vec!["7", "", "", "", "rust; go ;;c"]);
        let member = PersonFields {
            record: &record,
            layout: &layout,
        }
        .member()
        .unwrap();
        assert_eq!(member.skills, ["rust", "go", "c"]);
        assert_eq!(member.display_name, "");
    }

    #[test]
    fn positions_are_checked_field_by_field() {
        let layout = layout_of("positions:member_id=1,position_id=2,kind=3,from=4,to=5,current=6");
        let parse = |row: [&str; 6]| {
            let record = ByteRecord::from(row.to_vec());
            PersonFields {
                record: &record,
                layout: &layout,
            }
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
        for (row, reason) in [
            (["0", "1", "", "", "", ""], "column 1: an id is never 0"),
            (["7", "0", "", "", "", ""], "column 2: an id is never 0"),
            (
                ["7", "x", "", "", "", ""],
                "column 2: \"x\" is not a number of 64 bits",
            ),
            (
                ["7", "1", "job", "", "", ""],
                "column 3: \"job\" is none of work, education",
            ),
            (
                ["7", "1", "", "20", "", ""],
                "column 4: \"20\" is not YYYY or YYYY-MM",
            ),
            (
                ["7", "1", "", "2001-13", "", ""],
                "column 4: \"2001-13\" is not YYYY or YYYY-MM",
            ),
            (
                ["7", "1", "", "2001-00", "", ""],
                "column 4: \"2001-00\" is not YYYY or YYYY-MM",
            ),
            (
                ["7", "1", "", "", "0000", ""],
                "column 5: \"0000\" is not YYYY or YYYY-MM",
            ),
            (
                ["7", "1", "", "", "2001-1", ""],
                "column 5: \"2001-1\" is not YYYY or YYYY-MM",
            ),
            (
                ["7", "1", "", "", "", "yes"],
                "column 6: \"yes\" is none of true, false",
            ),
            (
                ["7", "1", "", "", "2001", "true"],
                "a current position that has ended (column 5)",
            ),
        ] {
            assert_eq!(parse(row).unwrap_err(), reason);
        }
    }
}
