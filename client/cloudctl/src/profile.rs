//! `cloudctl profile`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Profile,
    exit::Failed,
    servers::Servers,
    table::Table,
};
use cloud_client::proto::databus::v1::{Position, YearMonth};
use cloud_profile::{Fields, Kind, Line, from_wire};
use serde_json::json;

pub(crate) async fn ask(servers: &Servers, question: Profile) -> Result<Answer, Failed> {
    let client = servers.reader(&question.reader).await?;
    let fields: Vec<_> = question.fields.iter().map(String::as_str).collect();
    let (as_of, results) = client.all_profiles(&question.members, &fields).await?;
    let exists = results.iter().any(|result| result.profile.is_some());
    let (mut text, mut lines) = (String::new(), Vec::new());
    for result in results {
        let id = result.member_id;
        let Some(profile) = result.profile else {
            text += &format!("{id}: no such member\n\n");
            lines.push(json!({ "member_id": id, "profile": null }));
            continue;
        };
        let profile = from_wire(profile);
        let member = profile.member.unwrap_or_default();
        let mut rows = Table::new(&["member", &id.to_string()]);
        for (label, values) in facts(&member) {
            rows.add_row([label, &values.join(", ")]);
        }
        for position in &profile.positions {
            let kind = Kind::from(position.kind).word().unwrap_or("position");
            rows.add_row([kind, &sentence(position)]);
        }
        text += &format!("{rows}\n\n");
        let positions: Vec<_> = profile.positions.into_iter().map(Line).collect();
        let profile = json!({ "member": Line(member), "positions": positions });
        lines.push(json!({ "member_id": id, "profile": profile }));
    }
    let as_of = as_of.as_ref();
    let answer = Answer {
        text: format!("{text}{}", as_of_line(as_of)),
        json: json!({ "as_of": as_of_json(as_of), "profiles": lines }),
    };
    answer.if_any(exists)
}

/// Returns the texts that are printed, by their labels. Consecutive values with the same label are
/// joined.
fn facts<M: Fields>(message: &M) -> Vec<(&'static str, Vec<&str>)> {
    let mut facts: Vec<(&str, Vec<&str>)> = Vec::new();
    for field in M::FIELDS {
        let Some(label) = field.label else { continue };
        field.for_each_text(message, |text| match facts.last_mut() {
            Some((last, values)) if *last == label => values.push(text),
            _ => facts.push((label, vec![text])),
        });
    }
    facts
}

fn sentence(position: &Position) -> String {
    let begun = position.from.map(year_month).unwrap_or_default();
    let ended = if position.current {
        "today".to_owned()
    } else {
        position.to.map(year_month).unwrap_or_default()
    };
    let facts = facts(position).into_iter().map(|(label, values)| {
        let values = values.join(", ");
        format!("{label} {values}").trim_start().to_owned()
    });
    let what: Vec<_> = facts.collect();
    format!("{} ({begun} – {ended})", what.join(", "))
}

fn year_month(time: YearMonth) -> String {
    match time.month {
        0 => time.year.to_string(),
        month => format!("{}-{month:02}", time.year),
    }
}
