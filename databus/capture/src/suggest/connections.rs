//! The tables of connections: two references to members, one or two rows a pair, a status.

use crate::{
    catalogue::{Column, Table},
    connect::{ConnectError, Session},
    mapping::quoted,
    suggest::{
        fields::{Entry, inline, key, not_deleted, text},
        status::Values,
        words::{
            ACCEPTED, ACCEPTED_TRUTHS, CONNECTED_TIMES, CONNECTIONS, NO_CONNECTIONS, STATUS, find,
            is_named,
        },
    },
};

/// The rows of a table that are looked at.
const SAMPLE_ROWS: u32 = 1_000;
/// The share of sampled rows with a row of the other direction from which each pair has two.
const MIRRORED_MIN: f64 = 0.5;

/// How likely a table with two references to members holds connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// Its name says something else.
    Unlikely,
    /// Its pairs are unique.
    Possible,
    /// Its name says so.
    Named,
}

pub(super) fn likeness(table: &Table, ends: [&Column; 2]) -> Likeness {
    let is_other = is_named(table, NO_CONNECTIONS);
    if is_named(table, CONNECTIONS) && !is_other {
        Likeness::Named
    } else if !is_other && table.is_unique(&ends.map(|end| &*end.name)) {
        Likeness::Possible
    } else {
        Likeness::Unlikely
    }
}

/// Writes the entry of a table of connections.
pub(super) async fn entry(
    session: &Session,
    table: &Table,
    [member, other]: [&Column; 2],
) -> Result<String, ConnectError> {
    let is_unique = table.is_unique(&[&member.name, &other.name]);
    let mirrored = mirrored(session, table, member, other).await?;
    let is_both = is_unique && mirrored.rows > 0 && mirrored.share() >= MIRRORED_MIN;
    let mut lines = vec!["[[connections]]".to_owned()];
    lines.push(format!("table = {}", text(&table.name.to_string())));
    lines.push(format!("member = {}", text(&member.name)));
    lines.push(format!("other = {}", text(&other.name)));
    lines.push(match mirrored.rows {
        0 => {
            "# No rows to judge by: both_rows if each pair has a row in each direction.".to_owned()
        }
        rows => format!(
            "# {} of {rows} sampled rows have a row in the other direction.",
            mirrored.mirrored
        ),
    });
    lines.push(format!(
        "pair = \"{}\"",
        if is_both { "both_rows" } else { "one_row" }
    ));
    if let Some(time) = find(table, CONNECTED_TIMES, Column::is_time) {
        lines.push(format!("connected_at = {}", text(&time.name)));
    }
    let (status, comments) = status(session, table).await?;
    lines.extend(comments);
    let conditions: Vec<Entry> = status.into_iter().chain(not_deleted(table)).collect();
    if !conditions.is_empty() {
        lines.push(format!("where = {}", inline(&conditions)));
    }
    Ok(lines.join("\n"))
}

/// The rows that were looked at, and how many of them have a row of the other direction.
struct Mirrored {
    rows: i64,
    mirrored: i64,
}

impl Mirrored {
    #[expect(clippy::cast_precision_loss, reason = "counts of a small sample")]
    fn share(&self) -> f64 {
        self.mirrored as f64 / self.rows.max(1) as f64
    }
}

async fn mirrored(
    session: &Session,
    table: &Table,
    member: &Column,
    other: &Column,
) -> Result<Mirrored, ConnectError> {
    let (name, member, other) = (
        table.name.quoted(),
        quoted(&member.name),
        quoted(&other.name),
    );
    let query = format!(
        "SELECT count(*), count(*) FILTER (WHERE EXISTS (
            SELECT FROM {name} AS back WHERE back.{member} = one.{other}
                AND back.{other} = one.{member}))
         FROM (SELECT {member}, {other} FROM {name} LIMIT {SAMPLE_ROWS}) AS one"
    );
    let row = session.client().query_one(&query, &[]).await?;
    Ok(Mirrored {
        rows: row.try_get(0)?,
        mirrored: row.try_get(1)?,
    })
}

/// Returns the condition of a status, and comments with its values.
async fn status(
    session: &Session,
    table: &Table,
) -> Result<(Option<Entry>, Vec<String>), ConnectError> {
    if let Some(column) = find(table, ACCEPTED_TRUTHS, |column| column.type_name == "bool") {
        return Ok((Some((key(&column.name), "true".to_owned())), Vec::new()));
    }
    let fits =
        |column: &Column| column.is_text() || column.is_integer() || !column.labels.is_empty();
    let Some(column) = find(table, STATUS, fits) else {
        let accepted = find(table, &["accepted_at", "confirmed_at"], Column::is_time);
        let condition = accepted
            .filter(|column| !column.is_not_null)
            .map(|column| (key(&column.name), "{ is_null = false }".to_owned()));
        return Ok((condition, Vec::new()));
    };
    let values = Values::read(session, table, column).await?;
    // A constraint names the values of a table without rows.
    let in_checks = |word: &&&str| {
        let quoted = format!("'{word}'");
        table
            .checks
            .iter()
            .any(|check| check.contains(&column.name) && check.contains(&quoted))
    };
    let is_accepted = |value: &str| {
        ACCEPTED
            .iter()
            .position(|word| word.eq_ignore_ascii_case(value))
            .unwrap_or(usize::MAX)
    };
    let likeliest = values.counted.iter().map(|(value, _)| value.as_str());
    let likeliest = likeliest.filter(|value| is_accepted(value) < usize::MAX);
    let chosen = likeliest
        .min_by_key(|value| is_accepted(value))
        .or_else(|| ACCEPTED.iter().find(in_checks).copied());
    let mut comments = vec![format!("# {values}")];
    let chosen = chosen.map(str::to_owned).or_else(|| {
        comments.push(
            "# CHECK: which of them make a connection? The most frequent one is a guess."
                .to_owned(),
        );
        values.counted.first().map(|(value, _)| value.clone())
    });
    let condition = chosen.map(|value| {
        let value = match value.parse::<i64>() {
            Ok(number) if column.is_integer() => number.to_string(),
            _ => text(&value),
        };
        (key(&column.name), value)
    });
    Ok((condition, comments))
}
