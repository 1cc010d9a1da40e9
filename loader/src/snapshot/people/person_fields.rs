//! Reads the fields of a member or a position out of a row.

use std::str;

use cloud_profile::limits::{SKILLS_MAX, SUMMARY_BYTES_MAX, TEXT_BYTES_MAX};
use cloud_proto::databus::v1::{Member, Position, PositionKind, YearMonth};
use csv::ByteRecord;

use crate::snapshot::rows::{
    layout::Layout,
    plain_rows::{whole_id, whole_number},
    row_fault::{RowFault, excerpt},
};

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
            given_name: self.text(given_name)?,
            family_name: self.text(family_name)?,
            display_name: self.text(display_name)?,
            headline: self.text(headline)?,
            place: self.text(place)?,
            region: self.text(region)?,
            country: self.text(country)?,
            industry: self.text(industry)?,
            summary: self.text_within(summary, SUMMARY_BYTES_MAX)?,
            skills: self.skills(skills)?,
        };
        if member.display_name.is_empty() {
            member.display_name = format!("{} {}", member.given_name, member.family_name)
                .trim()
                .to_owned();
            let (bytes, bytes_max) = (member.display_name.len(), TEXT_BYTES_MAX);
            if bytes > bytes_max {
                return Err(RowFault::DisplayNameTooLong { bytes, bytes_max });
            }
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
            organisation: self.text(organisation)?,
            title: self.text(title)?,
            country: self.text(country)?,
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

    fn text(&self, column: Option<usize>) -> Result<String, RowFault> {
        self.text_within(column, TEXT_BYTES_MAX)
    }

    fn text_within(&self, column: Option<usize>, bytes_max: usize) -> Result<String, RowFault> {
        let text = String::from_utf8_lossy(self.bytes(column));
        let text = text.trim();
        check_length(column, text, bytes_max)?;
        Ok(text.to_owned())
    }

    fn skills(&self, column: Option<usize>) -> Result<Vec<String>, RowFault> {
        let text = String::from_utf8_lossy(self.bytes(column));
        let skills: Vec<&str> = text
            .split(';')
            .map(str::trim)
            .filter(|skill| !skill.is_empty())
            .collect();
        if skills.len() > SKILLS_MAX {
            return Err(RowFault::TooManySkills {
                column: number(column),
                found: skills.len(),
                skills_max: SKILLS_MAX,
            });
        }
        for skill in &skills {
            check_length(column, skill, TEXT_BYTES_MAX)?;
        }
        Ok(skills.into_iter().map(str::to_owned).collect())
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

fn check_length(column: Option<usize>, text: &str, bytes_max: usize) -> Result<(), RowFault> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    Err(RowFault::TextTooLong {
        column: number(column),
        bytes: text.len(),
        bytes_max,
    })
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
    use super::*;
    use crate::snapshot::rows::{column_map::ColumnMap, layout::layout};

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
    fn texts_have_the_limits_of_the_log() {
        let layout = layout_of(
            "members:member_id=1,given_name=2,family_name=3,display_name=4,headline=5,summary=6,skills=7",
        );
        let x = |bytes: usize| "x".repeat(bytes);
        let skills = |count: usize| vec!["é"; count].join("; ");
        for (column, text, reason) in [
            (2, x(1022), None),
            (
                2,
                x(1024),
                Some("given and family name make a display name of 1026 bytes, more than 1024"),
            ),
            (4, x(1024), None),
            (5, format!(" {} ", x(1024)), None),
            (
                5,
                "é".repeat(513),
                Some("column 5: a text of 1026 bytes, more than 1024"),
            ),
            (6, x(65_536), None),
            (
                6,
                x(65_537),
                Some("column 6: a text of 65537 bytes, more than 65536"),
            ),
            (7, skills(1_000), None),
            (
                7,
                skills(1_001),
                Some("column 7: 1001 skills, more than 1000"),
            ),
            (
                7,
                format!("a;{}", x(1025)),
                Some("column 7: a text of 1025 bytes, more than 1024"),
            ),
        ] {
            let mut fields = ["7", "", "y", "", "", "", ""].map(str::to_owned);
            fields[column - 1] = text;
            let record = ByteRecord::from(fields.to_vec());
            let fields = PersonFields {
                record: &record,
                layout: &layout,
            };
            let found = fields.member().err().map(|fault| fault.to_string());
            assert_eq!(found.as_deref(), reason, "column {column}");
        }
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
