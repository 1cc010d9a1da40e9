//! `cloudctl suggest`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Suggest,
    exit::Failed,
    names::Names,
    servers::Servers,
    table::Table,
};
use cloud_client::{Page, SuggestionsOptions};
use serde_json::json;

pub(crate) async fn ask(servers: &Servers, question: Suggest) -> Result<Answer, Failed> {
    let client = servers.viewer(question.viewer).await?;
    let Suggest { viewer, limit } = question;
    let options = SuggestionsOptions {
        page: Page {
            size: limit,
            ..Page::default()
        },
        ..SuggestionsOptions::default()
    };
    let answer = client.suggestions(viewer, options).await?;
    let suggestions = &answer.suggestions;
    let members = suggestions.iter().map(|suggestion| suggestion.member_id);
    let names = Names::of(&client, members).await?;
    let mut rows = Table::new(&["member", "name", "headline", "shared"]);
    for suggestion in suggestions {
        let id = suggestion.member_id;
        rows.add_row([
            &id.to_string(),
            names.name(id),
            names.headline(id),
            &suggestion.shared_count.to_string(),
        ]);
    }
    let lines: Vec<_> = suggestions
        .iter()
        .map(|suggestion| {
            json!({
                "member_id": suggestion.member_id,
                "name": names.name(suggestion.member_id),
                "headline": names.headline(suggestion.member_id),
                "shared_count": suggestion.shared_count,
            })
        })
        .collect();
    let as_of = answer.as_of.as_ref();
    Ok(Answer {
        text: format!("{rows}\n{}", as_of_line(as_of)),
        json: json!({ "as_of": as_of_json(as_of), "viewer_id": viewer, "suggestions": lines }),
    })
}
