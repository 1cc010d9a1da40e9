//! The names that social applications give to tables and columns.

use crate::catalogue::{Column, Table};

pub(super) const MEMBERS: &[&str] = &[
    "user",
    "member",
    "account",
    "person",
    "people",
    "player",
    "customer",
    "contributor",
];
pub(super) const EDUCATION: &[&str] = &[
    "education",
    "school",
    "study",
    "studies",
    "degree",
    "course",
    "university",
];
pub(super) const WORK: &[&str] = &[
    "job",
    "position",
    "experience",
    "employment",
    "work",
    "career",
    "role",
    "occupation",
];
/// The tables of work that say nothing of a member's career.
pub(super) const NO_POSITIONS: &[&str] = &[
    "offer",
    "offering",
    "posting",
    "post",
    "listing",
    "vacancy",
    "opening",
    "application",
    "applicant",
    "alert",
    "advert",
    "ad",
    "permission",
    "queue",
    "batch",
    "log",
    "enrollment",
    "enrolment",
];
pub(super) const CONNECTIONS: &[&str] = &[
    "friend",
    "friendship",
    "connection",
    "contact",
    "relationship",
    "relation",
    "buddy",
    "acquaintance",
    "colleague",
    "tie",
];
/// The tables whose rows join two members without connecting them.
pub(super) const NO_CONNECTIONS: &[&str] = &[
    "message",
    "block",
    "follow",
    "follower",
    "notification",
    "invite",
    "invitation",
    "request",
    "like",
    "report",
    "endorsement",
    "recommendation",
    "view",
    "visit",
    "poke",
    "mute",
    "conversation",
    "chat",
    "referral",
    "log",
    "event",
    "payment",
    "transfer",
    "review",
    "import",
];
pub(super) const STATUS: &[&str] = &["status", "state"];
pub(super) const ACCEPTED: &[&str] = &[
    "accepted",
    "active",
    "confirmed",
    "approved",
    "connected",
    "friends",
    "friend",
    "mutual",
];
pub(super) const ACCEPTED_TRUTHS: &[&str] = &[
    "accepted",
    "is_accepted",
    "confirmed",
    "is_confirmed",
    "approved",
    "is_approved",
];
pub(super) const DELETED_TIMES: &[&str] = &[
    "deleted_at",
    "removed_at",
    "discarded_at",
    "deactivated_at",
    "archived_at",
    "deleted_on",
];
pub(super) const DELETED_TRUTHS: &[&str] = &["deleted", "is_deleted", "removed", "is_removed"];
pub(super) const CONNECTED_TIMES: &[&str] = &[
    "connected_at",
    "accepted_at",
    "confirmed_at",
    "approved_at",
    "connected_on",
    "since",
    "friends_since",
    "created_at",
    "inserted_at",
    "created_on",
    "created",
];

/// The fields of a member and the columns that are probably theirs, the likeliest first.
pub(super) const MEMBER_FIELDS: &[(&str, &[&str])] = &[
    (
        "given_name",
        &["given_name", "first_name", "firstname", "forename"],
    ),
    (
        "family_name",
        &["family_name", "last_name", "lastname", "surname"],
    ),
    (
        "display_name",
        &[
            "display_name",
            "full_name",
            "name",
            "nickname",
            "screen_name",
            "username",
            "handle",
            "login",
        ],
    ),
    (
        "headline",
        &["headline", "tagline", "job_title", "title", "profession"],
    ),
    (
        "summary",
        &[
            "summary",
            "bio",
            "about",
            "about_me",
            "description",
            "biography",
        ],
    ),
    (
        "place",
        &["city", "place", "town", "locality", "location", "hometown"],
    ),
    ("region", &["region", "province", "county", "state"]),
    ("country", &["country", "country_code", "country_name"]),
    ("industry", &["industry", "sector"]),
    ("skills", &["skills", "expertise", "interests", "tags"]),
];
/// The fields of a position and the columns that are probably theirs.
pub(super) const POSITION_FIELDS: &[(&str, &[&str])] = &[
    (
        "title",
        &[
            "title",
            "job_title",
            "position",
            "role",
            "degree",
            "field_of_study",
            "course",
            "major",
        ],
    ),
    (
        "organisation",
        &[
            "organisation",
            "organization",
            "company",
            "company_name",
            "employer",
            "school",
            "school_name",
            "institution",
            "university",
            "organisation_name",
            "organization_name",
        ],
    ),
    ("country", &["country", "country_code"]),
    (
        "from",
        &[
            "from",
            "started_on",
            "start_date",
            "started_at",
            "from_date",
            "date_from",
            "begins_on",
            "starts_on",
            "started",
            "begin_date",
            "start_year",
            "from_year",
        ],
    ),
    (
        "to",
        &[
            "to",
            "ended_on",
            "end_date",
            "ended_at",
            "to_date",
            "date_to",
            "ends_on",
            "ended",
            "finish_date",
            "end_year",
            "to_year",
            "graduated_on",
        ],
    ),
    ("current", &["is_current", "current", "ongoing"]),
];

/// Returns whether one of a table's words is among these, in the singular or the plural.
pub(super) fn is_named(table: &Table, words: &[&str]) -> bool {
    snake_case(&table.name.name)
        .split('_')
        .any(|word| words.contains(&word) || words.contains(&singular(word).as_str()))
}

/// Returns a name in lower case, with an underscore between the words of `CamelCase`: object
/// mappers give tables and columns the names of their classes and fields.
pub(super) fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (place, &character) in characters.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| characters[before]);
        let is_lower = |other: Option<char>| {
            other.is_some_and(|other| other.is_lowercase() || other.is_ascii_digit())
        };
        // `userID` has two words, and so has `HTTPUser`.
        let begins_word = is_lower(before)
            || before.is_some_and(char::is_uppercase)
                && characters
                    .get(place + 1)
                    .is_some_and(|next| next.is_lowercase());
        if character.is_uppercase() && begins_word {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

/// Returns the singular of a word.
pub(super) fn singular(word: &str) -> String {
    if word == "people" {
        return "person".to_owned();
    }
    match (word.strip_suffix("ies"), word.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) if !stem.ends_with('s') => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// Returns the first column with one of these names, the likeliest name first, that fits.
pub(super) fn find<'t>(
    table: &'t Table,
    names: &[&str],
    fits: impl Fn(&Column) -> bool,
) -> Option<&'t Column> {
    names.iter().find_map(|name| {
        let mut columns = table.columns.iter();
        columns.find(|column| is_column(column, name) && fits(column))
    })
}

/// Returns whether a column has a name, which is in snake case.
fn is_column(column: &Column, name: &str) -> bool {
    column.name.eq_ignore_ascii_case(name) || snake_case(&column.name) == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_camel_case_are_found() {
        for (name, expected) in [
            ("users", "users"),
            ("Friendship", "friendship"),
            ("WorkExperience", "work_experience"),
            ("firstName", "first_name"),
            ("userID", "user_id"),
            ("HTTPUser", "http_user"),
            ("address2Line", "address2_line"),
            ("DELETED_AT", "deleted_at"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }

    #[test]
    fn singulars_are_found() {
        for (plural, expected) in [
            ("users", "user"),
            ("companies", "company"),
            ("people", "person"),
            ("status", "statu"),
            ("access", "access"),
            ("study", "study"),
        ] {
            assert_eq!(singular(plural), expected);
        }
    }
}
