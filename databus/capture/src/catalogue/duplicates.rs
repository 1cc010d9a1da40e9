//! Rows about the same mapped object: the same member, position or pair.
//!
//! Each row states what is true of its object. If two rows are about one object, the deletion of
//! one row removes the object, though the other row still states it.

use crate::{
    catalogue::table::{Index, Table},
    connect::{ConnectError, Session},
    mapping::{
        Condition, ConnectionMap, Pair, TableKind, TableMap, TableName, Test, literal, quoted,
    },
};

/// The objects of a mapped table that several rows are about. No constraint of the table prevents
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// The table.
    pub table: TableName,
    /// The columns that identify the object.
    pub columns: Vec<String>,
    /// Whether the columns are a pair that counts in both orders.
    pub is_either_order: bool,
    /// The objects that several rows are about, conditions or not.
    pub objects: i64,
    /// The objects that several rows are about which pass the conditions.
    pub counting_objects: i64,
    /// Whether a constraint prevents them among the rows that pass the conditions.
    pub is_counting_unique: bool,
    /// The conditions as the predicate of an index. Empty if there are none.
    pub predicate: String,
}

impl Duplicates {
    /// Returns whether constraints keep the rows of a mapped table apart.
    pub(super) fn are_impossible(map: &TableMap, table: &Table) -> bool {
        is_unique(map, table, &|index| index.predicate.is_none())
    }

    /// Counts the objects that several rows are about.
    pub(super) async fn count(
        session: &Session,
        map: &TableMap,
        table: &Table,
    ) -> Result<Self, ConnectError> {
        let columns: Vec<String> = map.identity_columns().into_iter().map(quoted).collect();
        let keys = match (pair(map), columns.as_slice()) {
            (Some(Pair::OneRow), [one, other]) => {
                format!("least({one}, {other}), greatest({one}, {other})")
            }
            _ => columns.join(", "),
        };
        let known: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} IS NOT NULL"))
            .collect();
        let mut counts = [0; 2];
        for (count, conditions) in counts.iter_mut().zip([&[][..], &map.conditions]) {
            let tests = conditions.iter().map(sql);
            let tests: Vec<String> = known.iter().cloned().chain(tests).collect();
            let query = format!(
                "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} GROUP BY {keys}
                 HAVING count(*) > 1) AS found",
                map.table.quoted(),
                tests.join(" AND "),
            );
            *count = session.client().query_one(&query, &[]).await?.try_get(0)?;
        }
        let stated: Vec<String> = map
            .conditions
            .iter()
            .flat_map(predicates)
            .map(|text| normal(&text))
            .collect();
        let is_implied = |index: &Index| {
            index.predicate.as_deref().is_none_or(|predicate| {
                predicate
                    .split(" AND ")
                    .all(|part| stated.contains(&normal(part)))
            })
        };
        let predicate: Vec<String> = map
            .conditions
            .iter()
            .filter_map(|condition| predicates(condition).pop())
            .collect();
        Ok(Self {
            table: map.table.clone(),
            columns: map
                .identity_columns()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            is_either_order: pair(map) == Some(Pair::OneRow),
            objects: counts[0],
            counting_objects: counts[1],
            is_counting_unique: is_unique(map, table, &is_implied),
            predicate: predicate.join(" AND "),
        })
    }
}

fn pair(map: &TableMap) -> Option<Pair> {
    match map.kind {
        TableKind::Connection(ConnectionMap { pair, .. }) => Some(pair),
        _ => None,
    }
}

/// Returns whether an index that counts keeps the rows of the mapped objects apart.
fn is_unique(map: &TableMap, table: &Table, counts: &dyn Fn(&Index) -> bool) -> bool {
    let columns = map.identity_columns();
    // A constraint that is checked at the commit lets two rows be about one object before it.
    let mut indexes = (table.indexes.iter())
        .filter(|index| index.is_unique && index.is_valid && index.is_immediate && counts(index));
    let is_among = |key: &Option<String>| {
        let key = key.as_deref();
        key.is_some_and(|key| columns.contains(&key))
    };
    let is_over_columns = |index: &Index| index.columns.iter().all(is_among);
    match (pair(map), columns.as_slice()) {
        (Some(Pair::OneRow), &[one, other]) => {
            let either = |word: &str| {
                [(one, other), (other, one)]
                    .map(|(one, other)| normal(&format!("{word}({one}, {other})")))
            };
            let (least, greatest) = (either("LEAST"), either("GREATEST"));
            let ordered = [(one, other), (other, one)]
                .map(|(one, other)| normal(&format!("CHECK ({one} < {other})")));
            let is_ordered = table
                .checks
                .iter()
                .any(|text| ordered.contains(&normal(text)));
            indexes.any(|index| {
                let keys: Vec<String> = index.keys.iter().map(|key| normal(key)).collect();
                let has = |words: &[String; 2]| keys.iter().any(|key| words.contains(key));
                keys.len() == 2 && has(&least) && has(&greatest)
                    || is_ordered && is_over_columns(index)
            })
        }
        _ => indexes.any(is_over_columns),
    }
}

/// Returns a condition as SQL.
pub(super) fn sql(condition: &Condition) -> String {
    let column = quoted(&condition.column);
    match &condition.test {
        Test::IsNull => format!("{column} IS NULL"),
        Test::IsNotNull => format!("{column} IS NOT NULL"),
        Test::OneOf(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| literal(text)).collect();
            format!("{column}::text IN ({})", texts.join(", "))
        }
    }
}

/// Returns the predicates of a partial index over exactly the rows that pass a condition. The last
/// is the one to write.
fn predicates(condition: &Condition) -> Vec<String> {
    let column = quoted(&condition.column);
    match &condition.test {
        Test::IsNull => vec![format!("{column} IS NULL")],
        Test::IsNotNull => vec![format!("{column} IS NOT NULL")],
        Test::OneOf(texts) => {
            let literals: Vec<String> = texts.iter().map(|text| literal(text)).collect();
            let mut predicates = match texts.as_slice() {
                [text] if text == "true" => vec![column.clone()],
                [text] if text == "false" => vec![format!("NOT {column}")],
                _ => Vec::new(),
            };
            predicates.push(match literals.as_slice() {
                [literal] => format!("{column} = {literal}"),
                literals => format!("{column} = ANY (ARRAY[{}])", literals.join(", ")),
            });
            predicates
        }
    }
}

/// Returns SQL in a form in which what the database prints is what was written: in lower case,
/// without spaces, parentheses, quotes and casts.
fn normal(sql: &str) -> String {
    let mut normal = String::new();
    let mut parts = sql.split("::");
    normal.push_str(parts.next().unwrap_or_default());
    for part in parts {
        // The type of a cast: words, and perhaps the brackets of an array.
        let is_of_type =
            |character: char| character.is_alphanumeric() || " _.\"".contains(character);
        let rest = part.trim_start_matches(is_of_type);
        normal.push_str(rest.strip_prefix("[]").unwrap_or(rest));
    }
    let is_kept = |character: &char| !character.is_whitespace() && !"()\"'".contains(*character);
    normal
        .chars()
        .filter(is_kept)
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_prints_is_what_was_written() {
        for (printed, written) in [
            ("(deleted_at IS NULL)", "\"deleted_at\" IS NULL"),
            (
                "((status)::text = 'accepted'::text)",
                "\"status\" = 'accepted'",
            ),
            (
                "(status = 'accepted'::app.friend_status)",
                "status = 'accepted'",
            ),
            (
                "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character \
                 varying])::text[]))",
                "\"status\" = ANY (ARRAY['a', 'b'])",
            ),
            ("(state = 1)", "\"state\" = '1'"),
            (
                "CHECK ((user_id < friend_id))",
                "CHECK (user_id < friend_id)",
            ),
            ("LEAST(user_id, friend_id)", "least(user_id,friend_id)"),
        ] {
            assert_eq!(normal(printed), normal(written), "{printed}");
        }
        assert_ne!(normal("a IS NULL"), normal("b IS NULL"));
    }
}
