//! Odd members and positions, each as rows of a dump and as a change of the log.

use std::fmt::Write as _;

use cloud_proto::databus::v1::{
    Change, Member, MemberUpserted, Position, PositionUpserted, YearMonth, change::Event,
};
use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

/// A member or a position as stated, before any rule.
#[derive(Clone, Debug)]
pub(crate) enum Odd {
    /// A member.
    Member(Member),
    /// A position of a member.
    Position(u64, Position),
}

/// The largest id of members who are odd themselves. Those above, up to twice as many, are plain
/// and have odd positions.
pub(crate) const OWNERS_AFTER: u64 = 1_000_000;

pub(crate) const MEMBER_COLUMNS: &str = "member_id,given_name,family_name,display_name,headline,\
    place,region,country,industry,summary,skills\n";
pub(crate) const POSITION_COLUMNS: &str =
    "member_id,position_id,kind,organisation,title,country,from,to,current,organisation_id\n";

/// Texts that rules could treat in more than one way.
const TEXTS: [&str; 40] = [
    "",
    " ",
    "\t",
    "\n",
    "\u{a0}",
    "\u{2003}\u{3000}",
    "\u{85}",
    "\u{feff}",
    "\u{200b}",
    "plain",
    " leading",
    "trailing ",
    "\ttabs\t",
    "two  spaces",
    "a\nb",
    "a\r\nb",
    "\r",
    "\"quoted\"",
    "it's",
    "a,b",
    "a;b",
    ";;",
    "back\\slash",
    "\\N",
    "NULL",
    "#hash",
    "Zoë 李",
    "İstanbul",
    "e\u{301}",
    "👩‍👩‍👧",
    "\u{202e}desrever",
    "\u{1b}[31mred\u{1b}[0m",
    "bell\u{7}",
    "del\u{7f}",
    "nul\0l",
    "\0",
    " \0 ",
    "0",
    "false",
    "jean-luc",
];

const WORDS: [&str; 60] = [
    "engineer",
    "painter",
    "baker",
    "diver",
    "pilot",
    "nurse",
    "clerk",
    "judge",
    "miner",
    "tailor",
    "oslo",
    "lund",
    "turku",
    "bergen",
    "malmö",
    "uppsala",
    "tromsø",
    "aarhus",
    "reykjavik",
    "riga",
    "acme",
    "globex",
    "initech",
    "umbrella",
    "stark",
    "wayne",
    "hooli",
    "soylent",
    "tyrell",
    "zorg",
    "rust",
    "sql",
    "bread",
    "maths",
    "poetry",
    "chess",
    "golf",
    "sailing",
    "jazz",
    "law",
    "ada",
    "bo",
    "cy",
    "dee",
    "eve",
    "finn",
    "gro",
    "hans",
    "ida",
    "jan",
    "berg",
    "dahl",
    "ek",
    "falk",
    "gren",
    "holm",
    "iversen",
    "juhl",
    "krog",
    "lie",
];

/// Returns members and positions with every text of `TEXTS`, lengths around each limit, and kinds
/// and dates one by one.
pub(crate) fn hand_made() -> Vec<Odd> {
    let mut odd = Vec::new();
    let lengths = [1023, 1024, 1025].map(|bytes| "x".repeat(bytes));
    let padded = format!("  {}\n", "y".repeat(1024));
    let wide = ["é".repeat(512), "é".repeat(513)];
    let long = lengths
        .iter()
        .chain([&padded])
        .chain(&wide)
        .map(String::as_str);
    let texts: Vec<&str> = TEXTS.into_iter().chain(long).collect();
    let mut member = |set: &dyn Fn(&mut Member)| {
        let mut member = Member {
            member_id: odd.len() as u64 + 1,
            ..Member::default()
        };
        set(&mut member);
        odd.push(Odd::Member(member));
    };
    for text in texts.iter().map(|text| (*text).to_owned()) {
        member(&|member| member.given_name.clone_from(&text));
        member(&|member| member.family_name.clone_from(&text));
        member(&|member| member.display_name.clone_from(&text));
        member(&|member| member.headline.clone_from(&text));
        member(&|member| {
            member.given_name.clone_from(&text);
            member.family_name = " Berg".to_owned();
        });
        member(&|member| {
            member.industry.clone_from(&text);
            member.country = format!(" {text} ");
        });
        // In a dump a semicolon would end the skill.
        let skill = text.replace(';', "");
        member(&|member| member.skills = vec![String::new(), skill.clone(), " rust ".to_owned()]);
    }
    for bytes in [65_535, 65_536, 65_537] {
        member(&|member| member.summary = format!(" {} ", "z".repeat(bytes)));
    }
    for skills in [999, 1000, 1001] {
        member(&|member| member.skills = vec!["s".to_owned(); skills]);
    }
    member(&|member| member.skills = vec![" ".to_owned(); 3000]);
    member(&|member| {
        member.skills = vec!["x".repeat(1000); 1000];
        member.summary = "z".repeat(44_990);
    });
    let mut positions = Vec::new();
    let mut position = |set: &dyn Fn(&mut Position)| {
        let mut position = Position {
            position_id: positions.len() as u64 + 1,
            ..Position::default()
        };
        set(&mut position);
        let owner = OWNERS_AFTER + 1 + position.position_id % 100;
        positions.push(Odd::Position(owner, position));
    };
    for text in texts.iter().map(|text| (*text).to_owned()) {
        position(&|position| position.title.clone_from(&text));
        position(&|position| {
            position.organisation.clone_from(&text);
            position.kind = 2;
        });
        position(&|position| position.country.clone_from(&text));
        position(&|position| position.organisation_id.clone_from(&text));
    }
    let date = |year, month| Some(YearMonth { year, month });
    let dates = [
        None,
        date(0, 1),
        date(1, 0),
        date(1899, 12),
        date(1969, 12),
        date(2001, 13),
        date(9999, 99),
    ];
    for from in dates {
        for to in dates {
            position(&|position| (position.from, position.to) = (from, to));
        }
        position(&|position| (position.to, position.current) = (from, true));
    }
    for kind in 0..=3 {
        position(&|position| position.kind = kind);
    }
    odd.extend(positions);
    odd
}

/// Returns this many odd members and positions, the same for the same seed.
pub(crate) fn generated(seed: u64, count: u64) -> Vec<Odd> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut odd = Vec::new();
    for number in 1..=count {
        let id = 10_000 + number;
        if number.is_multiple_of(2) {
            let owner = OWNERS_AFTER + random.random_range(1..100);
            let position = generated_position(&mut random, id);
            odd.push(Odd::Position(owner, position));
        } else {
            odd.push(Odd::Member(generated_member(&mut random, id)));
        }
        // A row that repeats the one before is not an error in either way.
        if random.random_bool(0.02) {
            odd.extend(odd.last().cloned());
        }
    }
    odd
}

fn text(random: &mut ChaCha8Rng) -> String {
    let pick = |random: &mut ChaCha8Rng| {
        let texts: &[&str] = if random.random_bool(0.1) {
            &TEXTS
        } else {
            &WORDS
        };
        texts.choose(random).copied().unwrap_or_default()
    };
    match random.random_range(0..100) {
        0..20 => String::new(),
        20..30 => format!(" {}\t", pick(random)),
        30..50 => format!("{} {}", pick(random), pick(random)),
        99 => "x".repeat(random.random_range(1000..1050)),
        _ => pick(random).to_owned(),
    }
}

fn generated_member(random: &mut ChaCha8Rng, member_id: u64) -> Member {
    let skills = (0..random.random_range(0..5)).map(|_| text(random).replace(';', ""));
    Member {
        attributes: Default::default(),
        key: String::new(),
        skills: skills.collect(),
        member_id,
        given_name: text(random),
        family_name: text(random),
        display_name: if random.random_bool(0.5) {
            text(random)
        } else {
            String::new()
        },
        headline: text(random),
        place: text(random),
        region: text(random),
        country: text(random),
        industry: text(random),
        summary: text(random),
    }
}

fn generated_position(random: &mut ChaCha8Rng, position_id: u64) -> Position {
    let date = |random: &mut ChaCha8Rng| {
        let years = if random.random_bool(0.05) {
            0..9999
        } else {
            1950..2030
        };
        random.random_bool(0.6).then(|| YearMonth {
            year: random.random_range(years),
            month: random.random_range(0..=12) + u32::from(random.random_bool(0.02)),
        })
    };
    Position {
        position_id,
        kind: *[0, 1, 1, 2, 2, 3].choose(random).unwrap_or(&0),
        organisation: text(random),
        title: text(random),
        country: text(random),
        organisation_id: text(random),
        from: date(random),
        to: date(random),
        current: random.random_bool(0.3),
    }
}

/// Returns queries for each word in each field, and for the words without a field.
pub(crate) fn queries() -> Vec<String> {
    let fields = [
        "",
        "name:",
        "given:",
        "family:",
        "headline:",
        "summary:",
        "industry:",
        "place:",
        "region:",
        "country:",
        "skill:",
        "title:",
        "company:",
        "school:",
        "organisation:",
    ];
    let words = WORDS
        .iter()
        .step_by(3)
        .chain(&["red", "jean-luc", "李", "quoted", "berg"]);
    words
        .flat_map(|word| fields.iter().map(move |field| format!("{field}{word}")))
        .collect()
}

impl Odd {
    /// Returns the row of a dump, with its line end. Invalid kinds and dates are written too.
    pub(crate) fn row(&self) -> String {
        let mut row = String::new();
        let mut add = |field: &str| {
            let _ = write!(row, "\"{}\",", field.replace('"', "\"\""));
        };
        match self {
            Self::Member(member) => {
                add(&member.member_id.to_string());
                for text in [
                    &member.given_name,
                    &member.family_name,
                    &member.display_name,
                    &member.headline,
                    &member.place,
                    &member.region,
                    &member.country,
                    &member.industry,
                    &member.summary,
                    &member.skills.join(";"),
                ] {
                    add(text);
                }
            }
            Self::Position(member_id, position) => {
                let date = |date: Option<YearMonth>| match date {
                    None => String::new(),
                    Some(YearMonth { year, month: 0 }) => format!("{year:04}"),
                    Some(YearMonth { year, month }) => format!("{year:04}-{month:02}"),
                };
                let kinds = ["", "work", "Education", "play"];
                let kind = usize::try_from(position.kind)
                    .ok()
                    .and_then(|kind| kinds.get(kind));
                add(&member_id.to_string());
                add(&position.position_id.to_string());
                add(kind.copied().unwrap_or("unknown"));
                add(&position.organisation);
                add(&position.title);
                add(&position.country);
                add(&date(position.from));
                add(&date(position.to));
                add(if position.current { "True" } else { "" });
                add(&position.organisation_id);
            }
        }
        row.pop();
        row + "\n"
    }

    /// Returns the same as a change.
    pub(crate) fn change(&self) -> Change {
        let event = match self.clone() {
            Self::Member(member) => Event::MemberUpserted(MemberUpserted {
                existing_only: false,
                member: Some(member),
                fields: None,
            }),
            Self::Position(member_id, position) => Event::PositionUpserted(PositionUpserted {
                existing_only: false,
                member_id,
                position: Some(position),
                fields: None,
            }),
        };
        Change {
            skippable: false,
            event: Some(event),
        }
    }

    /// Returns the ids at the beginning of the row, which are in no other row except repeats.
    pub(crate) fn key(&self) -> (u64, u64) {
        match self {
            Self::Member(member) => (member.member_id, 0),
            Self::Position(member_id, position) => (*member_id, position.position_id),
        }
    }

    /// Returns the path of the message in a change.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Member(_) => "member_upserted.member",
            Self::Position(..) => "position_upserted.position",
        }
    }
}
