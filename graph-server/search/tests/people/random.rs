//! Random profiles, changes and queries from a seed.

use crate::site::Change;
use cloud_profile::{ProfileRecord, sort_positions};
use cloud_proto::databus::v1::{Member, Position, PositionKind, YearMonth};
use prost_types::FieldMask;

/// SplitMix64: a small generator with the same output on every machine.
pub(crate) struct Random(pub u64);

const WORDS: [&str; 24] = [
    "anna",
    "Zoë",
    "zoe",
    "O'Neil",
    "山田",
    "太郎",
    "engineer",
    "Engineer",
    "senior",
    "baker",
    "acme",
    "Acme",
    "oslo",
    "bergen",
    "norway",
    "the",
    "of",
    "rust",
    "sql",
    "Łukasz",
    "김민수",
    "data",
    "lead",
    "a",
];

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn word(&mut self) -> &'static str {
        // The first words of the list are the frequent ones.
        let reach = 1 + self.below(WORDS.len());
        WORDS[self.below(reach)]
    }

    fn words(&mut self, most: usize) -> String {
        let count = self.below(most + 1);
        (0..count)
            .map(|_| self.word())
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(crate) fn member(&mut self, member_id: u64) -> Member {
        Member {
            attributes: Default::default(),
            key: String::new(),
            member_id,
            given_name: self.words(1),
            family_name: self.words(1),
            display_name: self.words(3),
            headline: self.words(5),
            place: self.words(1),
            region: self.words(1),
            country: self.words(1),
            industry: self.words(2),
            summary: self.words(12),
            skills: (0..self.below(4)).map(|_| self.words(2)).collect(),
        }
    }

    pub(crate) fn position(&mut self, position_id: u64) -> Position {
        let kind = *self.pick(&[
            PositionKind::Work,
            PositionKind::Education,
            PositionKind::Unspecified,
        ]);
        let year = |random: &mut Self| {
            random.chance(70).then(|| YearMonth {
                year: 1990 + random.below(30) as i32,
                month: random.below(13) as u32,
            })
        };
        Position {
            position_id,
            kind: kind.into(),
            organisation: self.words(2),
            title: self.words(3),
            country: self.words(1),
            from: year(self),
            to: year(self),
            current: self.chance(40),
            ..Position::default()
        }
    }

    pub(crate) fn profile(&mut self, member_id: u64) -> ProfileRecord {
        let count = self.below(4) as u64;
        let mut positions: Vec<_> = (0..count).map(|id| self.position(id + 1)).collect();
        sort_positions(&mut positions);
        ProfileRecord {
            member: Some(self.member(member_id)),
            positions,
        }
    }

    fn mask(&mut self, paths: &[&str]) -> Option<FieldMask> {
        let chosen = paths
            .iter()
            .filter(|_| self.chance(40))
            .map(|&path| path.to_owned());
        let paths = chosen.collect();
        self.chance(60).then_some(FieldMask { paths })
    }

    pub(crate) fn change(&mut self, members: u64) -> Change {
        let member = 1 + self.next() % members;
        let other = 1 + self.next() % members;
        match self.below(12) {
            0..=2 => {
                let fields = self.mask(&[
                    "given_name",
                    "headline",
                    "skills",
                    "summary",
                    "display_name",
                    "country",
                ]);
                Change::MemberUpserted(self.member(member), fields)
            }
            3 => Change::MemberRemoved(member),
            4..=5 => {
                let id = 1 + self.below(5) as u64;
                let fields = self.mask(&["title", "organisation", "kind", "from", "current"]);
                Change::PositionUpserted(member, self.position(id), fields)
            }
            6 => Change::PositionRemoved(member, 1 + self.below(5) as u64),
            7..=9 => Change::ConnectionAdded(member, other),
            _ => Change::ConnectionRemoved(member, other),
        }
    }

    /// Returns a random query that parses.
    pub(crate) fn query(&mut self, depth: usize) -> String {
        let clauses = 1 + self.below(3);
        let mut text = String::new();
        for index in 0..clauses {
            if index > 0 {
                text += *self.pick(&[" ", " ", " AND ", " OR "]);
            }
            text += *self.pick(&["", "", "", "", "-", "NOT ", "+"]);
            if depth > 0 && self.chance(25) {
                text += &format!("({})", self.query(depth - 1));
                continue;
            }
            let fields = [
                "",
                "",
                "",
                "name:",
                "given:",
                "headline:",
                "title:",
                "company:",
                "skill:",
                "organisation:",
            ];
            text += *self.pick(&fields);
            match self.below(5) {
                0 => text += &format!("\"{} {}\"", self.word(), self.word()),
                1 => text += "nobodyhasthis",
                _ => text += self.word(),
            }
        }
        text
    }
}
