//! `cloudctl profile`.

use crate::{
    answer::{Answer, as_of_json, as_of_line, table},
    arguments::Profile,
    exit::Failed,
    servers::Servers,
};
use cloud_client::proto::databus::v1::{Position, PositionKind, YearMonth};
use cloud_profile::{MemberLine, PositionLine};
use serde_json::json;

pub(crate) async fn ask(servers: &Servers, question: Profile) -> Result<Answer, Failed> {
    let answer = servers.client().await?.profiles(&question.members).await?;
    let (mut text, mut lines) = (String::new(), Vec::new());
    for result in answer.results {
        let id = result.member_id;
        let Some(profile) = result.profile else {
            text += &format!("{id}: no such member\n\n");
            lines.push(json!({ "member_id": id, "profile": null }));
            continue;
        };
        let member = profile.member.unwrap_or_default();
        let mut rows = table(&["member", &id.to_string()]);
        let place = [&member.place, &member.region, &member.country];
        let place: Vec<_> = place
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(String::as_str)
            .collect();
        let facts = [
            ("name", member.display_name.clone()),
            ("headline", member.headline.clone()),
            ("location", place.join(", ")),
            ("industry", member.industry.clone()),
            ("summary", member.summary.clone()),
            ("skills", member.skills.join(", ")),
        ];
        for (name, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
            rows.add_row([name, &fact]);
        }
        for position in &profile.positions {
            rows.add_row([kind(position), &sentence(position)]);
        }
        text += &format!("{rows}\n\n");
        let positions: Vec<_> = profile
            .positions
            .into_iter()
            .map(PositionLine::from)
            .collect();
        let profile = json!({ "member": MemberLine::from(member), "positions": positions });
        lines.push(json!({ "member_id": id, "profile": profile }));
    }
    let as_of = answer.as_of.as_ref();
    Ok(Answer {
        text: format!("{text}{}", as_of_line(as_of)),
        json: json!({ "as_of": as_of_json(as_of), "profiles": lines }),
    })
}

fn kind(position: &Position) -> &'static str {
    match position.kind() {
        PositionKind::Work => "work",
        PositionKind::Education => "education",
        PositionKind::Unspecified => "position",
    }
}

fn sentence(position: &Position) -> String {
    let Position {
        title,
        organisation,
        country,
        from,
        to,
        current,
        ..
    } = position;
    let begun = from.map(year_month).unwrap_or_default();
    let ended = if *current {
        "today".to_owned()
    } else {
        to.map(year_month).unwrap_or_default()
    };
    let what: Vec<_> = [title, organisation, country]
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let what: Vec<_> = what.into_iter().map(String::as_str).collect();
    format!("{} ({begun} – {ended})", what.join(", "))
}

fn year_month(time: YearMonth) -> String {
    match time.month {
        0 => time.year.to_string(),
        month => format!("{}-{month:02}", time.year),
    }
}
